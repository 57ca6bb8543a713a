# SPDX-License-Identifier: GPL-3.0-or-later
"""The face's chart: the skin of the open head at rest as seen from the front, the frame in which
wrinkles are drawn, as a square of texels.

Column and row of a texel say millimetres x to the head's left and y up. Every avatar's skin has a
place on the open head, so all faces share one chart.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from ...shared.arrays import Float32Array, FloatArray, UInt8Array
from ...shared.camera import Camera
from ...shared.head import REGIONS, HeadModel
from ..memory import remembered
from ..raster.mesh import interpolate, rasterise_mesh, vertex_normals

EDGE = 256
"""Texels."""
TEXEL_MM = 0.66
_MIDDLE_MM = (0.0, -2.0)
_DEPTH_M = 1.0
_LEAST_FACING = 0.15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenChart:
    """The open head in the chart. region: (E, E) index into `REGIONS`; normal (E, E, 3); depth_mm:
    (E, E) z, 0 beside the head; colour (E, E, 3) sRGB 0..1."""

    region: UInt8Array
    normal: Float32Array
    depth_mm: Float32Array
    colour: Float32Array


def chart_camera() -> Camera:
    """The chart's view on places on the open head: a pixel is a texel."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = _DEPTH_M
    return Camera(
        width=EDGE,
        height=EDGE,
        focal_x=1e3 / TEXEL_MM,
        focal_y=1e3 / TEXEL_MM,
        centre_x=EDGE / 2 - _MIDDLE_MM[0] / TEXEL_MM,
        centre_y=EDGE / 2 + _MIDDLE_MM[1] / TEXEL_MM,
        camera_from_world=pose,
        orthographic=True,
    )


def texel_places_mm(per_texel: int = 1) -> tuple[Float32Array, Float32Array]:
    """x and y, (E, E) each, of the texels' middles in mm; of a grid so many times finer."""
    steps = (np.arange(EDGE * per_texel) + 0.5) / per_texel - EDGE / 2
    x, y = np.meshgrid(steps * TEXEL_MM + _MIDDLE_MM[0], -steps * TEXEL_MM + _MIDDLE_MM[1])
    return x.astype(np.float32), y.astype(np.float32)


def texels_of(places: FloatArray) -> FloatArray:
    """(2, N) rows and columns of places (N, 2 or more) on the open head, metres; not whole."""
    x, y = 1e3 * places[:, 0], 1e3 * places[:, 1]
    column = (x - _MIDDLE_MM[0]) / TEXEL_MM + EDGE / 2 - 0.5
    row = (_MIDDLE_MM[1] - y) / TEXEL_MM + EDGE / 2 - 0.5
    return np.stack([row, column])


def sampled(chart: FloatArray, places: FloatArray) -> Float32Array:
    """(N,) the values of a chart (E, E) at places (N, 2 or more) on the open head, metres; 0
    beyond its edge."""
    found = map_coordinates(chart, texels_of(places), order=1, output=np.float32)
    return np.asarray(found, np.float32)


def blurred(chart: FloatArray, deviation_mm: float) -> Float32Array:
    """The chart (E, E) or (E, E, C), blurred by a Gaussian."""
    sigma = deviation_mm / TEXEL_MM
    values = np.ascontiguousarray(chart, np.float32)
    if sigma < 0.2:
        return values
    if sigma > 6:  # coarse enough for half the texels
        small = cv2.resize(values, (EDGE // 4, EDGE // 4), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_REPLICATE)
        out = cv2.resize(small, (EDGE, EDGE), interpolation=cv2.INTER_LINEAR)
    else:
        out = cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.float32)


@remembered
def open_chart(head: HeadModel) -> OpenChart:
    """The open head's chart."""
    points = head.template.astype(np.float64)
    region = np.eye(len(REGIONS), dtype=np.float32)[head.region]
    normals = vertex_normals(points, np.ascontiguousarray(head.faces, np.int32))
    values = np.concatenate([region, normals, 1e3 * points[:, 2:], head.colour], 1)
    fragments = rasterise_mesh(points, head.faces, chart_camera())
    shown = interpolate(values.astype(np.float32), head.faces, fragments)
    count = len(REGIONS)
    label = shown[..., :count].argmax(2)
    hit = fragments.face >= 0
    return OpenChart(
        region=np.where(hit, label, 0).astype(np.uint8),
        normal=shown[..., count : count + 3],
        depth_mm=np.where(hit, shown[..., count + 3], 0).astype(np.float32),
        colour=shown[..., count + 4 :],
    )


def bare_skin(chart: OpenChart) -> Float32Array:
    """(E, E) 0..1, where the chart shows skin that may fold, with soft edges: brows and lashes are
    on it, lips and eyes are not, nor what is seen from the side."""
    on_skin = np.isin(chart.region, [REGIONS.index(name) for name in ("skin", "brow", "lash")])
    skin = on_skin & (chart.depth_mm > 0) & (chart.normal[..., 2] > _LEAST_FACING)
    eroded = np.asarray(cv2.erode(skin.astype(np.float32), np.ones((3, 3))), np.float32)
    return np.clip(2 * blurred(eroded, 1.0) - 1, 0, 1)
