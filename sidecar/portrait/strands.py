# SPDX-License-Identifier: GPL-3.0-or-later
"""What no photo from the front shows of hair: strands on its sides and back, hair down to the
nape's line, and loose ends that make its outline soft.

How much lighter and darker strands, locks and clumps are, and how straight they lie, is read from
the hair that the photo shows; where they lie is drawn by chance, the same every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from ...shared.arrays import BoolArray, Float32Array, Float64Array, Int32Array
from ...shared.head import REGIONS, HeadModel
from ..raster.colour import srgb_to_linear
from .framing import Frame
from .light import LUMINANCE
from .surface import Pieces

_SEED = 11
_FINE_PIXELS = (1.5, 5.0, 16.0, 45.0)
"""Between these blurs lie strands, locks and clumps."""
_PERIODS_M = (0.0030, 0.0085, 0.026)
"""How wide strands, locks and clumps are."""
_LEAST_AMPLITUDES, _MOST_AMPLITUDES = (0.05, 0.04, 0.03), (0.30, 0.22, 0.16)
"""Of the logarithm of light."""
_STRAIGHT, _CURLED = 9.0, 1.3
"""How much longer than wide a strand is where all strands lie side by side, and where none do."""
_WAVE_M, _WAVE_LENGTH_M = 0.004, 0.035
_BASE_PIXELS, _DEEP_PIXELS, _LOW_SHARE = 14.0, 7, 0.85
_FIRM_PIXELS, _FIRM_SHARES, _FIRM_MORE = 24, (0.02, 0.98), 0.1
"""So near the outline what is brighter or darker than nearly all hair further in, by the logarithm
of light, shines through."""
_CROWN_M = np.array([0.0, 0.095, -0.100])
"""Where hair parts, from between the eyeballs' middles."""
_AROUND_M = 0.085
"""The skull's radius."""
_NAPE_LOW_M, _NAPE_SIDE_M, _NAPE_BEHIND_M = -0.060, -0.022, -0.066
"""The nape's hairline on the head's template: its height in the middle and behind the ears, and how
far back those lie."""
_NAPE_DEEPEST_M = -0.107
_NAPE_UP_M, _NAPE_THICK_M, _NAPE_THIN_M = 0.022, 0.008, 0.0012
"""Hair of the nape begins so far above the rest's lower end, so far off the skin."""
_NAPE_RAGGED_M = 0.005
_NAPE_STEP_M = 0.0042
_NAPE_LONG_M, _NAPE_WIDE_M, _THICKNESS_M = 0.0055, 0.0021, 4e-4
_ENDS_PIXELS = 11.0
"""How much strands' ends differ in height."""
_LOOSE, _LOOSE_MOST = 3000, 4500
"""How many loose ends; at most where the photo's outline is frayed."""
_LOOSE_LONG_M, _LOOSE_WIDE_M, _LOOSE_OFF_M = 0.0050, 5.0e-4, 0.0010
_LOOSE_ASIDE_M = 0.0015
_LOOSE_TILT, _LOOSE_OPACITY, _LOOSE_LIGHT = 0.08, 0.6, 1.6
_FRAYED_MOST_PIXELS, _FRAYED_LEAST_PIXELS, _FRAYED_SHARE = 40, 7, 0.3
"""A frayed outline: so far out the photo has that share of the detail that it has right there."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Texture:
    """The hair's look. base: (H, W, 3) its colour without strands, linear; low: (3,) that of its
    lower part, which the nape has even under a cap; amplitudes: (3,) of strands, locks, clumps, of
    the logarithm of light; longer: how much longer than wide they are; frayed: metres that single
    hairs stand off; firm: (H, W) where the photo shows hair, not what shines through at its
    outline; crown: (3,) where they part, metres."""

    base: Float32Array
    low: Float32Array
    amplitudes: Float64Array
    longer: float
    frayed: float
    firm: BoolArray
    crown: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strands:
    """N Gaussians: fields of `Avatar`, where they lie (N, 3), and colours linear. anchors: faces of
    the head, -1 where the nearest of the skull shall be taken."""

    means: Float64Array
    quaternions: Float32Array
    scales: Float32Array
    opacities: Float32Array
    colours: Float32Array
    anchors: Int32Array


def read_texture(head: HeadModel, frame: Frame, solid: BoolArray) -> Texture:
    """What the photo shows of the hair. solid: (H, W) where it is."""
    kernel = np.ones((2 * _DEEP_PIXELS + 1,) * 2, np.uint8)
    deep = cv2.erode(solid.astype(np.uint8), kernel) > 0
    deep = deep if deep.any() else solid
    light = np.log(np.maximum(srgb_to_linear(frame.picture.clip(0, 1)) @ LUMINANCE, 4e-3))
    light = np.where(solid, light, np.median(light[deep])).astype(np.float32)
    blurred = [cv2.GaussianBlur(light, (0, 0), sigma) for sigma in _FINE_PIXELS[1:]]
    layers = [fine - coarse for fine, coarse in zip([light, *blurred], blurred, strict=False)]
    found = np.array([1.48 * np.median(np.abs(layer[deep])) for layer in layers])
    low, high = np.quantile(light[deep], _FIRM_SHARES) + np.array([-_FIRM_MORE, _FIRM_MORE])
    out = cv2.distanceTransform(solid.astype(np.uint8), cv2.DIST_L2, 5) < _FIRM_PIXELS
    eyes = (head.joint_regressor @ head.template)[3:].mean(0)
    base, rows = _base(frame, solid, deep), np.arange(len(solid))[:, None]
    return Texture(
        base=base,
        low=np.median(base[solid & (rows >= np.quantile(np.nonzero(solid)[0], _LOW_SHARE))], 0),
        amplitudes=np.clip(found, _LEAST_AMPLITUDES, _MOST_AMPLITUDES),
        longer=_CURLED + (_STRAIGHT - _CURLED) * _side_by_side(light, deep),
        frayed=_frayed(frame, solid),
        firm=~(out & ((light < low) | (light > high))),
        crown=eyes + _CROWN_M,
    )


def _base(frame: Frame, solid: BoolArray, deep: BoolArray) -> Float32Array:
    """(H, W, 3) the hair's colour, blurred, and beyond it that of the nearest hair."""
    linear = srgb_to_linear(frame.picture.clip(0, 1)).astype(np.float32)
    light = linear @ LUMINANCE.astype(np.float32)
    low, high = np.quantile(light[deep], (0.08, 0.92))
    # Within a frayed outline lies background; it is no hair's colour.
    own = linear * (np.clip(light, low, high) / np.maximum(light, 1e-4))[..., None]
    middle = np.median(own[deep], 0)
    total = middle * np.float32(1e-6)
    share = np.full(solid.shape, 1e-6, np.float32)
    for size, weight in ((_BASE_PIXELS, 1.0), (4 * _BASE_PIXELS, 0.03)):
        known = deep.astype(np.float32)
        share = share + weight * cv2.GaussianBlur(known, (0, 0), size)
        total = total + weight * cv2.GaussianBlur(own * known[..., None], (0, 0), size)
    return (total / share[..., None]).astype(np.float32)


