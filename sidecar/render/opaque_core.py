# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads that are meant to be solid, though their Gaussians let light through.

Networks such as LAM's learn a head before a plain background: from the side its hair is a loose
weave, and in a set the wall shines through it. What lies well inside the head's own surface is
made opaque here, in the colour that is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit

from ...shared.arrays import Float32Array, FloatArray, Int64Array
from ...shared.camera import Camera
from ..avatar.avatar import ArkitRig, Avatar
from ..raster.pixels import to_pixels
from ..raster.row_parallel import in_bands

LEAST_ALPHA = np.float32(0.15)
"""Where the Gaussians leave more open than this, what little is there has no say."""
_CELL_EDGES = 1.25
"""A cell is as wide as so many of the longer edges: few inside are without a vertex, and those are
closed."""
_PAD = 3
_MOVED = 0.5
"""Of a vertex's skin weights: as much belongs to the head's chain as to the body."""
_NEAR_EIGHT = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """vertices (K,) of an avatar's surface that are its head and neck; edge_m: metres that nine in
    ten edges of the surface do not exceed."""

    vertices: Int64Array
    edge_m: float


def body_of(avatar: Avatar) -> Body:
    """What of the avatar's surface is closed: all that its head's chain moves. Below, where the
    surface ends, its rim flares out over shoulders that are none of its own."""
    vertices, faces = avatar.vertices, avatar.faces
    moved = np.ones(len(vertices), bool)
    if isinstance(avatar.surface, ArkitRig):
        moved = avatar.surface.joint_weights.sum(1) > _MOVED
    edges = vertices[faces] - vertices[np.roll(faces, 1, 1)]
    length = float(np.quantile(np.linalg.norm(edges, axis=2), 0.9)) if len(faces) else 0.0
    return Body(vertices=np.flatnonzero(moved), edge_m=length)


def inside(vertices: FloatArray, body: Body, camera: Camera) -> Float32Array:
    """(H, W) 1 where a picture shows what is well within the outline of the body, whose surface
    has vertices (V, 3) in this frame, falling to 0 before the outline. It is drawn in cells that
    hold a vertex, less one cell all around."""
    shape = (camera.height, camera.width)
    points = to_pixels(vertices[body.vertices], camera)
    middle = 1.0 if camera.orthographic else _mean_depth(points)
    if not middle > 0.0 or not body.edge_m > 0.0:
        return np.zeros(shape, np.float32)
    zoom = camera.focal_x * float(np.linalg.norm(camera.camera_from_world[0, :3]))
    cell = max(_CELL_EDGES * body.edge_m * abs(zoom / middle), 1.0)
    rows, columns = (int(np.ceil(edge / cell)) + 2 * _PAD for edge in shape)
    grid = np.zeros((rows, columns), np.float32)
    _mark(points, cell, grid)
    grid = cv2.erode(cv2.morphologyEx(grid, cv2.MORPH_CLOSE, _NEAR_EIGHT), _NEAR_EIGHT)
    soft = np.clip(2 * cv2.blur(grid, (3, 3)) - 1, 0, 1)
    start = 0.5 / cell + _PAD - 0.5
    fine = np.array([[1 / cell, 0, start], [0, 1 / cell, start]])
    # Each pixel's centre looks its place up in the grid.
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(soft, fine, shape[::-1], flags=flags).astype(np.float32)


def make_solid(stack: Float32Array, alpha: Float32Array, coverage: Float32Array) -> None:
    """Raises alpha (H, W) to the coverage (H, W) and all channels of (H, W, C) alike, in place:
    their ratios stay."""
    in_bands(lambda first, stop: _fill(stack, alpha, coverage, first, stop), len(alpha))


@njit(cache=True, nogil=True)
def _mean_depth(points):  # pragma: no cover - compiled
    """Of those that a camera can see; 0 if there are none."""
    total, count = 0.0, 0
    for i in range(points.shape[0]):
        if np.isfinite(points[i, 2]):
            total += points[i, 2]
            count += 1
    return total / max(count, 1)


@njit(cache=True, nogil=True)
def _mark(points, cell, grid):  # pragma: no cover - compiled
    for i in range(points.shape[0]):
        column = np.floor(points[i, 0] / cell) + _PAD
        row = np.floor(points[i, 1] / cell) + _PAD
        # Written so that a value that is no number fails.
        if 0 <= row < grid.shape[0] and 0 <= column < grid.shape[1]:
            grid[int(row), int(column)] = 1.0


@njit(cache=True, nogil=True)
def _fill(stack, alpha, coverage, first, stop):  # pragma: no cover - compiled
    for row in range(first, stop):
        for column in range(alpha.shape[1]):
            known, wanted = alpha[row, column], coverage[row, column]
            if known < LEAST_ALPHA or wanted <= known:
                continue
            factor = wanted / known
            alpha[row, column] = wanted
            for k in range(stack.shape[2]):
                stack[row, column, k] *= factor
