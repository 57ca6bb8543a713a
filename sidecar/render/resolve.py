# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes passes from composited channels. Each pass is a `RowWork`, whose rows are computed
together with those of other passes when it is run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ...shared.arrays import BoolArray, Float32Array, Float64Array, FloatArray
from ...shared.camera import Camera, camera_axis, camera_centre
from ..raster.parallel import RowWork

_TURNED_AWAY = np.float32(0.02)
"""Weight of a Gaussian that faces away: it counts only where no other does."""


def divide(stack: Float32Array, channels: slice, alpha: Float32Array) -> RowWork:
    """(H, W, n) the channels of (H, W, C) divided by alpha (H, W), 0 where alpha is 0."""
    first, stop = channels.start, channels.stop
    out = np.empty((*alpha.shape, stop - first), np.float32)
    return RowWork(result=out, fill=lambda a, b: _divide(stack, first, alpha, a, b, out))


def directions(stack: Float32Array, channels: slice) -> RowWork:
    """(H, W, 3) the three channels as unit vectors, 0 where they are 0."""
    out = np.empty((*stack.shape[:2], 3), np.float32)
    return RowWork(result=out, fill=lambda a, b: _directions(stack, channels.start, a, b, out))


def complete_masks(stack: Float32Array, channels: slice, alpha: Float32Array) -> RowWork:
    """(H, W, n + 1) masks that sum to alpha (H, W): first alpha less the n channels, which are
    parts of it, then the channels."""
    first, stop = channels.start, channels.stop
    out = np.empty((*alpha.shape, stop - first + 1), np.float32)
    return RowWork(result=out, fill=lambda a, b: _complete(stack, first, alpha, a, b, out))


def places(depth: Float32Array, camera: Camera, world_from_head: Float64Array) -> RowWork:
    """(H, W, 3) the point at each pixel's centre and depth (H, W), brought from the head's axes to
    the world's by `world_from_head` (4, 4); 0 where the depth is infinite."""
    world_from_camera = world_from_head @ np.linalg.inv(camera.camera_from_world)
    lens = (
        camera.focal_x,
        camera.focal_y,
        camera.centre_x,
        camera.centre_y,
        float(camera.orthographic),
    )
    out = np.empty((*depth.shape, 3), np.float32)
    return RowWork(result=out, fill=lambda a, b: _places(depth, lens, world_from_camera, a, b, out))


def where_covered(alpha: Float32Array, number: int) -> RowWork:
    """(H, W) `number` where alpha is at least half, else 0: an ID mask has no soft edges."""
    out = np.empty(alpha.shape, np.float32)

    def cover(first: int, stop: int) -> None:
        np.multiply(alpha[first:stop] >= 0.5, np.float32(number), out=out[first:stop])

    return RowWork(result=out, fill=cover)


def turn_normals(normals: FloatArray, axes_from_head: Float64Array) -> Float32Array:
    """(N, 3) normals in other axes, each as long as before. They are multiplied by the inverse
    transpose of `axes_from_head` (4, 4), so that they stay perpendicular to a surface that the
    matrix scales unevenly."""
    out = np.empty(normals.shape, np.float32)
    _turn(normals, np.linalg.inv(axes_from_head[:3, :3]).T.astype(np.float32), out)
    return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facing:
    """N Gaussians as the camera sees them. weight: (N,) how much each counts in the data passes,
    next to nothing if it faces away; side: (N,) the weight, negative for a two-sided Gaussian
    that is seen from behind; depth: (N,) metres along the view axis."""

    weight: Float32Array
    side: Float32Array
    depth: Float32Array


def weigh_facing(
    normals: FloatArray, points: FloatArray, camera: Camera, two_sided: BoolArray
) -> Facing:
    """Weighs Gaussians by whether they face the camera. normals, points: (N, 3). two_sided: (N,)
    True for those that count in full from either side.

    Networks make skin translucent, so that the back of the head shines through it, and place spare
    Gaussians behind the eyeballs; the data of both belong to another place.
    """
    weight, side, depth = (np.empty(len(points), np.float32) for _ in range(3))
    sight = camera_axis(camera) if camera.orthographic else camera_centre(camera)
    _weigh(
        normals,
        points,
        two_sided,
        sight,
        camera.orthographic,
        camera.camera_from_world[2],
        weight,
        side,
        depth,
    )
    return Facing(weight=weight, side=side, depth=depth)