def _side_by_side(light: Float32Array, deep: BoolArray) -> float:
    """0 to 1, how much neighbouring strands lie the same way (the structure tensor's coherence)."""
    down, across = np.gradient(cv2.GaussianBlur(light, (0, 0), 1.0))
    xx, yy, xy = (
        cv2.GaussianBlur(product.astype(np.float32), (0, 0), 5.0)
        for product in (across * across, down * down, across * down)
    )
    apart = np.hypot(xx - yy, 2 * xy) / np.maximum(xx + yy, 1e-9)
    return float(np.clip((np.median(apart[deep]) - 0.35) / 0.45, 0, 1))


def _frayed(frame: Frame, solid: BoolArray) -> float:
    """Metres by which single hairs stand off the outline; 0 where it is firm, or where the
    background has as much detail as hair."""
    grey = frame.picture.mean(2)
    detail = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2.0))
    rows = np.arange(len(solid))[:, None] < frame.landmarks[:, 1].mean()
    out = cv2.distanceTransform((~solid).astype(np.uint8), cv2.DIST_L2, 5) * rows
    outside = frame.person < 0.5
    edge, far = (out > 0) & (out < 4), (out > 2 * _FRAYED_MOST_PIXELS) & outside
    if not edge.any() or not far.any():
        return 0.0
    ground, height = float(detail[far].mean()), float(detail[edge].mean())
    reach = 0
    for pixels in range(_FRAYED_LEAST_PIXELS, _FRAYED_MOST_PIXELS):
        ring = (out >= pixels) & (out < pixels + 2) & outside
        if not ring.any() or detail[ring].mean() - ground < _FRAYED_SHARE * (height - ground):
            break
        reach = pixels
    depth = float(np.linalg.norm(frame.camera.camera_from_world[:3, 3]))
    return reach * depth / frame.camera.focal_x


