# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussian splatting on the CPU: EWA projection, one stable depth sort, 16 x 16 tiles composited
front to back.

Conventions are gsplat's, so that its CUDA path can stand in for this one: pixel centres at +0.5;
the projection's Jacobian is taken no further than 0.3 of the half picture beyond its edge; 0.3
square pixels are added to the projected covariance; alpha is at most 0.999, below 1 / 255
skipped; a pixel ends before the Gaussian that would leave 1e-4 or less of it open. Sources:
Zwicker et al. 2001 (EWA splatting, eq. 29), Kerbl et al. 2023 (3D Gaussian splatting, section 4).
Equally deep Gaussians composite in the order given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...shared.camera import Camera
from ...shared.errors import InputError

TILE = 16
LOW_PASS = 0.3
"""Square pixels added to the projected covariance: no splat falls between pixels."""
EDGE = 0.3
"""How far past the picture's edge, in half pictures, the Jacobian follows a Gaussian."""
MAX_ALPHA = 0.999
MIN_ALPHA = 1.0 / 255.0
MIN_OPEN = 1e-4
MAX_PAIRS = 1 << 28
"""Entries of the tile lists: 1 GiB; a thousand times what a head at 512 x 512 needs."""

# Columns of a projected Gaussian.
_X, _Y, _A, _B, _C, _OPACITY, _CUT, _DEPTH, _REACH_X, _REACH_Y, _COLUMNS = range(11)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaussianImage:
    """colour: (H, W, C) float32, premultiplied by alpha; alpha: (H, W) float32; depth: (H, W)
    float32 metres, the mean depth of what is seen (divided by alpha), inf where nothing is."""

    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]
    depth: NDArray[np.float32]