def mean_depth(stack: Float32Array, depth: int, weight: int) -> RowWork:
    """(H, W) channel `depth` of (H, W, C) divided by channel `weight`, inf where that is 0."""
    out = np.empty(stack.shape[:2], np.float32)
    return RowWork(result=out, fill=lambda a, b: _mean_depth(stack, depth, weight, a, b, out))


@njit(cache=True, nogil=True)
def _turn(normals, matrix, out):  # pragma: no cover - compiled
    for i in range(out.shape[0]):
        x, y, z = normals[i, 0], normals[i, 1], normals[i, 2]
        after = np.float32(0.0)
        for k in range(3):
            out[i, k] = matrix[k, 0] * x + matrix[k, 1] * y + matrix[k, 2] * z
            after += out[i, k] * out[i, k]
        if after > 0.0:
            scale = np.sqrt((x * x + y * y + z * z) / after)
            for k in range(3):
                out[i, k] *= scale


@njit(cache=True, nogil=True)
def _weigh(
    normals, points, two_sided, sight, orthographic, axis, weight, side, depth
):  # pragma: no cover - compiled
    for i in range(weight.shape[0]):
        along = 0.0
        z = axis[3]
        for k in range(3):
            ray = sight[k] if orthographic else points[i, k] - sight[k]
            along += normals[i, k] * ray
            z += axis[k] * points[i, k]
        away = along > 0.0
        weight[i] = _TURNED_AWAY if away and not two_sided[i] else np.float32(1.0)
        side[i] = -weight[i] if away and two_sided[i] else weight[i]
        depth[i] = z


@njit(cache=True, nogil=True)
def _divide(stack, offset, alpha, first, stop, out):  # pragma: no cover - compiled
    for row in range(first, stop):
        for column in range(alpha.shape[1]):
            covered = alpha[row, column]
            if covered <= 0.0:
                out[row, column, :] = 0.0
                continue
            scale = np.float32(1.0) / covered
            for k in range(out.shape[2]):
                out[row, column, k] = stack[row, column, offset + k] * scale


@njit(cache=True, nogil=True)
def _mean_depth(stack, depth, weight, first, stop, out):  # pragma: no cover - compiled
    for row in range(first, stop):
        for column in range(out.shape[1]):
            below = stack[row, column, weight]
            out[row, column] = stack[row, column, depth] / below if below > 0.0 else np.inf


@njit(cache=True, nogil=True)
def _directions(stack, offset, first, stop, out):  # pragma: no cover - compiled
    for row in range(first, stop):
        for column in range(out.shape[1]):
            x, y, z = (
                stack[row, column, offset],
                stack[row, column, offset + 1],
                stack[row, column, offset + 2],
            )
            length = np.sqrt(x * x + y * y + z * z)
            scale = np.float32(1.0) / length if length > 1e-12 else np.float32(0.0)
            out[row, column, 0], out[row, column, 1] = x * scale, y * scale
            out[row, column, 2] = z * scale


@njit(cache=True, nogil=True)
def _complete(stack, offset, alpha, first, stop, out):  # pragma: no cover - compiled
    for row in range(first, stop):
        for column in range(alpha.shape[1]):
            rest = alpha[row, column]
            if rest <= 0.0:
                out[row, column, :] = 0.0
                continue
            for k in range(1, out.shape[2]):
                part = stack[row, column, offset + k - 1]
                out[row, column, k] = part
                rest -= part
            out[row, column, 0] = max(rest, np.float32(0.0))


@njit(cache=True, nogil=True)
def _places(depth, lens, pose, first, stop, out):  # pragma: no cover - compiled
    focal_x, focal_y, centre_x, centre_y, orthographic = lens
    for row in range(first, stop):
        for column in range(depth.shape[1]):
            z = depth[row, column]
            if not z < np.inf:
                out[row, column, 0] = out[row, column, 1] = out[row, column, 2] = 0.0
                continue
            reach = 1.0 if orthographic else z
            x = (column + 0.5 - centre_x) / focal_x * reach
            y = (row + 0.5 - centre_y) / focal_y * reach
            for k in range(3):
                out[row, column, k] = pose[k, 0] * x + pose[k, 1] * y + pose[k, 2] * z + pose[k, 3]