def strand_light(points: Float64Array, texture: Texture) -> Float64Array:
    """(N,) factors of light that strands give to points (N, 3) of the hair: long ones from the
    crown over skull and down."""
    across, along = _along_strands(points, texture.crown)
    random = np.random.default_rng(_SEED)
    wave = random.normal(size=(64, 64))
    moved = _WAVE_M * _looked_up(wave, across / (3 * _WAVE_LENGTH_M), along / _WAVE_LENGTH_M)
    out = np.zeros(len(points))
    for period, amplitude in zip(_PERIODS_M, texture.amplitudes, strict=True):
        noise = random.normal(size=(256, 256))
        u, v = (across + moved) / period, along / (period * texture.longer)
        out += amplitude * np.clip(_looked_up(noise, u, v) / 0.7, -2, 2)
    return np.exp(out)


def _along_strands(points: Float64Array, crown: Float64Array) -> tuple[Float64Array, Float64Array]:
    """(N,) metres around the head, and from the crown on, of points (N, 3)."""
    x, y, z = (points - crown + [0, _AROUND_M, 0]).T
    flat = np.hypot(x, z)
    polar = np.arctan2(flat, np.maximum(y, 0))
    return _AROUND_M * np.arctan2(x, -z), _AROUND_M * polar + np.maximum(-y, 0)


def _looked_up(table: Float64Array, u: Float64Array, v: Float64Array) -> Float64Array:
    return map_coordinates(table, np.stack([u, v]), order=1, mode="grid-wrap")


def ends(points: Float64Array, texture: Texture, rows: Float64Array) -> Float32Array:
    """(N,) opacities of points (N, 3) of hair so many rows (N,) above its lower end, where strands
    end at different heights."""
    across, along = _along_strands(points, texture.crown)
    noise = np.random.default_rng(_SEED).normal(size=(256, 256))
    ragged = _looked_up(noise, across / _PERIODS_M[1], along / 0.2)
    ragged = ragged + 0.6 * _looked_up(noise, across / _PERIODS_M[0] + 99, along / 0.2)
    return np.clip((rows / _ENDS_PIXELS - 0.9 - ragged), 0, 1).astype(np.float32)


def hair_colours(texture: Texture, points: Float64Array, pixels: Int32Array) -> Float32Array:
    """(N, 3) linear colours of points (N, 3) of the hair at pixels (N, 2) of the photo, or beyond
    it, with strands."""
    height, width = texture.base.shape[:2]
    x, y = np.clip(pixels.T, 0, np.array([[width - 1], [height - 1]]))
    light = strand_light(points, texture)[:, None]
    return np.clip(texture.base[y, x] * light, 0, 1).astype(np.float32)


def nape_height(places: Float64Array) -> Float64Array:
    """(N,) the height of the nape's hairline, on the template, at places (N, 3) of it."""
    side = (places[:, 2] - _NAPE_DEEPEST_M) / (_NAPE_BEHIND_M - _NAPE_DEEPEST_M)
    return _NAPE_LOW_M + (_NAPE_SIDE_M - _NAPE_LOW_M) * np.clip(side, 0, 1) ** 2


def nape_hair(head: HeadModel, pieces: Pieces, texture: Texture, bottom: float) -> Strands:
    """Hair from where the photo's ends on the head, `bottom` (metres), down to the nape's hairline,
    behind the ears: nobody's hair ends where the front's does."""
    random = np.random.default_rng(_SEED)
    faces = np.flatnonzero(head.region[head.faces[:, 0]] == REGIONS.index("skin"))
    middle = head.template[head.faces[faces]].mean(1).astype(np.float64)
    line = nape_height(middle)
    near = (middle[:, 2] < _NAPE_BEHIND_M) & (middle[:, 1] > line - _NAPE_RAGGED_M)
    near &= middle[:, 1] < bottom + _NAPE_UP_M
    faces = faces[near]
    corners = pieces.avatar.vertices[head.faces[faces]].astype(np.float64)
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = 0.5 * np.linalg.norm(crossed, axis=1)
    counts = random.poisson(areas / _NAPE_STEP_M**2 * 3)
    owner = np.repeat(np.arange(len(faces)), counts)
    weights = random.dirichlet([1, 1, 1], len(owner))
    places = np.einsum("nk,nkc->nc", weights, head.template[head.faces[faces[owner]]])
    over = places[:, 1] - nape_height(places) - _NAPE_RAGGED_M * random.uniform(-1, 1, len(owner))
    kept = over > 0
    owner, weights, over = owner[kept], weights[kept], over[kept]
    share = np.clip(over / max(bottom + _NAPE_UP_M - _NAPE_LOW_M, 1e-3), 0, 1)
    off = _NAPE_THIN_M + (_NAPE_THICK_M - _NAPE_THIN_M) * share
    off *= random.uniform(0.35, 1, len(owner))
    normals = crossed[owner] / np.maximum(2 * areas[owner], 1e-12)[:, None]
    means = np.einsum("nk,nkc->nc", weights, corners[owner]) + off[:, None] * normals
    axes = _axes(normals, _flow(means, normals, texture.crown))
    count, light = len(owner), strand_light(means, texture)
    return Strands(
        means=means,
        quaternions=_quaternions(axes),
        scales=np.tile(
            np.array([_NAPE_LONG_M, _NAPE_WIDE_M, _THICKNESS_M], np.float32), (count, 1)
        ),
        opacities=np.full(count, 0.9, np.float32),
        colours=np.clip(texture.low * light[:, None], 0, 1).astype(np.float32),
        anchors=faces[owner].astype(np.int32),
    )


