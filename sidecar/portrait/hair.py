# SPDX-License-Identifier: GPL-3.0-or-later
"""Hair as a closed sheet of Gaussians, blown up from its outline in the photo.

Seen from the camera, hair and head have one outline. A sheet before the plane through the ears
carries the hair's pixels, one behind it closes the back of the head, and a ring around the outline
joins them. How far a pixel is lifted from the plane follows the largest circle in the outline that
it lies in: a head becomes a ball, a topknot a small one. All of it moves with the skull alone, so
that a fringe does not follow the brows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]
from scipy.spatial.transform import Rotation

from ...shared.arrays import (
    BoolArray,
    Float32Array,
    Float64Array,
    FloatArray,
    IndexArray,
    Int32Array,
)
from ...shared.head import JOINTS, REGIONS, HeadModel
from ..raster.colour import srgb_to_linear
from ..raster.mesh import interpolate, rasterise_mesh
from . import landmarks as marks
from .curtains import CURTAIN_OFF_M, HIGHEST_M, depth_beside, hanging, nearest
from .framing import Frame
from .light import LUMINANCE
from .strands import (
    Strands,
    Texture,
    ends,
    hair_colours,
    joined,
    loose_ends,
    nape_hair,
    nape_height,
    read_texture,
)
from .surface import Pieces

_STEP_PIXELS, _BACK_STEP_PIXELS = 2, 7
"""Distances of the sheets' Gaussians; a pixel is about half a millimetre."""
MOST_GAUSSIANS = 70_000
"""Of an avatar; what the head leaves of them is the hair's."""
_COARSEST_PIXELS, _COARSER = 8.0, 1.02
_BACK_WITHIN = 0.8
"""How far within the outline the sheet behind ends, in its steps."""
_RIM_SHARE, _RIM_WIDTH_PIXELS = 0.45, 0.7
"""The widest Gaussians near the outline, in their distances to it and in pixels more: others would
stand out, as a halo."""
_WIDTH = 0.72
"""Standard deviation of a Gaussian, in steps."""
_THICKNESS_M = 3e-4
_RIM_STRETCH, _MOST_STRETCH, _MOST_PARTS, _RIM_PIXELS = 3.5, 5.5, 4, 8
"""How far a steep Gaussian may be stretched to its neighbour: near the outline, where it would
stand out and a ring of others closes the gap, and elsewhere, where more take its place."""
_EARS_BEHIND_M = 0.045
"""How far the plane of the outline lies behind the eyeballs' middles."""
_OVER_SKIN_M, _BACK_VOLUME_M = 0.003, 0.010
"""Hair before the head lies at least and at most so far off it; and so far behind the skull."""
_THIN_M, _RISES = 0.0015, 1.1
"""At its border with bare skin hair lies so close to the head, and rises by so much of the way
from there: the border would stand before the skin beside it when the head turns."""
_EAR_SIDE_M, _EAR_HIGH_M, _EAR_LOW_M = 0.069, 0.045, -0.04
_CIRCLES = 16
_RING_STEP_M, _RING_PIXELS = 0.0042, 4
_LEAST_PIXELS = 400
_TAIL_PIXELS, _CRUMB_PIXELS = 13, 1500
"""Beside and below the ears hair is at least so wide, and its pieces so large, about an ear's size:
less floats in the air when the head turns."""
_HANGING_PIXELS = 40
_MIRROR_M, _MIRROR_DARK, _MIRROR_BRIGHT = 0.022, 0.55, 1.5
"""So far behind the outline the photo's own hair goes on, as in a mirror, and within so many times
the light of the hair around: the outline has a share of the background."""
_OPACITY = 0.99
_STILL_M = 2e-5
_SCALP_HIGH_M, _SCALP_BEHIND_M = 0.080, 0.0
_NAPE_BARE_M, _NAPE_FROM_M = 0.010, -0.062
"""So far above the nape's hairline, and so far back, skin lies under hair."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hair:
    """N Gaussians of hair, at rest: fields of `Avatar`, colours linear; scalp: (P,) which pieces of
    the head lie under hair; scalp_colour: (P, 3) linear. The first `front` of them are the sheet
    that carries the photo's pixels, of which `firm` (F,) say that those are surely hair."""

    anchors: Int32Array
    offsets: Float32Array
    quaternions: Float32Array
    scales: Float32Array
    opacities: Float32Array
    colours: Float32Array
    front: int
    firm: BoolArray
    scalp: BoolArray
    scalp_colour: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Relief:
    """Depths (H, W), metres along the view axis, of the front and the back of hair and head, and
    which pixels lie inside the outline, which ends below at the row `lowest`."""

    front: Float64Array
    back: Float64Array
    plane: float
    inside: BoolArray
    lowest: int


