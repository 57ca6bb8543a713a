# SPDX-License-Identifier: GPL-3.0-or-later
"""World Gaussians -> ellipses on the screen, as gsplat projects them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...shared.arrays import Float32Array, Float64Array
from ...shared.camera import Camera
from .composite import DEPTH, LIMIT, MIN_ALPHA, SHAPE_COLUMNS, TILE, K, Q, R, S

LOW_PASS = 0.3
"""Square pixels added to the projected covariance: no splat falls between pixels."""
EDGE = 0.3
"""How far past the picture's edge, in half pictures, the Jacobian follows a Gaussian."""
HIDDEN = np.uint32(0xFFFFFFFF)
"""The key of a Gaussian that is not drawn; no depth has it."""


class Lens(NamedTuple):
    """What the kernels need of a `Camera`."""

    focal_x: float
    focal_y: float
    centre_x: float
    centre_y: float
    width: int
    height: int
    near: float
    far: float
    orthographic: bool
    antialiased: bool


def lens_of(camera: Camera, *, antialiased: bool) -> Lens:
    """The camera's lens, as plain numbers."""
    return Lens(
        float(camera.focal_x),
        float(camera.focal_y),
        float(camera.centre_x),
        float(camera.centre_y),
        int(camera.width),
        int(camera.height),
        float(camera.near),
        float(camera.far),
        bool(camera.orthographic),
        antialiased,
    )


class Ellipses(NamedTuple):
    """Projected Gaussians, as they lie in memory. centres: (N, 2) float64 pixels; shapes:
    (N, SHAPE_COLUMNS) float32, see `composite`; boxes: (N, 4) int16 first and last tile, across
    and down; keys: (N,) uint32 that sort like the depth as float32, as gsplat sorts."""

    centres: Float64Array
    shapes: Float32Array
    boxes: NDArray[np.int16]
    keys: NDArray[np.uint32]