def rasterise_gaussians(
    means: NDArray[np.floating],
    quaternions: NDArray[np.floating],
    scales: NDArray[np.floating],
    opacities: NDArray[np.floating],
    colours: NDArray[np.floating],
    camera: Camera,
) -> GaussianImage:
    """Composites N Gaussians. Colours are blended as they are given, in whatever space.

    means: (N, 3) metres in the world; quaternions: (N, 4) w, x, y, z, of any length but 0;
    scales: (N, 3) standard deviations in metres; opacities: (N,) 0..1; colours: (N, C), any C.
    A Gaussian with a value that is no number, or nearer than `camera.near` or past `camera.far`,
    is left out. Raises InputError `avatar.too_dense`.
    """
    projected = np.empty((len(means), _COLUMNS))
    lens = (
        camera.focal_x, camera.focal_y, camera.centre_x, camera.centre_y,
        float(camera.width), float(camera.height), camera.near, camera.far,
    )  # fmt: skip
    pose = np.ascontiguousarray(camera.camera_from_world, np.float64)
    _project(
        np.ascontiguousarray(means, np.float64), np.ascontiguousarray(quaternions, np.float64),
        np.ascontiguousarray(scales, np.float64), np.ascontiguousarray(opacities, np.float64),
        pose, lens, projected,
    )  # fmt: skip
    order = depth_order(projected[:, _DEPTH])
    columns, rows = -(-camera.width // TILE), -(-camera.height // TILE)
    starts = np.zeros(columns * rows + 1, np.int64)
    _count_tiles(projected, order, columns, rows, starts)
    np.cumsum(starts, out=starts)
    if starts[-1] > MAX_PAIRS:
        raise InputError(
            "avatar.too_dense",
            "The avatar's Gaussians are so many and so large that they do not fit in memory.",
            "Render it smaller, or move the camera away.",
        )
    members = np.empty(starts[-1], np.int32)
    _fill_tiles(projected, order, columns, rows, starts[:-1].copy(), members)
    channels = colours.shape[1]
    out = np.zeros((camera.height, camera.width, channels + 2), np.float32)
    _composite(projected, np.ascontiguousarray(colours, np.float64), columns, starts, members, out)
    alpha = np.ascontiguousarray(out[..., channels])
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.where(alpha > 0, out[..., channels + 1] / alpha, np.float32(np.inf))
    return GaussianImage(colour=np.ascontiguousarray(out[..., :channels]), alpha=alpha, depth=depth)


def depth_order(depth: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices from near to far, equally deep ones in the order given; those with depth 0 are
    left out. Sorted by float32 depth, as gsplat does: a positive float's bits sort like it."""
    index = np.flatnonzero(depth > 0).astype(np.uint64)
    bits = depth[index].astype(np.float32).view(np.uint32).astype(np.uint64)
    keys = np.sort((bits << np.uint64(32)) | index)
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


@njit(cache=True, nogil=True)
def _project(means, quaternions, scales, opacities, pose, lens, out):  # pragma: no cover
    """World Gaussians -> ellipses on the screen; a depth of 0 marks one that is not drawn."""
    focal_x, focal_y, centre_x, centre_y, width, height, near, far = lens
    half_x, half_y = 0.5 * width / focal_x, 0.5 * height / focal_y
    most_x, least_x = (
        (width - centre_x) / focal_x + EDGE * half_x,
        -centre_x / focal_x - EDGE * half_x,
    )
    most_y, least_y = (
        (height - centre_y) / focal_y + EDGE * half_y,
        -centre_y / focal_y - EDGE * half_y,
    )
    to_screen = np.empty((2, 3))
    spread = np.empty((2, 3))
    for i in range(means.shape[0]):
        out[i, _DEPTH] = 0.0
        x = (
            pose[0, 0] * means[i, 0]
            + pose[0, 1] * means[i, 1]
            + pose[0, 2] * means[i, 2]
            + pose[0, 3]
        )
        y = (
            pose[1, 0] * means[i, 0]
            + pose[1, 1] * means[i, 1]
            + pose[1, 2] * means[i, 2]
            + pose[1, 3]
        )
        z = (
            pose[2, 0] * means[i, 0]
            + pose[2, 1] * means[i, 1]
            + pose[2, 2] * means[i, 2]
            + pose[2, 3]
        )
        # Written so that a value that is no number fails.
        if not (near < z < far) or not (opacities[i] >= MIN_ALPHA):
            continue
        w, qx, qy, qz = quaternions[i]
        norm = w * w + qx * qx + qy * qy + qz * qz
        if not norm > 0.0:
            continue
        scale = 1.0 / np.sqrt(norm)
        w, qx, qy, qz = w * scale, qx * scale, qy * scale, qz * scale
        ray_x = min(max(x / z, least_x), most_x)
        ray_y = min(max(y / z, least_y), most_y)
        for k in range(3):
            to_screen[0, k] = focal_x / z * (pose[0, k] - ray_x * pose[2, k])
            to_screen[1, k] = focal_y / z * (pose[1, k] - ray_y * pose[2, k])
        for row in range(2):
            a, b, c = to_screen[row]
            spread[row, 0] = scales[i, 0] * (
                a * (1 - 2 * (qy * qy + qz * qz))
                + b * 2 * (qx * qy + w * qz)
                + c * 2 * (qx * qz - w * qy)
            )
            spread[row, 1] = scales[i, 1] * (
                a * 2 * (qx * qy - w * qz)
                + b * (1 - 2 * (qx * qx + qz * qz))
                + c * 2 * (qy * qz + w * qx)
            )
            spread[row, 2] = scales[i, 2] * (
                a * 2 * (qx * qz + w * qy)
                + b * 2 * (qy * qz - w * qx)
                + c * (1 - 2 * (qx * qx + qy * qy))
            )
        xx = spread[0, 0] ** 2 + spread[0, 1] ** 2 + spread[0, 2] ** 2 + LOW_PASS
        yy = spread[1, 0] ** 2 + spread[1, 1] ** 2 + spread[1, 2] ** 2 + LOW_PASS
        xy = spread[0, 0] * spread[1, 0] + spread[0, 1] * spread[1, 1] + spread[0, 2] * spread[1, 2]
        determinant = xx * yy - xy * xy
        if not (0.0 < determinant < np.inf):
            continue
        cut = np.log(opacities[i] / MIN_ALPHA)
        out[i, _X] = focal_x * x / z + centre_x
        out[i, _Y] = focal_y * y / z + centre_y
        out[i, _A], out[i, _B], out[i, _C] = yy / determinant, -xy / determinant, xx / determinant
        out[i, _OPACITY], out[i, _CUT] = opacities[i], cut
        # Beyond this the ellipse's alpha is below the cut.
        out[i, _REACH_X] = np.sqrt(2.0 * cut * xx)
        out[i, _REACH_Y] = np.sqrt(2.0 * cut * yy)
        out[i, _DEPTH] = z


@njit(cache=True, nogil=True)
def _tiles(gaussian, columns, rows):  # pragma: no cover - compiled
    """First and last tile, across and down, that the ellipse's box touches; empty if outside."""
    left = np.floor((gaussian[_X] - gaussian[_REACH_X] - 0.5) / TILE)
    right = np.floor((gaussian[_X] + gaussian[_REACH_X]) / TILE)
    top = np.floor((gaussian[_Y] - gaussian[_REACH_Y] - 0.5) / TILE)
    bottom = np.floor((gaussian[_Y] + gaussian[_REACH_Y]) / TILE)
    return (
        int(max(min(left, columns), 0.0)), int(max(min(right, columns - 1.0), -1.0)),
        int(max(min(top, rows), 0.0)), int(max(min(bottom, rows - 1.0), -1.0)),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _count_tiles(projected, order, columns, rows, starts):  # pragma: no cover - compiled
    for index in order:
        left, right, top, bottom = _tiles(projected[index], columns, rows)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                starts[row * columns + column + 1] += 1


@njit(cache=True, nogil=True)
def _fill_tiles(projected, order, columns, rows, cursor, members):  # pragma: no cover - compiled
    for index in order:
        left, right, top, bottom = _tiles(projected[index], columns, rows)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                tile = row * columns + column
                members[cursor[tile]] = index
                cursor[tile] += 1


@njit(cache=True, nogil=True)
def _composite(projected, colours, columns, starts, members, out):  # pragma: no cover - compiled
    """Each tile on its own: Gaussian by Gaussian, row by row of the tile. A row is always worked
    in full, without branches, so that the compiler makes vector code of it."""
    height, width, channels = out.shape[0], out.shape[1], colours.shape[1]
    light = np.empty((TILE, channels + 1, TILE))
    still_open = np.empty((TILE, TILE))
    active = np.empty((TILE, TILE))
    share = np.empty(TILE)
    for tile in range(starts.shape[0] - 1):
        if starts[tile] == starts[tile + 1]:
            continue
        top, left = (tile // columns) * TILE, (tile % columns) * TILE
        bottom, right = min(top + TILE, height), min(left + TILE, width)
        light[:] = 0.0
        still_open[:] = 1.0
        active[:] = 1.0
        for slot in range(starts[tile], starts[tile + 1]):
            index = members[slot]
            centre_y, reach_y = projected[index, _Y], projected[index, _REACH_Y]
            first = max(int(max(np.floor(centre_y - reach_y - 0.5), top)) - top, 0)
            last = int(min(np.floor(centre_y + reach_y), bottom - 1.0)) - top
            for row in range(first, last + 1):
                dy = row + top + 0.5 - centre_y
                _composite_row(projected, index, left, dy, row, still_open, active, share)
                for k in range(channels):
                    _add_scaled(light, row, k, share, colours[index, k])
                _add_scaled(light, row, channels, share, projected[index, _DEPTH])
            # All pixels ended? Looked at now and then, as looking costs about as much as a row.
            if slot % 16 == 15 and not np.any(active):
                break
        for y in range(top, bottom):
            for x in range(left, right):
                for k in range(channels):
                    out[y, x, k] = light[y - top, k, x - left]
                out[y, x, channels] = 1.0 - still_open[y - top, x - left]
                out[y, x, channels + 1] = light[y - top, channels, x - left]


@njit(cache=True, nogil=True)
def _composite_row(projected, index, left, dy, row, still_open, active, share):  # pragma: no cover
    """One Gaussian over one row of a tile: each pixel's share of it, and what stays open. Takes
    whole arrays, as a view of a row would cost more than the row.

    exp(-s) is (a polynomial of s / 16) ** 16, since a call would keep the loop scalar: s is at
    most ln 255 where it counts, so Taylor's ninth order leaves 2e-10.
    """
    a, b, c = projected[index, _A], projected[index, _B], projected[index, _C]
    opacity, cut = projected[index, _OPACITY], projected[index, _CUT]
    offset = left + 0.5 - projected[index, _X]
    for x in range(TILE):
        dx = x + offset
        sigma = 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy
        t = min(max(sigma, 0.0), cut) * (-1.0 / 16.0)
        e = 1.0 + t * (1.0 / 8.0) * (1.0 + t * (1.0 / 9.0))
        e = 1.0 + t * (1.0 / 6.0) * (1.0 + t * (1.0 / 7.0) * e)
        e = 1.0 + t * (1.0 / 4.0) * (1.0 + t * (1.0 / 5.0) * e)
        e = 1.0 + t * (1.0 + t * (1.0 / 2.0) * (1.0 + t * (1.0 / 3.0) * e))
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        alpha = min(opacity * e, MAX_ALPHA)
        alpha = alpha if sigma <= cut else 0.0
        was_open = still_open[row, x]
        next_open = was_open * (1.0 - alpha)
        goes_on = active[row, x] if next_open > MIN_OPEN else 0.0
        share[x] = alpha * was_open * goes_on
        still_open[row, x] = next_open if goes_on > 0.0 else was_open
        active[row, x] = goes_on


@njit(cache=True, nogil=True)
def _add_scaled(light, row, channel, share, factor):  # pragma: no cover - compiled
    for x in range(TILE):
        light[row, channel, x] += share[x] * factor