def make_hair(
    head: HeadModel,
    pieces: Pieces,
    vertices: Float32Array,
    frame: Frame,
    mask: Float32Array,
    bare: BoolArray,
    room: int,
) -> Hair | None:
    """The hair of the photo; None where there is hardly any. vertices: (V, 3) of the head as in the
    photo; mask: (H, W) from `masks.hair_mask`; bare: (P,) pieces of the head that the photo shows
    as skin; room: how many Gaussians it may have."""
    solid = solid_hair(frame, mask)
    if solid is None:
        return None
    solid = _without_crumbs(solid, float(frame.landmarks[[*marks.RIGHT_LIDS], 1].mean()))
    if not solid.any():
        return None
    relief, bottom = _blow_up(head, vertices, frame, solid)
    colours, texture = _colours(frame, solid), read_texture(head, frame, solid)
    distances = cv2.distanceTransform(relief.inside.astype(np.uint8), cv2.DIST_L2, 5)
    away = np.asarray(distances, np.float32)
    back = grid_in(relief.inside & (away > _BACK_WITHIN * _BACK_STEP_PIXELS), _BACK_STEP_PIXELS)
    behind = [
        sheet_on(frame, relief.back, away, back, _BACK_STEP_PIXELS),
        _ring(frame, relief, solid),
    ]
    nape = bottom if relief.lowest > frame.landmarks[list(marks.BROWS), 1].mean() else -np.inf
    thick = _opacities(behind, relief, texture)
    strands = _strands(head, pieces, frame, texture, behind, thick, nape)
    room -= len(strands.means) + sum(len(sheet.pixels) for sheet in behind)
    sheets = [_front(frame, relief, away, solid, room), *behind]
    front = sheets[0].pixels
    colours = np.where(texture.firm[..., None], colours, texture.base)
    linear = [colours[front[:, 1], front[:, 0]]]
    linear += [_continued(colours, texture, sheet) for sheet in behind]
    opacities = _opacities(sheets, relief, texture)
    opacities[: len(front)] *= np.clip(mask[front[:, 1], front[:, 0]] * 1.2, 0, 1)
    means = np.concatenate([*(sheet.means for sheet in sheets), strands.means])
    anchors = rigid_anchors(head, pieces, means)
    given = np.concatenate([np.full(len(opacities), -1, np.int32), strands.anchors])
    anchors = np.where(given < 0, anchors, given)
    rest = pieces.avatar.vertices[head.faces].mean(1)
    return Hair(
        anchors=anchors,
        offsets=(means - rest[anchors]).astype(np.float32),
        quaternions=np.concatenate([*(s.quaternions for s in sheets), strands.quaternions]),
        scales=np.concatenate([*(s.scales for s in sheets), strands.scales]),
        opacities=np.concatenate([opacities, strands.opacities]),
        colours=np.concatenate([*linear, strands.colours]).astype(np.float32),
        front=len(front),
        firm=texture.firm[front[:, 1], front[:, 0]],
        scalp=_scalp(pieces, bottom, nape) & ~bare,
        scalp_colour=_scalp_colours(pieces, np.median(colours[solid], 0), texture.low, bottom),
    )