def empty_ellipses(count: int) -> Ellipses:
    """Room for so many."""
    return Ellipses(
        np.empty((count, 2)),
        np.empty((count, SHAPE_COLUMNS), np.float32),
        np.empty((count, 4), np.int16),
        np.empty(count, np.uint32),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def project(
    first, last, means, quaternions, scales, opacities, pose, lens, ellipses
):  # pragma: no cover - compiled
    """Projects the Gaussians first to last - 1."""
    most_x, least_x = reach_of_rays(lens.focal_x, lens.centre_x, lens.width)
    most_y, least_y = reach_of_rays(lens.focal_y, lens.centre_y, lens.height)
    columns, rows = -(-lens.width // TILE), -(-lens.height // TILE)
    for i in range(first, last):
        ellipses.keys[i] = HIDDEN
        mx, my, mz = np.float64(means[i, 0]), np.float64(means[i, 1]), np.float64(means[i, 2])
        z = pose[2, 0] * mx + pose[2, 1] * my + pose[2, 2] * mz + pose[2, 3]
        # Written so that a value that is no number fails.
        if not (lens.near <= z <= lens.far and (z > 0.0 or lens.orthographic)):
            continue
        x = pose[0, 0] * mx + pose[0, 1] * my + pose[0, 2] * mz + pose[0, 3]
        y = pose[1, 0] * mx + pose[1, 1] * my + pose[1, 2] * mz + pose[1, 3]
        inverse = 1.0 if lens.orthographic else 1.0 / z
        ray_x, ray_y = x * inverse, y * inverse
        centre_x = lens.focal_x * ray_x + lens.centre_x
        centre_y = lens.focal_y * ray_y + lens.centre_y
        if lens.orthographic:
            slope_x = slope_y = 0.0
        else:
            slope_x, slope_y = min(max(ray_x, least_x), most_x), min(max(ray_y, least_y), most_y)
        scale_x, scale_y = lens.focal_x * inverse, lens.focal_y * inverse
        xx, xy, yy, squared_area = spread(
            quaternions[i],
            scales[i],
            scale_x * (pose[0, 0] - slope_x * pose[2, 0]),
            scale_x * (pose[0, 1] - slope_x * pose[2, 1]),
            scale_x * (pose[0, 2] - slope_x * pose[2, 2]),
            scale_y * (pose[1, 0] - slope_y * pose[2, 0]),
            scale_y * (pose[1, 1] - slope_y * pose[2, 1]),
            scale_y * (pose[1, 2] - slope_y * pose[2, 2]),
        )
        determinant = squared_area + LOW_PASS * (xx + yy) + LOW_PASS * LOW_PASS
        xx, yy = xx + LOW_PASS, yy + LOW_PASS
        opacity = np.float64(opacities[i])
        if lens.antialiased:
            opacity *= np.sqrt(squared_area / determinant)
        if not (determinant < np.inf and MIN_ALPHA <= opacity < np.inf):
            continue
        k = -np.log(opacity)
        beyond = 2.0 * (LIMIT - k)
        reach_x, reach_y = np.sqrt(beyond * xx), np.sqrt(beyond * yy)
        left, right = tile_range(centre_x, reach_x, columns)
        top, bottom = tile_range(centre_y, reach_y, rows)
        if left > right or top > bottom:
            continue
        ellipses.boxes[i, 0], ellipses.boxes[i, 1] = left, right
        ellipses.boxes[i, 2], ellipses.boxes[i, 3] = top, bottom
        ellipses.centres[i, 0], ellipses.centres[i, 1] = centre_x, centre_y
        along = 1.0 / np.sqrt(2.0 * yy * determinant)
        ellipses.shapes[i, S], ellipses.shapes[i, R] = yy * along, -xy * along
        ellipses.shapes[i, Q], ellipses.shapes[i, K] = 1.0 / np.sqrt(2.0 * yy), k
        ellipses.shapes[i, DEPTH] = z
        ellipses.keys[i] = sortable(z)


@njit(cache=True, nogil=True, error_model="numpy")
def reach_of_rays(focal, centre, size):  # pragma: no cover - compiled
    """The largest and least x / z (or y / z) that the Jacobian follows."""
    slack = EDGE * 0.5 * size / focal
    return (size - centre) / focal + slack, -centre / focal - slack


@njit(cache=True, nogil=True, error_model="numpy")
def spread(quaternion, scales, ax, ay, az, bx, by, bz):  # pragma: no cover - compiled
    """Covariance xx, xy, yy of a Gaussian seen along the two rows a and b that take a world
    offset to the screen, and its determinant, as the square of a cross product: the difference
    xx yy - xy^2 would lose a thin Gaussian's."""
    w, x = np.float64(quaternion[0]), np.float64(quaternion[1])
    y, z = np.float64(quaternion[2]), np.float64(quaternion[3])
    n = 2.0 / (w * w + x * x + y * y + z * z)
    s0, s1, s2 = np.float64(scales[0]), np.float64(scales[1]), np.float64(scales[2])
    r00, r01, r02 = 1 - n * (y * y + z * z), n * (x * y - w * z), n * (x * z + w * y)
    r10, r11, r12 = n * (x * y + w * z), 1 - n * (x * x + z * z), n * (y * z - w * x)
    r20, r21, r22 = n * (x * z - w * y), n * (y * z + w * x), 1 - n * (x * x + y * y)
    a0, b0 = s0 * (ax * r00 + ay * r10 + az * r20), s0 * (bx * r00 + by * r10 + bz * r20)
    a1, b1 = s1 * (ax * r01 + ay * r11 + az * r21), s1 * (bx * r01 + by * r11 + bz * r21)
    a2, b2 = s2 * (ax * r02 + ay * r12 + az * r22), s2 * (bx * r02 + by * r12 + bz * r22)
    c0, c1, c2 = a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0
    return (
        a0 * a0 + a1 * a1 + a2 * a2,
        a0 * b0 + a1 * b1 + a2 * b2,
        b0 * b0 + b1 * b1 + b2 * b2,
        c0 * c0 + c1 * c1 + c2 * c2,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def tile_range(centre, reach, count):  # pragma: no cover - compiled
    """First and last tile that centre - reach to centre + reach has a pixel's centre in."""
    first = np.ceil(centre - reach - 0.5) / TILE
    last = np.floor(centre + reach - 0.5) / TILE
    return (
        int(np.floor(min(max(first, 0.0), float(count)))),
        int(np.floor(min(max(last, -1.0), count - 1.0))),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def sortable(depth):  # pragma: no cover - compiled
    """An integer that sorts like the depth as float32, also below 0."""
    bits = np.float32(depth).view(np.uint32)
    return ~bits if bits >> np.uint32(31) else bits | np.uint32(0x80000000)
