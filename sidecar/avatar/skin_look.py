# SPDX-License-Identifier: GPL-3.0-or-later
"""What an avatar's skin looks like at rest on the face's chart: it is drawn from the front, and
each texel looks up where its place on the avatar is seen."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from ...shared.arrays import BoolArray, Float32Array, Float64Array, FloatArray
from ...shared.camera import Camera, look_at
from ...shared.head import REGIONS
from ..head.read import OPEN, read_head
from ..raster.gaussians import GaussianImage, rasterise_gaussians
from ..raster.mesh import interpolate, project, rasterise_mesh, to_camera
from .alignment import Alignment
from .avatar import Avatar
from .face_chart import EDGE, bare_skin, blurred, chart_camera, open_chart
from .rest_pose import rest_gaussians
from .skin_maps import LUMINANCE, SkinLook

_PIXELS, _DISTANCE_M, _MARGIN = 512, 2.0, 1.1
FAR_M = 0.006
"""A vertex that lies further off the laid-on open head than this shows none of its skin."""
_HAIR_M = (0.003, 0.009)
"""What is seen so far before the skin is hair, from none of it to all."""
_BEHIND_M = (0.03, 0.06)
"""What is seen so far behind the skin is something else: the back of a head whose face is thin."""
_FACING = (0.15, 0.4)
_LEAST_ALPHA = 0.5
_LEAST_LIGHT, _DARKEST = 0.25, 1e-3
"""Of the skin's mean luminance, and of all: what is black turns to no light."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LitSkin:
    """An avatar's skin on the chart. look: as the skin network reads it. light: (E, E, 2) change of
    log colour by a slope of 1 along x and along y, as its baked light falls."""

    look: SkinLook
    light: Float32Array


def look_at_skin(avatar: Avatar, found: Alignment, normals: Float64Array) -> LitSkin | None:
    """The avatar's skin, on which the open head was laid, or None where it has no skin of a face.
    normals: (V, 3) of its surface at rest."""
    shows = _skin_vertices(found)
    if np.count_nonzero(shows) < 3:
        return None
    chart = _chart(avatar, found, normals, shows)
    on_skin = (chart[..., 6] > 0.999).astype(np.float32) * bare_skin(open_chart(read_head(OPEN)))
    camera = _camera(avatar.vertices[shows])
    rest = rest_gaussians(avatar)
    image = rasterise_gaussians(rest.seen_by(camera), camera)
    return _lit(chart, on_skin, image, camera, found.open_from_metres)


def _chart(
    avatar: Avatar, found: Alignment, normals: Float64Array, shows: BoolArray
) -> Float32Array:
    """(E, E, 7) place in the avatar's space, normal, and 1 on the face's skin; 0 where nothing
    is. shows: as of `_skin_vertices`."""
    faces = avatar.faces[shows[avatar.faces].all(1)]
    values = np.concatenate(
        [avatar.vertices, normals, np.ones((len(normals), 1))], 1, dtype=np.float32
    )
    return interpolate(values, faces, rasterise_mesh(found.place, faces, chart_camera()))


def _skin_vertices(found: Alignment) -> BoolArray:
    """(V,) which vertices show skin of the face, seen from the front."""
    names = [REGIONS.index(name) for name in ("skin", "lip")]
    near = found.distance * found.open_from_metres < FAR_M
    return np.isin(found.label, names) & near & (found.place[:, 2] > 0)


def _camera(face: Float32Array) -> Camera:
    """Before the face, vertices (N, 3), which fills its picture."""
    low, high = face.min(0).astype(np.float64), face.max(0).astype(np.float64)
    size = _MARGIN * float((high - low)[:2].max())
    return look_at(
        target=0.5 * (low + high),
        distance=_DISTANCE_M,
        yaw_rad=0.0,
        pitch_rad=0.0,
        width=_PIXELS,
        height=_PIXELS,
        fov_y_rad=2 * np.arctan(0.5 * size / _DISTANCE_M),
    )


def _lit(
    chart: Float32Array,
    on_skin: Float32Array,
    image: GaussianImage,
    camera: Camera,
    open_from_metres: float,
) -> LitSkin:
    screen = project(to_camera(chart[..., :3].reshape(-1, 3), camera), camera)
    depth = screen[:, 3].reshape(EDGE, EDGE)
    pixels = (screen[:, :2] / screen[:, 2:3]).reshape(EDGE, EDGE, 2) - 0.5
    at = pixels[..., ::-1].transpose(2, 0, 1)

    def looked_up(values: Float32Array) -> Float32Array:
        found = map_coordinates(values, at, order=1, output=np.float32, mode="nearest")
        return np.asarray(found, np.float32)

    alpha = looked_up(image.alpha)
    safe = np.maximum(alpha, 1e-3)[..., None]
    colour = np.stack([looked_up(image.colour[..., channel]) for channel in range(3)], 2) / safe
    nearest = looked_up(np.where(np.isfinite(image.depth), image.depth, 1e3))
    before = (depth - nearest) * open_from_metres
    facing = _ramp(chart[..., 5], *_FACING)
    seen = cv2.erode(on_skin, np.ones((3, 3))) * facing * (alpha > _LEAST_ALPHA)
    seen = seen * (1 - _ramp(-before, *_BEHIND_M))
    seen = blurred(seen, 0.7).clip(0, 1)
    look = SkinLook(
        colour=np.clip(colour, 0, 1).astype(np.float32),
        seen=seen,
        hair=blurred(_ramp(before, *_HAIR_M) * on_skin, 0.7),
        depth_mm=(1e3 * open_from_metres * chart[..., 2] * on_skin).astype(np.float32),
    )
    return LitSkin(look=look, light=_light(look, chart[..., 3:6]))


def _light(look: SkinLook, normals: Float32Array) -> Float32Array:
    """(E, E, 2): luminance = a + b . n over the skin, so a slope s turns n by -s and changes its
    logarithm by -b . s / (a + b . n)."""
    weight = (look.seen * (1 - look.hair)).ravel()
    rows = np.concatenate([np.ones((len(weight), 1)), normals.reshape(-1, 3)], 1)
    bright = (look.colour @ LUMINANCE).ravel()
    matrix = (rows * weight[:, None]).T @ rows + 1e-3 * max(weight.sum(), 1) * np.eye(4)
    a, *b = np.linalg.solve(matrix, (rows * weight[:, None]).T @ bright)
    level = float(np.average(bright, weights=weight + 1e-9))
    lit = np.maximum(a + normals @ np.array(b), max(_LEAST_LIGHT * level, _DARKEST))
    return (-np.array(b[:2]) / lit[..., None]).astype(np.float32)


def _ramp(values: FloatArray, begin: float, end: float) -> Float32Array:
    return np.clip((values - begin) / (end - begin), 0, 1).astype(np.float32)
