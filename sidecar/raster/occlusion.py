# SPDX-License-Identifier: GPL-3.0-or-later
"""Ambient occlusion and soft shadows at the vertices of a mesh.

A small orthographic depth map is drawn from each of a few directions; a vertex that lies behind
the map is in shadow from there. It is coarse on purpose: it darkens eye sockets, mouth and neck,
and gives the nose its shadow, in a few milliseconds.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.spatial import cKDTree  # pyright: ignore[reportAttributeAccessIssue]

from ...shared.arrays import BoolArray, Float32Array, Float64Array, Int32Array
from .parallel import even_pieces, run_ranges

MAP_EDGE = 176
"""Texels along the edge of a depth map; one is about 1.7 mm on a head."""
BIAS = 0.006
"""Depth by which a surface may lie behind its own map, as a share of the mesh's radius."""
UPPER_LID_SHADE, UPPER_LID_SHADE_M = 0.6, 0.0050
"""Share of the light that the upper lid and its lashes take from the ball at their edge, and the
distance over which the ball comes into the light. The depth maps are too coarse for it."""
LOWER_LID_SHADE, LOWER_LID_SHADE_M = 0.35, 0.0025
"""The same for the lower lid, which only hides a part of the sky."""


def sphere_directions(count: int) -> Float64Array:
    """(count, 3) unit vectors spread evenly over the sphere (Fibonacci's spiral)."""
    index = np.arange(count) + 0.5
    z = 1 - 2 * index / count
    angle = np.pi * (1 + np.sqrt(5)) * index
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], 1)


def cone_directions(axis: Float64Array, half_angle_rad: float, count: int):
    """(count, 3) unit vectors within a cone about `axis`: a lamp with a size."""
    axis = axis / np.linalg.norm(axis)
    helper = np.eye(3)[int(np.argmin(np.abs(axis)))]
    side = np.cross(axis, helper)
    side /= np.linalg.norm(side)
    index = np.arange(count) + 0.5
    radius = np.tan(half_angle_rad) * np.sqrt(index / count)
    angle = np.pi * (1 + np.sqrt(5)) * index
    directions = (
        axis
        + (radius * np.cos(angle))[:, None] * side
        + (radius * np.sin(angle))[:, None] * np.cross(axis, side)
    )
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def visibility(points: Float64Array, faces: Int32Array, directions: Float64Array) -> Float32Array:
    """(D, V) float32: 1 if nothing lies in the direction from the vertex, 0 if the mesh does, and
    in between near a shadow's edge. points: (V, 3); directions: (D, 3) unit vectors."""
    centre = 0.5 * (points.min(0) + points.max(0))
    radius = max(float(np.linalg.norm(points - centre, axis=1).max()), 1e-9)
    unit = (points - centre) / radius
    seen = np.empty((len(directions), len(points)), np.float32)
    axes = _axes_along(directions)

    def look(first: int, stop: int) -> None:
        nearest = np.empty((MAP_EDGE, MAP_EDGE), np.float32)
        for row in range(first, stop):
            flat = unit @ axes[row]
            flat[:, :2] = (flat[:, :2] * 0.49 + 0.5) * MAP_EDGE
            nearest.fill(-np.inf)
            _draw_heights(flat, faces, nearest)
            _look_up(flat, nearest, BIAS, seen[row])

    run_ranges(look, even_pieces(len(directions)))
    return seen


def lid_shade(
    points: Float64Array, eye: BoolArray, skin: BoolArray, up: Float64Array
) -> Float64Array:
    """(E,) factor on the light of the eyeballs' vertices: it falls towards the lids. points: (V, 3)
    metres; eye, skin: (V,) masks, E vertices of the first; up: (3,) unit vector."""
    balls = points[eye]
    low, high = balls.min(0) - UPPER_LID_SHADE_M, balls.max(0) + UPPER_LID_SHADE_M
    lids = points[skin & ((points >= low) & (points <= high)).all(1)]
    above = lids @ up > (balls @ up).mean()
    light = np.ones(len(balls))
    for lid, share, reach in (
        (lids[above], UPPER_LID_SHADE, UPPER_LID_SHADE_M),
        (lids[~above], LOWER_LID_SHADE, LOWER_LID_SHADE_M),
    ):
        if len(lid):
            distance, _ = cKDTree(lid).query(balls, distance_upper_bound=reach)
            light *= 1 - share * (1 - np.minimum(distance / reach, 1))
    return light