def loose_ends(
    frame: Frame, texture: Texture, means: Float64Array, normals: Float64Array, thick: Float32Array
) -> Strands:
    """Single hairs on the outside of hair, of which some Gaussians lie at means (N, 3) with outward
    normals (N, 3) and opacities thick (N,), which the hairs there share: a soft outline from
    wherever one looks, and none that floats where strands have ended."""
    random = np.random.default_rng(_SEED + 1)
    frayed = texture.frayed / 0.01
    count = min(round(_LOOSE + frayed * 1200), _LOOSE_MOST)
    chosen = random.integers(0, len(means), count)
    at, out = means[chosen], normals[chosen]
    aside = _LOOSE_ASIDE_M * random.normal(size=(count, 3))
    at = at + aside - (aside * out).sum(1, keepdims=True) * out
    curled = 1 - (texture.longer - _CURLED) / (_STRAIGHT - _CURLED)
    way = _flow(at, out, texture.crown) + (0.25 + 2 * curled) * random.normal(size=(count, 3))
    tilt = _LOOSE_TILT * np.abs(random.normal(size=(count, 1))) + 1.3 * texture.frayed / 0.02
    way = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    way = way + tilt * out
    length = _LOOSE_LONG_M * random.uniform(0.5, 1.3, count) * (1 - 0.3 * curled)
    off = _LOOSE_OFF_M * random.uniform(-0.5, 1, count)
    off = off + texture.frayed * random.uniform(0, 1, count) ** 1.5
    at = at + off[:, None] * out
    own = np.exp(_LOOSE_LIGHT * texture.amplitudes[0] * random.uniform(-1, 1, (count, 1)))
    aside = np.asarray(np.cross(way, random.normal(size=(count, 3))), np.float64)
    axes = _axes(aside, way)
    scales = np.stack([length, np.full(count, _LOOSE_WIDE_M), np.full(count, _LOOSE_WIDE_M)], 1)
    colours = np.clip(hair_colours(texture, at, _pixels_of(at, frame)) * own, 0, 1)
    return Strands(
        means=at,
        quaternions=_quaternions(axes),
        scales=scales.astype(np.float32),
        opacities=(_LOOSE_OPACITY * thick[chosen]).astype(np.float32),
        colours=colours.astype(np.float32),
        anchors=np.full(count, -1, np.int32),
    )


def joined(parts: Sequence[Strands]) -> Strands:
    """All of them."""
    return Strands(
        means=np.concatenate([part.means for part in parts]),
        quaternions=np.concatenate([part.quaternions for part in parts]),
        scales=np.concatenate([part.scales for part in parts]),
        opacities=np.concatenate([part.opacities for part in parts]),
        colours=np.concatenate([part.colours for part in parts]),
        anchors=np.concatenate([part.anchors for part in parts]),
    )


def _flow(points: Float64Array, normals: Float64Array, crown: Float64Array) -> Float64Array:
    """(N, 3) the way of hair at points (N, 3) on a surface with normals (N, 3): from the crown on,
    and down."""
    away = points - crown
    away = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6) - np.array(
        [0, 0.8, 0]
    )
    along = away - (away * normals).sum(1, keepdims=True) * normals
    return along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)


def _axes(normals: Float64Array, along: Float64Array) -> Float64Array:
    """(N, 3, 3) right-handed axes as columns: along, across, and the normal made perpendicular."""
    first = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    third = normals - (normals * first).sum(1, keepdims=True) * first
    third = third / np.maximum(np.linalg.norm(third, axis=1, keepdims=True), 1e-9)
    return np.stack([first, np.cross(third, first), third], 2)


def _quaternions(axes: Float64Array) -> Float32Array:
    return np.roll(Rotation.from_matrix(axes).as_quat(), 1, 1).astype(np.float32)


def _pixels_of(points: Float64Array, frame: Frame) -> Int32Array:
    pose = frame.camera.camera_from_world
    x, y, z = (points @ pose[:3, :3].T + pose[:3, 3]).T
    camera = frame.camera
    column = x / z * camera.focal_x + camera.centre_x
    row = y / z * camera.focal_y + camera.centre_y
    return np.stack([column, row], 1).astype(np.int32)
