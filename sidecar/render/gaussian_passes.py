# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes of a Gaussian avatar: each Gaussian's data, composited together with its colour."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np

from ...shared.arrays import BoolArray, Float32Array, FloatArray, UInt8Array
from ...shared.camera import Camera
from ...shared.errors import InputError
from ...shared.head import REGIONS, HeadModel
from ...shared.motion import Motion
from ...shared.pictures import PictureRequest
from ..avatar.avatar import Avatar
from ..avatar.drive import Actor, PosedAvatar
from ..avatar.regions import PASS_REGIONS
from ..avatar.splats import seen_colours
from ..raster.colour import linear_light
from ..raster.device import Device, choose_rasteriser
from ..raster.gaussians import GaussianImage, Gaussians
from ..raster.oversample import rasterise_oversampled
from ..raster.parallel import RowWork, run_rows
from . import opaque_core, resolve
from .frame import Frame, Poses

_WEIGHT, _DEPTH = 3, 4


@dataclass(frozen=True, slots=True)
class _Layout:
    """The channels of each pass. Before them come the colour, the Gaussian's weight in the mean
    over a pixel's Gaussians, and the depth times that weight."""

    normal: slice | None
    masks: slice | None
    uv: slice | None
    vector: slice | None
    count: int


def _lay_out(passes: tuple[str, ...], *, with_masks: bool) -> _Layout:
    # The skin's mask is alpha minus the other masks.
    widths = {"normal": 3, "mask": len(PASS_REGIONS) - 1, "uv": 2, "vector": 4}
    found: dict[str, slice | None] = dict.fromkeys(widths)
    count = _DEPTH + 1
    for name, width in widths.items():
        if name in passes and (with_masks or name != "mask"):
            found[name] = slice(count, count + width)
            count += width
    return _Layout(found["normal"], found["mask"], found["uv"], found["vector"], count)