def _axes_along(directions: Float64Array) -> Float64Array:
    """(D, 3, 3) in columns: two axes across each direction, and the direction."""
    helper = np.eye(3)[np.argmin(np.abs(directions), 1)]
    right: Float64Array = np.cross(helper, directions).astype(np.float64)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return np.stack([right, np.cross(directions, right).astype(np.float64), directions], 2)


@njit(cache=True, nogil=True)
def neighbour_mean(values, faces):  # pragma: no cover - compiled
    """(V, K) float32: the mean over each vertex and its neighbours, each counted once for every
    face that it shares with the vertex."""
    count = np.ones(values.shape[0], np.float32)
    total = values.copy()
    for index in range(faces.shape[0]):
        for corner in range(3):
            i = faces[index, corner]
            count[i] += 2.0
            for step in (1, 2):
                for k in range(values.shape[1]):
                    total[i, k] += values[faces[index, (corner + step) % 3], k]
    for i in range(total.shape[0]):
        for k in range(total.shape[1]):
            total[i, k] /= count[i]
    return total


@njit(cache=True, nogil=True)
def _draw_heights(flat, faces, nearest):  # pragma: no cover - compiled
    """Keeps the greatest third coordinate over every texel whose centre a face covers."""
    edge = nearest.shape[0]
    for index in range(faces.shape[0]):
        a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
        ax, ay = flat[a, 0], flat[a, 1]
        bx, by = flat[b, 0], flat[b, 1]
        cx, cy = flat[c, 0], flat[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        # The front of a closed surface hides all that its back does.
        if area <= 0.0:
            continue
        scale = 1.0 / area
        left, right = int(max(min(ax, bx, cx), 0.0)), int(min(max(ax, bx, cx), edge - 1.0))
        top, bottom = int(max(min(ay, by, cy), 0.0)), int(min(max(ay, by, cy), edge - 1.0))
        a_dx, a_dy = (by - cy) * scale, (cx - bx) * scale
        b_dx, b_dy = (cy - ay) * scale, (ax - cx) * scale
        h_dx = np.float32(a_dx * flat[a, 2] + b_dx * flat[b, 2] - (a_dx + b_dx) * flat[c, 2])
        for row in range(top, bottom + 1):
            wa = a_dx * (left + 0.5 - cx) + a_dy * (row + 0.5 - cy)
            wb = b_dx * (left + 0.5 - cx) + b_dy * (row + 0.5 - cy)
            height = np.float32(wa * flat[a, 2] + wb * flat[b, 2] + (1.0 - wa - wb) * flat[c, 2])
            for column in range(left, right + 1):
                if wa >= 0.0 and wb >= 0.0 and wa + wb <= 1.0 and height > nearest[row, column]:
                    nearest[row, column] = height
                wa += a_dx
                wb += b_dx
                height += h_dx


@njit(cache=True, nogil=True)
def _look_up(flat, nearest, bias, out):  # pragma: no cover - compiled
    """The share of the four texels around each vertex that do not hide it, bilinearly weighted."""
    edge = nearest.shape[0]
    for index in range(flat.shape[0]):
        x = min(max(flat[index, 0] - 0.5, 0.0), edge - 1.001)
        y = min(max(flat[index, 1] - 0.5, 0.0), edge - 1.001)
        column, row = int(x), int(y)
        fx, fy = x - column, y - row
        height = flat[index, 2] + bias
        total = 0.0
        for dy in range(2):
            for dx in range(2):
                weight = (fx if dx else 1.0 - fx) * (fy if dy else 1.0 - fy)
                # Past the bias, hidden by degrees, so that no hard step shows.
                depth = (nearest[row + dy, column + dx] - height) / (3.0 * bias)
                total += weight * (1.0 - min(max(depth, 0.0), 1.0))
        out[index] = total
