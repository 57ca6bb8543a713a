# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Gaussians each tile of the picture sees, near to far."""

from __future__ import annotations

import numpy as np
from numba import njit

from ...shared.arrays import Int32Array, Int64Array
from ...shared.camera import Camera
from ...shared.errors import InputError
from .composite import TILE
from .project import HIDDEN, Ellipses

MAX_PAIRS = 1 << 28
"""Entries of the tile lists: 1 GiB; a thousand times what a head at 512 x 512 needs."""


def tiles_across(camera: Camera) -> tuple[int, int]:
    """Columns and rows of tiles; the last ones may stand over."""
    return -(-camera.width // TILE), -(-camera.height // TILE)


def list_tiles(ellipses: Ellipses, columns: int, rows: int) -> tuple[Int64Array, Int32Array]:
    """starts (tiles + 1,) and members: tile t sees members[starts[t] : starts[t + 1]], near to
    far. Raises InputError `avatar.too_dense`."""
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


@njit(cache=True, nogil=True)
def depth_order(keys):  # pragma: no cover - compiled
    """Indices of the drawn Gaussians by their keys, equal ones in the order given: a radix sort
    from the lowest digit to the highest, which is stable. keys: (N,) uint32."""
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
    """Where each tile's list starts, and where the last one ends. A box adds its corners to a
    table that is summed up across and down: a large Gaussian costs no more than a small one."""
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
    for index in order:
        left, right = np.int64(boxes[index, 0]), np.int64(boxes[index, 1])
        for row in range(np.int64(boxes[index, 2]), np.int64(boxes[index, 3]) + 1):
            for tile in range(row * columns + left, row * columns + right + 1):
                members[cursor[tile]] = index
                cursor[tile] += 1
