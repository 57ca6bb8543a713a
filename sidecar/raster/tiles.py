# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Gaussians each tile of the picture sees, near to far."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...shared.errors import InputError
from .project import HIDDEN, Ellipses

MAX_PAIRS = 1 << 28
"""Entries of the tile lists: 1 GiB; a thousand times what a head at 512 x 512 needs."""


def depth_order(keys: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Indices of the drawn Gaussians from near to far, equally deep ones in the order given."""
    ordered = np.sort(keys)
    drawn = np.searchsorted(ordered, HIDDEN)
    return ordered[:drawn].astype(np.uint32).view(np.int32)


def list_tiles(
    ellipses: Ellipses, columns: int, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """starts (tiles + 1,) and members: tile t sees members[starts[t] : starts[t + 1]], near to
    far. Raises InputError `avatar.too_dense`."""
    order = depth_order(ellipses.keys)
    starts = np.zeros(columns * rows + 1, np.int64)
    _count(order, ellipses.boxes, columns, starts)
    np.cumsum(starts, out=starts)
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
def _count(order, boxes, columns, starts):  # pragma: no cover - compiled
    for index in order:
        for row in range(boxes[index, 2], boxes[index, 3] + 1):
            for tile in range(row * columns + boxes[index, 0], row * columns + boxes[index, 1] + 1):
                starts[tile + 1] += 1


@njit(cache=True, nogil=True)
def _fill(order, boxes, columns, cursor, members):  # pragma: no cover - compiled
    for index in order:
        for row in range(boxes[index, 2], boxes[index, 3] + 1):
            for tile in range(row * columns + boxes[index, 0], row * columns + boxes[index, 1] + 1):
                members[cursor[tile]] = index
                cursor[tile] += 1
