# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlapping windows on one global frame grid, so that no chunk ever shows.

Window k covers frames (k - 1) * HOP .. (k + 1) * HOP - 1; each frame lies in two windows, whose
shares add to 1. Windows are computed in fixed groups of one batch shape: whatever range is asked
for, a window meets the same numbers at the same place of the same batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW = 64
HOP = WINDOW // 2
GROUP = 8
"""Windows computed together."""

FloatArray = NDArray[np.float32]


def groups_of(frames: range) -> range:
    """Groups whose windows the frames need."""
    first = frames.start // HOP
    last = (frames.stop - 1) // HOP + 1
    return range(first // GROUP, last // GROUP + 1)


def group_frames(group: int, length: int) -> NDArray[np.intp]:
    """(GROUP, WINDOW) frame of each place; past the take's ends its first or last frame."""
    starts = (np.arange(group * GROUP, (group + 1) * GROUP) - 1) * HOP
    return np.clip(starts[:, None] + np.arange(WINDOW), 0, length - 1)


def fade() -> FloatArray:
    """(WINDOW,) share of a window at each of its frames; halves of neighbours add to 1."""
    rise = (np.sin(0.5 * np.pi * (np.arange(HOP) + 0.5) / HOP) ** 2).astype(np.float32)
    return np.concatenate([rise, np.float32(1) - rise])


def add_group(total: FloatArray, first: int, group: int, values: FloatArray) -> None:
    """Adds a group's windows (GROUP, WINDOW, C), faded, into `total`, whose row 0 is frame
    `first`. Each frame gets its two windows in the grid's order."""
    shares = fade()[:, None]
    for place in range(GROUP):
        start = (group * GROUP + place - 1) * HOP - first
        low, high = max(start, 0), min(start + WINDOW, len(total))
        if low < high:
            inside = slice(low - start, high - start)
            total[low:high] += values[place, inside] * shares[inside]