def _opacities(sheets: list[_Sheet], relief: _Relief, texture: Texture) -> Float32Array:
    """(N,) of the sheets' Gaussians, which are less where strands end."""
    rows = np.concatenate([sheet.pixels[:, 1] for sheet in sheets])
    means = np.concatenate([sheet.means for sheet in sheets])
    out = np.full(len(rows), _OPACITY, np.float32)
    low = rows > relief.lowest - _HANGING_PIXELS
    out[low] *= ends(means[low], texture, (relief.lowest - rows[low]).astype(np.float64))
    return out


def _strands(
    head: HeadModel,
    pieces: Pieces,
    frame: Frame,
    texture: Texture,
    behind: list[_Sheet],
    thick: Float32Array,
    bottom: float,
) -> Strands:
    """What lies over the sheets that no photo shows. thick: (N,) the sheets' opacities; bottom:
    where the nape's hair begins."""
    nape = nape_hair(head, pieces, texture, bottom)
    means = np.concatenate([sheet.means for sheet in behind])
    turned = np.concatenate([sheet.quaternions for sheet in behind])
    normals = Rotation.from_quat(np.roll(turned, -1, 1)).as_matrix()[:, :, 2]
    outwards = means - means.mean(0)
    normals = normals * np.where((normals * outwards).sum(1) < 0, -1, 1)[:, None]
    return joined([nape, loose_ends(frame, texture, means, normals, thick)])


def _front(
    frame: Frame, relief: _Relief, away: Float32Array, solid: BoolArray, room: int
) -> _Sheet:
    """The sheet that carries the photo's pixels, as fine as there is room for."""
    step = float(_STEP_PIXELS)
    while True:
        sheet = sheet_on(frame, relief.front, away, grid_in(solid, step), step)
        if len(sheet.pixels) <= room or step > _COARSEST_PIXELS:
            return sheet
        step *= _COARSER * math.sqrt(len(sheet.pixels) / max(room, 1))


def solid_hair(frame: Frame, mask: Float32Array) -> BoolArray | None:
    """(H, W) the pixels of the mask that are hair of the person; None where there is hardly any."""
    solid = (mask > 0.5) & (frame.person > 0.5)
    return solid if solid.sum() >= _LEAST_PIXELS else None


