# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the inside of a head's outline opaque where its Gaussians let light through.

Networks such as LAM's learn a head before a plain background: from the side its hair is a loose
weave, and in a set the wall shines through it. Pixels well inside the outline of the head's
surface become opaque here and keep their colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit

from ...shared.arrays import Float32Array, FloatArray, Int64Array
from ...shared.camera import Camera
from ..avatar.avatar import ArkitRig, Avatar
from ..raster.parallel import RowWork
from ..raster.project import to_pixels

LEAST_ALPHA = np.float32(0.15)
"""Pixels with less alpha than this are left alone: too little is there to give a colour."""
_CELL_EDGES = 1.25
"""Width of a grid cell in longer edges of the surface: few cells inside hold no vertex, and those
are closed."""
_PAD = 3
_MOVED = 0.5
"""Skin weight of the head's joints from which on a vertex belongs to the head."""
_NEAR_EIGHT = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Core:
    """The closed part of an avatar's surface. vertices: (K,) indices of the vertices of head and
    neck; edge_m: metres that nine in ten edges of the surface do not exceed."""

    vertices: Int64Array
    edge_m: float


def find_core(avatar: Avatar) -> Core:
    """The part of the avatar's surface that the head's joints move. Below it the surface is open:
    its rim flares out over shoulders that it does not have."""
    vertices, faces = avatar.vertices, avatar.faces
    moved = np.ones(len(vertices), bool)
    if isinstance(avatar.surface, ArkitRig):
        moved = avatar.surface.joint_weights.sum(1) > _MOVED
    edges = vertices[faces] - vertices[np.roll(faces, 1, 1)]
    length = float(np.quantile(np.linalg.norm(edges, axis=2), 0.9)) if len(faces) else 0.0
    return Core(vertices=np.flatnonzero(moved), edge_m=length)


def core_coverage(vertices: FloatArray, core: Core, camera: Camera) -> Float32Array:
    """(H, W) 1 well inside the core's outline, falling to 0 before the outline. vertices: (V, 3)
    of the whole surface in this frame. The core is drawn as a grid of the cells that hold one of
    its vertices, without the outermost ring of cells."""
    shape = (camera.height, camera.width)
    points = to_pixels(vertices[core.vertices], camera)
    middle = 1.0 if camera.orthographic else _mean_depth(points)
    if not middle > 0.0 or not core.edge_m > 0.0:
        return np.zeros(shape, np.float32)
    zoom = camera.focal_x * float(np.linalg.norm(camera.camera_from_world[0, :3]))
    cell = max(_CELL_EDGES * core.edge_m * abs(zoom / middle), 1.0)
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


def make_opaque(stack: Float32Array, alpha: Float32Array, coverage: Float32Array) -> RowWork:
    """Raises alpha (H, W) to the coverage (H, W), in place, and multiplies all channels
    (H, W, C) by the same factor, so that their ratios stay."""
    return RowWork(result=alpha, fill=lambda a, b: _fill(stack, alpha, coverage, a, b))


@njit(cache=True, nogil=True)
def _mean_depth(points):  # pragma: no cover - compiled
    """Mean depth of the points that the camera can see; 0 if there are none."""
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
