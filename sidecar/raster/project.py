# SPDX-License-Identifier: GPL-3.0-or-later
"""From the world to the screen: points to pixels, Gaussians to ellipses (as gsplat projects them)
and ellipses to lists of the tiles that they touch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...shared.arrays import Float32Array, Float64Array, FloatArray, Int32Array, Int64Array
from ...shared.camera import Camera
from ...shared.errors import InputError
from .composite import DEPTH, LIMIT, MIN_ALPHA, SHAPE_COLUMNS, TILE, K, Q, R, S

LOW_PASS = 0.3
"""Square pixels added to the projected covariance: no splat falls between pixels."""
EDGE = 0.3
"""The Jacobian is taken at most this far beyond the picture's edge, in half pictures."""
MAX_PAIRS = 1 << 28
"""Entries of all tile lists together: 1 GiB, a thousand times those of a head at 512 x 512."""
HIDDEN = np.uint32(0xFFFFFFFF)
"""The key of a Gaussian that is not drawn; it is no depth's key."""


class Lens(NamedTuple):
    """A `Camera` without its pose, as plain numbers for the kernels."""

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
    """The camera's `Lens`."""
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
    """Projected Gaussians. centres: (N, 2) float64 pixels; shapes: (N, SHAPE_COLUMNS) float32,
    see `composite`; boxes: (N, 4) int16 first and last tile across, first and last tile down;
    keys: (N,) uint32 that sort like the depth as float32, as gsplat sorts."""

    centres: Float64Array
    shapes: Float32Array
    boxes: NDArray[np.int16]
    keys: NDArray[np.uint32]


def empty_ellipses(count: int) -> Ellipses:
    """Uninitialised arrays for `count` Gaussians."""
    return Ellipses(
        np.empty((count, 2)),
        np.empty((count, SHAPE_COLUMNS), np.float32),
        np.empty((count, 4), np.int16),
        np.empty(count, np.uint32),
    )


def to_pixels(points: FloatArray, camera: Camera) -> Float32Array:
    """Projects world points (N, 3) to (N, 3): x and y in pixels, inside the picture or not, and z
    in metres along the view axis. A point that is not finite or nearer than `camera.near` gives
    three NaN."""
    lens = (camera.focal_x, camera.focal_y, camera.centre_x, camera.centre_y, camera.near)
    out = np.empty((len(points), 3), np.float32)
    _to_pixels(
        np.ascontiguousarray(points),
        np.ascontiguousarray(camera.camera_from_world),
        lens,
        camera.orthographic,
        out,
    )
    return out


