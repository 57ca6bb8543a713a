# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes of a Gaussian avatar: what each Gaussian carries, composited in one go with its colour."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np

from ...shared.arrays import BoolArray, Float32Array
from ...shared.camera import Camera
from ...shared.errors import InputError
from ...shared.head import REGIONS, HeadModel
from ...shared.motion import Motion
from ...shared.pictures import PictureRequest
from ..avatar.avatar import Avatar
from ..avatar.drive import Actor, PosedAvatar
from ..avatar.gaussians import Gaussians, seen_colours
from ..avatar.regions import PASS_REGIONS, avatar_regions
from ..raster.colour import linear_light
from ..raster.device import Device, choose_rasteriser
from ..raster.gaussians import GaussianImage
from ..raster.oversample import rasterise_oversampled
from ..raster.row_parallel import together
from . import opaque_core as solid
from . import resolve
from .frame import Frame, Poses

_WEIGHT, _DEPTH = 3, 4


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which channels hold what; first come the colour, the weight in what is averaged over the
    Gaussians behind a pixel, and the depth times that weight."""

    normal: slice | None
    masks: slice | None
    uv: slice | None
    vector: slice | None
    count: int


def _lay_out(passes: tuple[str, ...]) -> _Layout:
    # Skin is what the other masks leave of alpha.
    widths = {"normal": 3, "mask": len(PASS_REGIONS) - 1, "uv": 2, "vector": 4}
    found: dict[str, slice | None] = dict.fromkeys(widths)
    count = _DEPTH + 1
    for name, width in widths.items():
        if name in passes:
            found[name] = slice(count, count + width)
            count += width
    return _Layout(found["normal"], found["mask"], found["uv"], found["vector"], count)


class GaussianPainter:
    """Draws the frames of one take on one avatar. Raises InputError `space.no_adapter`,
    `option.device`, `avatar.regions`, and `option.pass` for UVs of an avatar that has none."""

    def __init__(
        self, avatar: Avatar, motion: Motion, request: PictureRequest, device: Device = "cpu"
    ) -> None:
        self._request, self._layout = request, _lay_out(request.passes)
        self._rasterise = choose_rasteriser(device)
        self._play(Actor(avatar, motion, request.follow))
        self._fixed: dict[str, Float32Array] = {}
        self._two_sided = _two_sided(avatar)
        self._body = solid.body_of(avatar) if avatar.solid else None
        if self._layout.masks:
            label = avatar_regions(avatar)
            self._fixed["masks"] = np.eye(len(PASS_REGIONS), dtype=np.float32)[label, 1:]
        if self._layout.uv:
            self._fixed["uv"] = _uv_of(avatar)

    def playing(self, motion: Motion) -> GaussianPainter:
        """The same avatar in another take; what is known of it at rest is shared. Raises
        InputError `space.no_adapter`."""
        other = copy.copy(self)
        other._play(self._actor.playing(motion))
        return other

    def _play(self, actor: Actor) -> None:
        self._actor = actor
        self._poses: Poses[PosedAvatar] = Poses(actor.pose, _means, len(actor.motion))

    def paint_light(self, index: int, camera: Camera) -> Float32Array:
        """(H, W, 4) what `paint` gives as `combined`, the same bits, and nothing else."""
        posed = self._actor.pose(index, with_smooth_normals=False)
        image = self._image_of(
            posed.gaussians, np.ascontiguousarray(seen_colours(posed.gaussians, camera)), camera
        )
        with together():
            if self._body is not None:
                coverage = solid.inside(posed.vertices, self._body, camera)
                solid.make_solid(image.colour, image.alpha, coverage)
            return linear_light(image.colour, image.alpha)

    def paint(self, index: int) -> Frame:
        """One frame of the take, through that frame's camera."""
        camera, layout = self._request.camera_at(index), self._layout
        image = self._composite(index, camera)
        stack, alpha, passes = image.colour, image.alpha, self._request.passes
        matrix = self._request.world_at(index)
        weight = stack[..., _WEIGHT]
        with together():
            if self._body is not None:
                vertices = self._poses.at(index).vertices
                solid.make_solid(stack, alpha, solid.inside(vertices, self._body, camera))
            depth = resolve.mean_depth(stack, _DEPTH, _WEIGHT)
            return Frame(
                index=index,
                combined=linear_light(stack, alpha),
                depth=depth,
                normal=resolve.directions(stack, layout.normal) if layout.normal else None,
                position=resolve.places(depth, camera, matrix) if "position" in passes else None,
                masks=resolve.complete_masks(stack, layout.masks, alpha) if layout.masks else None,
                object_index=resolve.where_covered(alpha, self._request.object_index)
                if "index" in passes
                else None,
                uv=resolve.divide(stack, layout.uv, weight) if layout.uv else None,
                vector=resolve.divide(stack, layout.vector, weight) if layout.vector else None,
            )

    def _composite(self, index: int, camera: Camera) -> GaussianImage:
        gaussians = self._poses.at(index).gaussians
        carried = np.empty((len(gaussians.means), self._layout.count), np.float32)
        carried[:, :3] = seen_colours(gaussians, camera)
        self._carry_data(carried, index, camera)
        return self._image_of(gaussians, carried, camera)

    def _image_of(
        self, gaussians: Gaussians, carried: Float32Array, camera: Camera
    ) -> GaussianImage:
        scene = (gaussians.means, gaussians.quaternions, gaussians.scales, gaussians.opacities)
        if self._request.antialiased:
            return rasterise_oversampled(self._rasterise, *scene, carried, camera, antialiased=True)
        return self._rasterise(*scene, carried, camera)

    def _carry_data(self, carried: Float32Array, index: int, camera: Camera) -> None:
        """Fills in all but the colours."""
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
