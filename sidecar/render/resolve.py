# SPDX-License-Identifier: GPL-3.0-or-later
"""From composited channels to passes: data divided by alpha, places found."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...shared.camera import Camera
from ..raster.bands import in_bands
from ..raster.normals import rays

Pixels = NDArray[np.float32]
_TURNED_AWAY = np.float32(0.02)
"""Weight of what faces away: enough where there is no other."""


def divide(stack: Pixels, channels: slice, alpha: Pixels) -> Pixels:
    """(H, W, n) those channels of (H, W, C) divided by alpha (H, W), 0 where that is 0."""
    first, stop = channels.start, channels.stop
    out = np.empty((*alpha.shape, stop - first), np.float32)
    in_bands(lambda a, b: _divide(stack, first, alpha, a, b, out), len(out))
    return out


def directions(stack: Pixels, channels: slice) -> Pixels:
    """(H, W, 3) those three channels as unit vectors, 0 where they are 0."""
    out = np.empty((*stack.shape[:2], 3), np.float32)
    in_bands(lambda a, b: _directions(stack, channels.start, a, b, out), len(out))
    return out


def complete_masks(stack: Pixels, channels: slice, alpha: Pixels) -> Pixels:
    """(H, W, n + 1): what is left of alpha (H, W), and then those channels, which are parts of
    it."""
    first, stop = channels.start, channels.stop
    out = np.empty((*alpha.shape, stop - first + 1), np.float32)
    in_bands(lambda a, b: _complete(stack, first, alpha, a, b, out), len(out))
    return out


def places(depth: Pixels, camera: Camera, world_from_head: NDArray[np.float64]) -> Pixels:
    """(H, W, 3) where each pixel's centre meets what lies at its depth (H, W), in the axes that
    `world_from_head` leads to; 0 where nothing is."""
    world_from_camera = world_from_head @ np.linalg.inv(camera.camera_from_world)
    lens = (
        camera.focal_x, camera.focal_y, camera.centre_x, camera.centre_y,
        float(camera.orthographic),
    )  # fmt: skip
    out = np.empty((*depth.shape, 3), np.float32)
    in_bands(lambda a, b: _places(depth, lens, world_from_camera, a, b, out), len(out))
    return out


def where_covered(alpha: Pixels, number: int) -> Pixels:
    """(H, W) the number where alpha is at least half, else 0: whole, for an ID mask."""
    return (alpha >= 0.5) * np.float32(number)


def turn_normals(normals: NDArray[np.floating], axes_from_head: NDArray[np.float64]) -> Pixels:
    """(N, 3) normals in other axes, as long as before: multiplied by the inverse transpose, which
    keeps them upright on a surface that `axes_from_head` (4, 4) scales unevenly."""
    matrix = np.linalg.inv(axes_from_head[:3, :3]).T
    turned = normals.astype(np.float32) @ matrix.T.astype(np.float32)
    before = np.linalg.norm(normals, axis=1, keepdims=True)
    length = np.linalg.norm(turned, axis=1, keepdims=True)
    return turned * (before / np.where(length > 0, length, 1)).astype(np.float32)


def turned_away(
    normals: NDArray[np.floating], points: NDArray[np.floating], camera: Camera
) -> NDArray[np.bool_]:
    """(N,) True where the normal at a point, (N, 3) each, faces away from the camera."""
    return np.einsum("nk,nk->n", normals, rays(points, camera)) > 0


def weigh_turned_away(away: NDArray[np.bool_]) -> Pixels:
    """(N,) how much Gaussians count in the data passes: those that face away next to nothing.
    Networks make skin translucent, so that the back of the head shines through it, and paint it
    with spare Gaussians of the eyeballs' backs, which know nothing of where it is."""
    return np.where(away, _TURNED_AWAY, np.float32(1))


def depths(points: NDArray[np.floating], camera: Camera) -> Pixels:
    """(N,) metres along the view axis."""
    row = camera.camera_from_world[2]
    return (points @ row[:3] + row[3]).astype(np.float32)


def mean_depth(stack: Pixels, depth: int, weight: int) -> Pixels:
    """(H, W) one channel of (H, W, C) divided by another, inf where that is 0."""
    out = np.empty(stack.shape[:2], np.float32)
    in_bands(lambda a, b: _mean_depth(stack, depth, weight, a, b, out), len(out))
    return out


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