def _without_crumbs(solid: BoolArray, eyes: float) -> BoolArray:
    """The hair without what is thin or small below the row of the eyes."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_TAIL_PIXELS, _TAIL_PIXELS))
    whole = solid.astype(np.uint8)
    wide = cv2.morphologyEx(whole, cv2.MORPH_OPEN, kernel, borderValue=1) > 0
    above = np.arange(len(solid))[:, None] < eyes
    kept = solid & (wide | above)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(kept.astype(np.uint8))
    sizes = stats[:, cv2.CC_STAT_AREA]
    large = sizes >= min(_CRUMB_PIXELS, int(sizes[1:].max(initial=0)))
    return kept & large[np.asarray(pieces, np.int32)]


def _blow_up(
    head: HeadModel, vertices: Float32Array, frame: Frame, solid: BoolArray
) -> tuple[_Relief, float]:
    """The relief, and the height of the hair's lower end on the head, metres."""
    faces = head.faces[head.region[head.faces[:, 0]] == REGIONS.index("skin")]
    near = rasterise_mesh(vertices, faces, frame.camera)
    far = _far_side(vertices, faces, frame)
    on_head = near.face >= 0
    pose = frame.camera.camera_from_world
    eyes = (head.joint_regressor @ head.template)[3:].mean(0)
    plane = float((pose[:3, :3] @ (eyes - [0, 0, _EARS_BEHIND_M]) + pose[:3, 3])[2])
    rows = np.nonzero(solid.any(1))[0]
    lowest = int(np.quantile(np.nonzero(solid)[0], 0.99)) if len(rows) else 0
    below = np.arange(solid.shape[0])[:, None] > lowest
    bald = faces[~_ears(head, faces)]
    round_head = rasterise_mesh(vertices, bald, frame.camera)
    inside = _filled(solid | ((round_head.face >= 0) & ~below))
    lift = _lift(_going_on(inside, lowest)) * inside * plane / frame.camera.focal_x
    rest = interpolate(head.template, faces, near)
    lowest_heights = rest[lowest : lowest + 1, :, 1][on_head[lowest : lowest + 1]]
    bottom = float(np.median(lowest_heights)) if lowest_heights.size else -0.04
    least, most = _off_skin(on_head, solid, plane / frame.camera.focal_x)
    front = np.clip(plane - lift, near.depth - most, near.depth - least)
    curtains = hanging(round_head, solid, plane)
    heights = interpolate(head.template, bald, round_head)[..., 1]
    beside = depth_beside(round_head, heights, frame, plane, curtains)
    middle = float(np.nonzero(round_head.face >= 0)[1].mean())
    side = (np.arange(solid.shape[1]) > middle).astype(int)
    front = np.minimum(front, np.maximum(curtains[side].T, near.depth - CURTAIN_OFF_M))
    front = np.where(on_head, front, np.maximum(plane - lift, beside))
    skull = np.nanmax(np.where(inside & np.isfinite(far), far, np.nan)) + _BACK_VOLUME_M
    deeper = max((skull - plane) / max(float(lift.max()), 1e-6), 0.95)
    back = np.maximum(plane + lift * deeper, np.where(np.isfinite(far), far + 0.004, -np.inf))
    return _Relief(front=_soft(front, inside), back=_soft(back, inside), plane=plane,
                   inside=inside, lowest=lowest), bottom  # fmt: skip


def _off_skin(
    on_head: BoolArray, solid: BoolArray, metre: float
) -> tuple[Float64Array, Float64Array]:
    """(H, W) how far before the head hair lies at least and at most. metre: of a pixel."""
    bare = (on_head & ~solid).astype(np.uint8)
    away = cv2.distanceTransform(1 - bare, cv2.DIST_L2, 5).astype(np.float64) * metre
    least = np.minimum(_THIN_M + _RISES * away, _OVER_SKIN_M)
    return least, np.minimum(least + _RISES * away, HIGHEST_M)


def _ears(head: HeadModel, faces: Int32Array) -> BoolArray:
    """(F,) faces of the ears, which are no part of the outline that hair follows."""
    x, y, _ = head.template[faces].mean(1).T
    return (np.abs(x) > _EAR_SIDE_M) & (y < _EAR_HIGH_M) & (y > _EAR_LOW_M)


def _going_on(inside: BoolArray, lowest: int) -> BoolArray:
    """The outline as if hair and head went straight on below the hair's lower end, which is none
    of the head's."""
    out = inside.copy()
    out[lowest + 1 :] |= inside[max(lowest - 2, 0) : lowest + 1].any(0)
    return out


def _far_side(vertices: Float32Array, faces: Int32Array, frame: Frame) -> Float64Array:
    """(H, W) depth of the head's far side: it is drawn inside out, mirrored in depth."""
    pose = frame.camera.camera_from_world.copy()
    depth = vertices @ pose[2, :3] + pose[2, 3]
    # A point at depth z is put at depth 2 m - z along its own ray, so the farthest is nearest.
    middle = float(depth.mean())
    seen = vertices @ pose[:3, :3].T + pose[:3, 3]
    turned = seen * ((2 * middle - depth) / depth)[:, None]
    plain = replace(frame.camera, camera_from_world=np.eye(4))
    found = rasterise_mesh(turned, faces, plain).depth.astype(np.float64)
    return np.where(np.isfinite(found), 2 * middle - found, np.inf)