def tiles_across(camera: Camera) -> tuple[int, int]:
    """Columns and rows of tiles that cover the picture; the last ones may reach beyond it."""
    return -(-camera.width // TILE), -(-camera.height // TILE)


def list_tiles(ellipses: Ellipses, columns: int, rows: int) -> tuple[Int64Array, Int32Array]:
    """Lists the Gaussians that touch each tile. Returns starts (tiles + 1,) and members: tile t has
    members[starts[t] : starts[t + 1]], near to far. Raises InputError `avatar.too_dense` for more
    than `MAX_PAIRS` entries."""
    order = depth_order(ellipses.keys)
    starts = count_tiles(order, ellipses.boxes, columns, rows)
    if starts[-1] > MAX_PAIRS:
        raise InputError(
            "avatar.too_dense",
            "The avatar's Gaussians are so many and so large that they do not fit in memory.",
            "Render it smaller, or move the camera away.",
        )
    members = np.empty(starts[-1], np.int32)
    _fill(order, ellipses.boxes, columns, starts[:-1].copy(), members)
    return starts, members


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
    """The largest and the smallest x / z (or y / z) at which the Jacobian is taken."""
    slack = EDGE * 0.5 * size / focal
    return (size - centre) / focal + slack, -centre / focal - slack


@njit(cache=True, nogil=True, error_model="numpy")
def spread(quaternion, scales, ax, ay, az, bx, by, bz):  # pragma: no cover - compiled
    """Covariance xx, xy, yy of a Gaussian on the screen and its determinant. a and b are the rows
    of the map from a world offset to the screen. The determinant is the square of a cross
    product: the difference xx yy - xy^2 would cancel for a thin Gaussian."""
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
    """First and last tile with a pixel centre between centre - reach and centre + reach."""
    first = np.ceil(centre - reach - 0.5) / TILE
    last = np.floor(centre + reach - 0.5) / TILE
    return (
        int(np.floor(min(max(first, 0.0), float(count)))),
        int(np.floor(min(max(last, -1.0), count - 1.0))),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def sortable(depth):  # pragma: no cover - compiled
    """An integer that sorts like the depth as float32, negative depths too."""
    bits = np.float32(depth).view(np.uint32)
    return ~bits if bits >> np.uint32(31) else bits | np.uint32(0x80000000)


@njit(cache=True, nogil=True)
def _to_pixels(points, pose, lens, orthographic, out):  # pragma: no cover - compiled
    focal_x, focal_y, centre_x, centre_y, near = lens
    for i in range(points.shape[0]):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        x = pose[0, 0] * px + pose[0, 1] * py + pose[0, 2] * pz + pose[0, 3]
        y = pose[1, 0] * px + pose[1, 1] * py + pose[1, 2] * pz + pose[1, 3]
        z = pose[2, 0] * px + pose[2, 1] * py + pose[2, 2] * pz + pose[2, 3]
        out[i, 0] = out[i, 1] = out[i, 2] = np.nan
        # Written so that a value that is no number fails.
        if z >= near and np.isfinite(x) and np.isfinite(y) and np.isfinite(z):
            scale = 1.0 if orthographic else 1.0 / z
            out[i, 0] = focal_x * x * scale + centre_x
            out[i, 1] = focal_y * y * scale + centre_y
            out[i, 2] = z


@njit(cache=True, nogil=True)
def depth_order(keys):  # pragma: no cover - compiled
    """Indices of the drawn Gaussians sorted by their keys (N,) uint32, equal ones in the order
    given: a stable radix sort from the lowest digit to the highest."""
    digits, size = 3, 1 << 11
    places = np.zeros((digits, size), np.int64)
    order = np.empty(keys.shape[0], np.int32)
    drawn = 0
    for i in range(keys.shape[0]):
        if keys[i] != HIDDEN:
            order[drawn] = i
            drawn += 1
            for digit in range(digits):
                places[digit, (keys[i] >> np.uint32(11 * digit)) & np.uint32(size - 1)] += 1
    order = order[:drawn]
    other = np.empty_like(order)
    for digit in range(digits):
        before = 0
        for value in range(size):
            before, places[digit, value] = before + places[digit, value], before
        for index in order:
            value = (keys[index] >> np.uint32(11 * digit)) & np.uint32(size - 1)
            other[places[digit, value]] = index
            places[digit, value] += 1
        order, other = other, order
    return order


@njit(cache=True, nogil=True)
def count_tiles(order, boxes, columns, rows):  # pragma: no cover - compiled
    """(tiles + 1,) where each tile's list starts, and where the last one ends. Each box adds its
    four corners to a table, whose running sums across and down are the counts: a large Gaussian
    costs no more than a small one."""
    corners = np.zeros((rows + 1, columns + 1), np.int64)
    for index in order:
        left, right = boxes[index, 0], boxes[index, 1] + 1
        top, bottom = boxes[index, 2], boxes[index, 3] + 1
        corners[top, left] += 1
        corners[top, right] -= 1
        corners[bottom, left] -= 1
        corners[bottom, right] += 1
    starts = np.zeros(rows * columns + 1, np.int64)
    for row in range(rows):
        along = 0
        for column in range(columns):
            along += corners[row, column]
            corners[row + 1, column] += corners[row, column]
            tile = row * columns + column
            starts[tile + 1] = starts[tile] + along
    return starts


@njit(cache=True, nogil=True)
def _fill(order, boxes, columns, cursor, members):  # pragma: no cover - compiled
    """Writes each Gaussian into the lists of its tiles; cursor: each list's next free place."""
    for index in order:
        left, right = np.int64(boxes[index, 0]), np.int64(boxes[index, 1])
        for row in range(np.int64(boxes[index, 2]), np.int64(boxes[index, 3]) + 1):
            for tile in range(row * columns + left, row * columns + right + 1):
                members[cursor[tile]] = index
                cursor[tile] += 1