class GaussianPainter:
    """Draws the frames of one take on one avatar. label: (N,) each Gaussian's index into
    `PASS_REGIONS`; without it there are no masks. Raises InputError `space.no_adapter`
    if the take is not in the avatar's space, `option.device*` if the device is not there,
    `option.pass` for UVs of an avatar that has none."""

    def __init__(
        self,
        avatar: Avatar,
        motion: Motion,
        request: PictureRequest,
        device: Device = "cpu",
        label: UInt8Array | None = None,
    ) -> None:
        self._request = request
        self._layout = _lay_out(request.passes, with_masks=label is not None)
        self._rasterise = choose_rasteriser(device)
        appearance = 1.0 if request.appearance is None else request.appearance
        self._play(Actor(avatar, motion, request.follow, appearance, request.skin_emotions))
        self._fixed: dict[str, Float32Array] = {}
        self._two_sided = _two_sided(avatar)
        self._core = opaque_core.find_core(avatar) if avatar.opaque_core else None
        if label is not None:
            self._fixed["masks"] = np.eye(len(PASS_REGIONS), dtype=np.float32)[label, 1:]
        if self._layout.uv:
            self._fixed["uv"] = _uv_of(avatar)

    def playing(
        self,
        motion: Motion,
        appearance: FloatArray | float | None = None,
        emotions: FloatArray | None = None,
    ) -> GaussianPainter:
        """A painter of another take on the same avatar; what does not depend on the take is shared.
        appearance, emotions: as in `Actor.playing`. Raises InputError `space.no_adapter` if the
        take is not in the avatar's space."""
        other = copy.copy(self)
        other._play(self._actor.playing(motion, appearance, emotions))
        return other

    def _play(self, actor: Actor) -> None:
        self._actor = actor
        self._poses: Poses[PosedAvatar] = Poses(actor.pose, _means, len(actor.motion))

    def paint_light(self, index: int, camera: Camera) -> Float32Array:
        """(H, W, 4) the `combined` of `paint` alone, with the same bits."""
        posed = self._actor.pose(index, with_smooth_normals=False)
        image = self._rasterised(posed.gaussians.seen_by(camera), camera)
        light = linear_light(image.colour, image.alpha)
        core = self._core_work(image, posed.vertices, camera)
        run_rows([work.fill for work in (*core, light)], camera.height)
        return light.result

    def paint(self, index: int) -> Frame:
        """One frame of the take, through that frame's camera."""
        camera, posed = self._request.camera_at(index), self._poses.at(index)
        carried = np.empty((len(posed.gaussians), self._layout.count), np.float32)
        carried[:, :3] = seen_colours(posed.gaussians, camera)
        self._carry_data(carried, index, camera)
        image = self._rasterised(posed.gaussians.carrying(carried), camera)
        passes = self._pass_work(image, index, camera)
        core = self._core_work(image, posed.vertices, camera)
        run_rows([work.fill for work in (*core, *passes.values())], camera.height)
        return Frame(index=index, **{name: work.result for name, work in passes.items()})

    def _pass_work(self, image: GaussianImage, index: int, camera: Camera) -> dict[str, RowWork]:
        """The work that computes each pass of `Frame` from the composited channels, in order."""
        layout, request = self._layout, self._request
        stack, alpha = image.colour, image.alpha
        weight = stack[..., _WEIGHT]
        depth = resolve.mean_depth(stack, _DEPTH, _WEIGHT)
        passes = {"depth": depth, "combined": linear_light(stack, alpha)}
        if layout.normal:
            passes["normal"] = resolve.directions(stack, layout.normal)
        if "position" in request.passes:
            passes["position"] = resolve.places(depth.result, camera, request.world_at(index))
        if layout.masks:
            passes["masks"] = resolve.complete_masks(stack, layout.masks, alpha)
        if "index" in request.passes:
            passes["object_index"] = resolve.where_covered(alpha, request.object_index)
        if layout.uv:
            passes["uv"] = resolve.divide(stack, layout.uv, weight)
        if layout.vector:
            passes["vector"] = resolve.divide(stack, layout.vector, weight)
        return passes

    def _core_work(
        self, image: GaussianImage, vertices: Float32Array, camera: Camera
    ) -> list[RowWork]:
        """Makes the avatar's opaque core opaque, if it has one."""
        if self._core is None:
            return []
        coverage = opaque_core.core_coverage(vertices, self._core, camera)
        return [opaque_core.make_opaque(image.colour, image.alpha, coverage)]

    def _rasterised(self, gaussians: Gaussians, camera: Camera) -> GaussianImage:
        if self._request.antialiased:
            return rasterise_oversampled(self._rasterise, gaussians, camera, antialiased=True)
        return self._rasterise(gaussians, camera)

    def _carry_data(self, carried: Float32Array, index: int, camera: Camera) -> None:
        """Fills in all channels (N, C) but the colours."""
        layout, posed = self._layout, self._poses.at(index)
        means = posed.gaussians.means
        facing = resolve.weigh_facing(posed.normals, means, camera, self._two_sided)
        carried[:, _WEIGHT] = facing.weight
        carried[:, _DEPTH] = facing.weight * facing.depth
        if layout.normal:
            axes = self._request.normal_axes(index)
            seen = posed.normals * facing.side[:, None]
            carried[:, layout.normal] = resolve.turn_normals(seen, axes)
        if layout.masks:
            carried[:, layout.masks] = self._fixed["masks"]
        if layout.uv:
            carried[:, layout.uv] = self._fixed["uv"] * facing.weight[:, None]
        if layout.vector:
            vectors = self._poses.vectors(index, self._request)
            carried[:, layout.vector] = vectors * facing.weight[:, None]


def _means(posed: PosedAvatar) -> Float32Array:
    return posed.gaussians.means


def has_uv(avatar: Avatar) -> bool:
    """Whether the avatar's surface has UVs."""
    return isinstance(avatar.surface, HeadModel)


def _two_sided(avatar: Avatar) -> BoolArray:
    """(N,) True for Gaussians on the cards that carry brows and lashes, and for all where no
    surface says which side is out."""
    if not isinstance(avatar.surface, HeadModel):
        return np.full(len(avatar), avatar.surface is None)
    cards = np.isin(avatar.surface.region, [REGIONS.index(name) for name in ("brow", "lash")])
    home = avatar.anchors if avatar.binding == "vertex" else avatar.faces[avatar.anchors, 0]
    return cards[home]


def _uv_of(avatar: Avatar) -> Float32Array:
    """(N, 2) each Gaussian's UV: its vertex's, or the middle of its face's."""
    if not isinstance(avatar.surface, HeadModel):
        raise InputError(
            "option.pass", f"The avatar '{avatar.name}' has no UVs.", "Leave the pass 'uv' out."
        )
    uv = avatar.surface.uv  # (F, 3, 2)
    if avatar.binding == "face":
        return uv.mean(1)[avatar.anchors]
    of_vertex = np.zeros((len(avatar.vertices), 2), np.float32)
    of_vertex[avatar.faces] = uv
    return of_vertex[avatar.anchors]