def _filled(mask: BoolArray) -> BoolArray:
    """The mask without holes, a little smoothed."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return mask
    largest = max(outlines, key=cv2.contourArea)
    out = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(out, [largest], -1, 1, cv2.FILLED)
    return out > 0


def _lift(inside: BoolArray) -> Float64Array:
    """(H, W) pixels by which the outline is blown up: of each pixel's largest circle."""
    # The picture's lower end and the chin's side are no outline: hair goes on there.
    padded = np.pad(inside.astype(np.uint8), 1)
    padded[-1, 1:-1] = inside[-1]
    away = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    largest = np.array(away)
    for radius in np.linspace(3, float(away.max()), _CIRCLES):
        outside = (away < radius).astype(np.uint8)
        reached = cv2.distanceTransform(outside, cv2.DIST_L2, 5) <= radius
        largest = np.maximum(largest, np.where(reached, radius, 0))
    largest = cv2.GaussianBlur(largest.astype(np.float32), (0, 0), 8)
    largest = np.maximum(largest, away)
    return np.sqrt(np.maximum(2 * largest * away - away**2, 0)) * inside


def _soft(depth: Float64Array, inside: BoolArray) -> Float64Array:
    """Depths smoothed within the outline, and beyond it as at its edge, so that none is steep."""
    weight = inside.astype(np.float32)
    total = cv2.GaussianBlur(np.where(inside, depth, 0).astype(np.float32), (0, 0), 2.0)
    share = cv2.GaussianBlur(weight, (0, 0), 2.0)
    soft = total / np.maximum(share, 1e-6)
    _, (row, column) = nearest(inside)
    return soft[row, column].astype(np.float64)


def _colours(frame: Frame, solid: BoolArray) -> Float32Array:
    """(H, W, 3) linear colours of the hair; near its outer edge, which has a share of the
    background, those further in."""
    sure = solid & frame.inside
    _, (row, column) = nearest(sure)
    return srgb_to_linear(frame.picture[row, column].clip(0, 1)).astype(np.float32)


def _continued(colours: Float32Array, texture: Texture, sheet: _Sheet) -> Float32Array:
    """(N, 3) linear colours of a sheet that the photo does not show: strands, and near the front
    the photo's own, as in a mirror."""
    drawn = hair_colours(texture, sheet.means, sheet.pixels)
    x, y = sheet.pixels.T
    own, base = colours[y, x], texture.base[y, x] @ LUMINANCE
    light = np.clip(own @ LUMINANCE, _MIRROR_DARK * base, _MIRROR_BRIGHT * base)
    own = own * (light / np.maximum(own @ LUMINANCE, 1e-4))[:, None]
    near = np.clip(1 - sheet.deep / _MIRROR_M, 0, 1)[:, None]
    return (drawn + near * (own - drawn)).astype(np.float32)


