# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels of Gaussians by what an avatar shows where each of them is.

The surface that they are bound to, drawn beside them, says what a pixel is of: networks train
them on it, and their own anchors say less, since spare Gaussians of the eyeballs and of the
mouth's inside are used to paint the skin near by. Where no surface is behind, as in hair, the
anchors of what is seen there have to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from ...shared.arrays import BoolArray, Float32Array, FloatArray, Int32Array, Int64Array, UInt8Array
from ...shared.camera import Camera, look_at
from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES, Motion, make_motion
from ..head.read import OPEN, read_head
from ..raster.differentiable import rasterise_tensors
from ..raster.gaussians import Gaussians, GaussianTensors, rasterise_gaussians
from ..raster.mesh import interpolate, rasterise_mesh, seen_from_behind
from . import hair
from .alignment import Alignment
from .avatar import Avatar
from .drive import Actor, rest_gaussians
from .splats import Splats, seen_colours

PASS_REGIONS = ("skin", "lips", "eyes", "teeth", "mouth", "hair")
"""The masks, in the order of their channels."""
SKIN, LIPS, EYES, TEETH, MOUTH, HAIR = range(len(PASS_REGIONS))
_AROUND_DEG = (-60.0, -30.0, 0.0, 30.0, 60.0, 120.0, 180.0, 240.0)
_FRONT_DEG = (-30.0, 0.0, 30.0)
_PIXELS, _DISTANCE_M, _MARGIN = 320, 1.5, 1.1
_OPAQUE = 0.9
_FROM_BEHIND = 0.1
"""Weight of what is seen from behind: networks that know a portrait leave the back open, and the
face's inside shows through it."""
_UNSEEN = 1e-3
"""Pixels: who has less than that in all views keeps the anchor's label."""
_JAW_OPEN, _JAW_RAD = 0.7, 0.25
_FACEFUL = 1.5
"""Sizes of the box around eyes and lips that a look into the face shows: an open mouth too."""
_TEETH_STAND_OUT = 15.0
"""Steps of CIE lightness between the middles of bright and of dark in an open mouth that holds
teeth: a tongue and its shadows differ by less."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderedView:
    """A picture of Gaussians, reduced to the P pixels that they fill. row, column: (P,); colours:
    (P, 3) sRGB; carried: (P, C) the mean of the values that the Gaussians seen there carry."""

    gaussians: Gaussians
    camera: Camera
    row: Int64Array
    column: Int64Array
    colours: Float32Array
    carried: Float32Array

    def picture(self, chosen: BoolArray) -> BoolArray:
        """(H, W) True at those of the P pixels that are chosen (P,)."""
        out = np.zeros((self.camera.height, self.camera.width), np.bool_)
        out[self.row, self.column] = chosen
        return out

    def shares(self, label: UInt8Array, count: int) -> Float32Array:
        """(N, count) each Gaussian's share in the pixels of each label: the gradient of the sum of
        those pixels, in which a picture is linear. label: (P,); pixels with a label of `count` or
        more are left out."""
        wanted = np.zeros((self.camera.height, self.camera.width, count), np.float32)
        kept = label < count
        wanted[self.row[kept], self.column[kept], label[kept]] = 1
        shown = self.gaussians
        carried = torch.zeros((len(shown), count), requires_grad=True)
        tensors = GaussianTensors(
            means=_tensor(shown.means),
            quaternions=_tensor(shown.quaternions),
            scales=_tensor(shown.scales),
            opacities=_tensor(shown.opacities),
            colours=carried,
        )
        colour, _, _ = rasterise_tensors(tensors, self.camera)
        colour.backward(torch.from_numpy(wanted))
        assert carried.grad is not None
        return carried.grad.numpy()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Known:
    """What is known of the surface's V vertices, and of N Gaussians by their anchors. label (V,);
    place: (V, 3) on the open head; home: (N,) vertices; places: (N, 3) of the Gaussians."""

    label: UInt8Array
    place: Float32Array
    home: Int32Array
    places: Float32Array

    def carried(self) -> Float32Array:
        """(N, 9) what Gaussians carry to be seen: anchors' labels, and places."""
        return np.concatenate([_one_hot(self.label)[self.home], self.places], 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    """One view's P pixels. label (P,); inner: (P,) True between the lips of an open mouth; place:
    (P, 3) of the surface on the open head, or of the Gaussians where none is; stood: (P, 3) of
    the Gaussians; weight of a pixel in the poll."""

    view: RenderedView
    label: UInt8Array
    inner: BoolArray
    place: Float32Array
    stood: Float32Array
    weight: float


def labels_as_seen(
    avatar: Avatar, label: UInt8Array, found: Alignment, home: Int32Array
) -> UInt8Array:
    """(N,) index into `PASS_REGIONS`. label: (V,) that of the surface's vertices at first, by its
    alignment `found`; home: (N,) the vertex that each Gaussian is bound to."""
    offsets = avatar.means - avatar.vertices[home]
    known = _Known(
        label=label,
        place=found.place,
        home=home,
        places=(found.place[home] + offsets * found.open_from_metres).astype(np.float32),
    )
    rest = list(_look(avatar, known, rest_gaussians(avatar), avatar.vertices))
    seen = _with_hair(rest, read_head(OPEN))
    if (label == LIPS).any():
        posed = Actor(avatar, _open_mouth(avatar)).pose(0)
        cube = _face_cube(avatar, label)
        mouth = _look_at(avatar, known, posed.gaussians, posed.vertices, cube, _FRONT_DEG)
        seen += _with_mouth(list(mouth))
    poll = np.zeros((len(home), len(PASS_REGIONS)))
    for one in seen:
        poll += one.weight * one.view.shares(one.label, len(PASS_REGIONS))
    return np.where(poll.max(1) < _UNSEEN, label[home], poll.argmax(1)).astype(np.uint8)


def _look(
    avatar: Avatar, known: _Known, gaussians: Splats, vertices: Float32Array
) -> Iterator[_Seen]:
    """The whole head from around, the face from the front."""
    cube = _whole_head(avatar)
    yield from _look_at(avatar, known, gaussians, vertices, cube, _AROUND_DEG)
    cube = _face_cube(avatar, known.label)
    yield from _look_at(avatar, known, gaussians, vertices, cube, _FRONT_DEG)


def _look_at(
    avatar: Avatar,
    known: _Known,
    gaussians: Splats,
    vertices: Float32Array,
    cube: tuple[Float32Array, float],
    yaws_deg: tuple[float, ...],
) -> Iterator[_Seen]:
    # A pixel counts by its size on the head.
    scale = (cube[1] / _whole_head(avatar)[1]) ** 2
    views = _render_views(gaussians, known.carried(), yaws_deg, cube)
    for yaw, view in zip(yaws_deg, views, strict=True):
        label, place, on_surface, from_within = _on_surface(view, vertices, avatar.faces, known)
        stood = view.carried[:, len(PASS_REGIONS) :]
        by_anchor = view.carried[:, : len(PASS_REGIONS)].argmax(1)
        label = np.where(on_surface, label, by_anchor).astype(np.uint8)
        within_lips = _hull(view, label == LIPS)
        label[(label == MOUTH) & ~within_lips] = SKIN  # such as nostrils
        yield _Seen(
            view=view,
            label=label,
            inner=within_lips & (from_within | (label == MOUTH)),
            place=np.where(on_surface[:, None], place, stood),
            stood=stood,
            weight=scale * (_FROM_BEHIND if abs(yaw - 180) < 90 else 1.0),
        )


def _on_surface(
    view: RenderedView, vertices: Float32Array, faces: Int32Array, known: _Known
) -> tuple[UInt8Array, Float32Array, BoolArray, BoolArray]:
    """Of the view's P pixels: the surface's label and (P, 3) place; where it is seen at all; and
    where it is not seen from outside, as through an open mouth."""
    fragments = rasterise_mesh(vertices, faces, view.camera)
    values = np.concatenate([_one_hot(known.label), known.place], 1)
    shown = interpolate(values, faces, fragments)[view.row, view.column]
    label = shown[:, : len(PASS_REGIONS)].argmax(1).astype(np.uint8)
    face = fragments.face[view.row, view.column]
    behind = seen_from_behind(vertices, faces, view.camera)
    seen = face >= 0
    return label, shown[:, len(PASS_REGIONS) :], seen, ~seen | behind[face]


def _hull(view: RenderedView, chosen: BoolArray) -> BoolArray:
    """(P,) the pixels within the convex hull of the chosen ones (P,)."""
    filled = np.zeros((view.camera.height, view.camera.width), np.uint8)
    if chosen.any():
        points = np.column_stack([view.column, view.row])[chosen].astype(np.int32)
        cv2.fillConvexPoly(filled, cv2.convexHull(points), 1)
    return filled[view.row, view.column] > 0


def _with_hair(seen: list[_Seen], open_head: HeadModel) -> list[_Seen]:
    placed = hair.Placed(
        places=np.concatenate([one.place for one in seen]),
        stood=np.concatenate([one.stood for one in seen]),
        colours=np.concatenate([one.view.colours for one in seen]),
        skin=np.concatenate([one.label == SKIN for one in seen]),
    )
    found = hair.find_hair(placed, open_head)
    ends = np.cumsum([len(one.label) for one in seen])[:-1]
    grows, hangs, brow = (np.split(part, ends) for part in (found.grows, found.hangs, found.brow))
    return [
        replace(one, label=np.where(_joined(one.view, g, h) | b, np.uint8(HAIR), one.label))
        for one, g, h, b in zip(seen, grows, hangs, brow, strict=True)
    ]


def _joined(view: RenderedView, grows: BoolArray, hangs: BoolArray) -> BoolArray:
    """(P,) hair where it grows, and what may hang there that is joined to it in the picture: a
    lock begins somewhere, a shadow on the forehead does not."""
    picture = view.picture(grows | hangs).astype(np.uint8)
    count, found = cv2.connectedComponents(picture, connectivity=8)
    mine = np.asarray(found, np.int32)[view.row, view.column]
    rooted = np.zeros(count, bool)
    rooted[mine[grows]] = True
    return (grows | hangs) & rooted[mine]


def _with_mouth(seen: list[_Seen]) -> list[_Seen]:
    """Only what is seen between the lips of an open mouth; bright is teeth there."""
    colours = [one.view.colours[one.inner] for one in seen]
    bright = _stand_out(np.concatenate(colours))
    ends = np.cumsum([len(part) for part in colours])[:-1]
    out: list[_Seen] = []
    for one, teeth in zip(seen, np.split(bright, ends), strict=True):
        label = np.full(len(one.label), len(PASS_REGIONS), np.uint8)  # takes no part in the poll
        label[one.inner] = np.where(teeth, TEETH, MOUTH)
        out.append(replace(one, label=label))
    return out


def _stand_out(colours: Float32Array) -> BoolArray:
    """(P,) the bright ones of colours (P, 3) sRGB, if they are well apart from the dark."""
    if len(colours) < 2:
        return np.zeros(len(colours), bool)
    grey = cv2.cvtColor(np.clip(colours, 0, 1)[None], cv2.COLOR_RGB2LAB)[0, :, 0]
    steps = np.round(2.55 * grey).astype(np.uint8)
    limit = cv2.threshold(steps, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0] / 2.55
    bright = grey > limit
    if bright.all() or not bright.any():
        return np.zeros(len(colours), bool)
    apart = np.median(grey[bright]) - np.median(grey[~bright])
    return bright & (apart > _TEETH_STAND_OUT)


def _face_cube(avatar: Avatar, label: UInt8Array) -> tuple[Float32Array, float]:
    """The middle (3,) and the size, metres, of a cube that holds eyes and lips."""
    face = avatar.vertices[(label == LIPS) | (label == EYES)]
    if not len(face):
        return _whole_head(avatar)
    low, high = face.min(0), face.max(0)
    return 0.5 * (low + high), _FACEFUL * float((high - low).max())


def _open_mouth(avatar: Avatar) -> Motion:
    """One frame in the space that the avatar's surface speaks."""
    surface = avatar.surface
    if isinstance(surface, HeadModel):
        jaw = np.array([[_JAW_RAD, 0, 0]], np.float32)
        nothing = np.zeros((1, 100), np.float32)
        return make_motion(expression=nothing, fps=25.0, space=surface.space, jaw=jaw)
    weights = np.zeros((1, 100), np.float32)
    weights[0, ARKIT_NAMES.index("jawOpen")] = _JAW_OPEN
    return make_motion(expression=weights, fps=25.0, space="arkit")


def _whole_head(avatar: Avatar) -> tuple[Float32Array, float]:
    """The middle (3,) and the size, metres, of a cube that holds the avatar's surface."""
    low, high = avatar.vertices.min(0), avatar.vertices.max(0)
    return 0.5 * (low + high), _MARGIN * float(np.linalg.norm(high - low))


def _render_views(
    splats: Splats, carried: FloatArray, yaws_deg: Sequence[float], cube: tuple[Float32Array, float]
) -> list[RenderedView]:
    """Views of the Gaussians from several sides. A cube (its middle, its size in metres) fills
    each picture. carried: (N, C) values of each Gaussian."""
    middle, size = cube
    views: list[RenderedView] = []
    for yaw in yaws_deg:
        camera = look_at(
            target=middle.astype(np.float64),
            distance=_DISTANCE_M,
            yaw_rad=np.radians(yaw),
            pitch_rad=0.0,
            width=_PIXELS,
            height=_PIXELS,
            fov_y_rad=2 * np.arctan(0.5 * size / _DISTANCE_M),
        )
        values = np.concatenate([seen_colours(splats, camera), carried], 1, dtype=np.float32)
        image = rasterise_gaussians(splats.carrying(values), camera)
        row, column = np.nonzero(image.alpha > _OPAQUE)
        shown = image.colour[row, column] / image.alpha[row, column, None]
        views.append(
            RenderedView(
                gaussians=splats,
                camera=camera,
                row=row,
                column=column,
                colours=shown[:, :3],
                carried=shown[:, 3:],
            )
        )
    return views


def _tensor(values: FloatArray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _one_hot(label: UInt8Array) -> Float32Array:
    return np.eye(len(PASS_REGIONS), dtype=np.float32)[label]