def grid_in(mask: BoolArray, step: float) -> Float64Array:
    """(N, 2) columns and rows of an even grid's places within the mask; the pixel (0, 0) reaches
    to (1, 1)."""
    rows, columns = (np.arange((step + 1) / 2, size, step) for size in mask.shape)
    row, column = np.nonzero(mask[np.ix_(rows.astype(int), columns.astype(int))])
    return np.stack([columns[column], rows[row]], 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sheet:
    """N discs in the world; pixels: (N, 2) of the photo whose colour is theirs; deep: (N,) metres
    behind the front sheet's edge, infinite where that does not count."""

    means: Float64Array
    quaternions: Float32Array
    scales: Float32Array
    pixels: Int32Array
    deep: Float64Array


def sheet_on(
    frame: Frame, depth: Float64Array, away: Float32Array, places: Float64Array, step: float
) -> _Sheet:
    """Discs on a relief at some of its places (N, 2), several where it is steep. away: (H, W)
    pixels to the outline."""
    pixels = places.astype(np.int32)
    x, y = pixels.T
    slopes = np.stack([np.asarray(slope)[y, x] for slope in np.gradient(depth)][::-1], 1)
    size = step * depth[y, x] / frame.camera.focal_x
    steep = np.linalg.norm(slopes, axis=1)
    parts = np.ceil(steep * step / (_MOST_STRETCH * size)).clip(1, _MOST_PARTS).astype(int)
    rim = away[y, x] <= _RIM_PIXELS
    parts[rim] = 1
    owner, share = _parts_of(parts)
    share = share - 0.5
    size, slopes, steep = size[owner], slopes[owner], steep[owner]
    along = slopes / np.maximum(steep, 1e-12)[:, None] * (share * step)[:, None]
    at = depth[y, x][owner] + share * step * steep
    points = _back_projected(frame, places[owner] + along, at)
    most, zero = np.where(rim[owner], _RIM_STRETCH, _MOST_STRETCH) * size, np.zeros_like(at)
    rise = np.clip(slopes * (step / parts[owner])[:, None], -most[:, None], most[:, None])
    across = np.stack([size, zero, rise[:, 0]], 1)
    down = np.stack([zero, size, rise[:, 1]], 1)
    narrow = (_RIM_SHARE * away[y, x][owner] + _RIM_WIDTH_PIXELS) / step
    width = np.minimum(_WIDTH, narrow)[:, None]
    return _discs(frame, points, across * width, down * width, pixels[owner])


def _ring(frame: Frame, relief: _Relief, solid: BoolArray) -> _Sheet:
    """Discs that join the two sheets around the outline where it is one of hair."""
    outlines, _ = cv2.findContours(
        relief.inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    longest = max(outlines, key=cv2.contourArea)
    edge = np.asarray(longest[::_RING_PIXELS, 0], np.int32)
    edge = edge[edge[:, 1] < min(relief.lowest - 6, relief.inside.shape[0] - 2)]
    hairy = cv2.dilate(solid.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    edge = edge[hairy[edge[:, 1], edge[:, 0]]]
    inner = _inwards(relief.inside, edge)
    front, back = relief.front[inner[:, 1], inner[:, 0]], relief.back[inner[:, 1], inner[:, 0]]
    counts = np.clip(np.ceil((back - front) / _RING_STEP_M).astype(int), 1, 40)
    owner, share = _parts_of(counts)
    angle = share * np.pi  # around half a circle: it bulges out to the outline
    middle, half = 0.5 * (front + back)[owner], 0.5 * (back - front)[owner]
    depth = middle - half * np.cos(angle)
    bulge = np.sin(angle)[:, None]
    pixels = inner[owner] + (edge - inner)[owner] * bulge
    points = _back_projected(frame, pixels + 0.5, depth)
    size = _RING_PIXELS * depth / frame.camera.focal_x * _WIDTH
    tangent = np.roll(edge, -1, 0) - np.roll(edge, 1, 0)
    tangent = tangent / np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    along = np.column_stack([tangent[owner] * size[:, None], np.zeros(len(owner))])
    inwards = (edge - inner)[owner] / np.maximum(
        np.linalg.norm((edge - inner), axis=1, keepdims=True), 1e-6
    )[owner]
    through = np.column_stack(
        [inwards * np.cos(angle)[:, None] * size[:, None],
         np.sin(angle) * np.pi * half / np.maximum(counts[owner], 1) * _WIDTH + 0.3 * size]
    )  # fmt: skip
    # The hair's own texture goes on around the outline, as in a mirror.
    deep = np.minimum(share, 1 - share) * (2 * half) * frame.camera.focal_x / depth
    source = np.rint(inner[owner] - inwards * deep[:, None]).astype(np.int32)
    source = np.clip(source, 0, [relief.inside.shape[1] - 1, relief.inside.shape[0] - 1])
    return replace(_discs(frame, points, along, through, source), deep=2 * share * half)


def _parts_of(counts: IndexArray) -> tuple[IndexArray, Float64Array]:
    """Of each part whose it is, and where its middle lies in that, 0 to 1; so many parts each."""
    owner = np.repeat(np.arange(len(counts)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    return owner, (np.arange(len(owner)) - first + 0.5) / counts[owner]


def _inwards(inside: BoolArray, edge: Int32Array) -> Int32Array:
    """(N, 2) the pixels a little inside an outline's."""
    away = cv2.GaussianBlur(
        cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5), (0, 0), 2
    )
    slope_y, slope_x = np.gradient(away)
    toward = np.stack([slope_x[edge[:, 1], edge[:, 0]], slope_y[edge[:, 1], edge[:, 0]]], 1)
    toward /= np.maximum(np.linalg.norm(toward, axis=1, keepdims=True), 1e-6)
    moved = np.rint(edge + 3 * toward).astype(np.int32)
    return np.clip(moved, 0, [inside.shape[1] - 1, inside.shape[0] - 1])


def _back_projected(frame: Frame, pixels: FloatArray, depth: Float64Array) -> Float64Array:
    """(N, 3) points in the camera's axes at these pixels and depths."""
    camera = frame.camera
    x = (pixels[:, 0] - camera.centre_x) / camera.focal_x
    y = (pixels[:, 1] - camera.centre_y) / camera.focal_y
    return np.stack([x * depth, y * depth, depth], 1)


def _discs(
    frame: Frame, points: Float64Array, one: Float64Array, other: Float64Array, pixels: Int32Array
) -> _Sheet:
    """Discs in the world with two half axes each, given in the camera's axes."""
    pose = frame.camera.camera_from_world
    back = pose[:3, :3].T
    spread = np.einsum("ni,nj->nij", one, one) + np.einsum("ni,nj->nij", other, other)
    values, vectors = np.linalg.eigh(back @ spread @ back.T)
    axes = vectors[:, :, ::-1].copy()
    axes[:, :, 2] *= np.linalg.det(axes)[:, None]
    sizes = np.sqrt(np.maximum(values[:, ::-1], 0))
    sizes[:, 2] = _THICKNESS_M
    return _Sheet(
        means=(points - pose[:3, 3]) @ pose[:3, :3],
        quaternions=np.roll(Rotation.from_matrix(axes).as_quat(), 1, 1).astype(np.float32),
        scales=sizes.astype(np.float32),
        pixels=pixels,
        deep=np.full(len(points), np.inf),
    )


def rigid_anchors(head: HeadModel, pieces: Pieces, means: Float64Array) -> Int32Array:
    """(N,) for each point the nearest face of the skull, which no expression moves."""
    moves = np.abs(head.expression_basis).max((1, 2)) > _STILL_M
    turns = head.skin_weights[:, [JOINTS.index(j) for j in ("jaw", "eye_left", "eye_right")]]
    still = ~moves & (turns.max(1) < 1e-4) & (head.region == REGIONS.index("skin"))
    still &= head.skin_weights[:, JOINTS.index("neck")] > 0.99
    faces = np.flatnonzero(still[head.faces].all(1))
    middles = pieces.avatar.vertices[head.faces[faces]].mean(1)
    return faces[cKDTree(middles).query(means)[1]].astype(np.int32)


def _scalp(pieces: Pieces, bottom: float, nape: float) -> BoolArray:
    """(P,) skin that hair covers, from its lower end up; from the nape's line on where it has hair,
    and so nape is finite."""
    x, y, z = pieces.places.T
    top = (y > _SCALP_HIGH_M) | ((z < _SCALP_BEHIND_M) & (y > bottom))
    if np.isfinite(nape):
        top |= (z < _NAPE_FROM_M) & (y > nape_height(pieces.places) + _NAPE_BARE_M)
    ears = (np.abs(x) > 0.06) & (z > -0.05) & (y < 0.04)
    return pieces.of("skin") & top & ~ears


def _scalp_colours(
    pieces: Pieces, colour: Float32Array, low: Float32Array, bottom: float
) -> Float32Array:
    """(P, 3) of skin under hair: that of all of it, and below that of its lower part."""
    return np.where(pieces.places[:, 1:2] < bottom, low, colour).astype(np.float32)
