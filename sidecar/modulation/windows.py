# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlapping windows on one global frame grid, so that no chunk ever shows.

Window k covers frames (k - 1) * HOP .. (k + 1) * HOP - 1; each frame lies in two windows, whose
shares add to 1. Windows are computed one by one: whatever range is asked for, a window meets the
same numbers in the same shape, and a single frame costs two windows.
"""

from __future__ import annotations

import functools

import numpy as np

from ...shared.arrays import Float32Array, IndexArray

WINDOW = 64
HOP = WINDOW // 2


def windows_of(frames: range) -> range:
    """The windows that the frames lie in."""
    return range(frames.start // HOP, (frames.stop - 1) // HOP + 2)


def window_frames(window: int, length: int) -> IndexArray:
    """(WINDOW,) frame of each place; past the take's ends its first or last frame."""
    return np.clip((window - 1) * HOP + np.arange(WINDOW), 0, length - 1)


def rows_around(window: int, frame: int, count: int) -> slice:
    """The window's places around one of its frames, from a multiple of `count` on: a divisor of
    `HOP`, so that they are around the same frames in both of its windows."""
    place = frame - (window - 1) * HOP
    return slice(place - place % count, place - place % count + count)


@functools.cache
def fade() -> Float32Array:
    """(WINDOW,) share of a window at each of its frames; halves of neighbours add to 1. To be
    read only."""
    rise = (np.sin(0.5 * np.pi * (np.arange(HOP) + 0.5) / HOP) ** 2).astype(np.float32)
    shares = np.concatenate([rise, np.float32(1) - rise])
    shares.flags.writeable = False
    return shares


def add_window(total: Float32Array, first: int, window: int, values: Float32Array) -> None:
    """Adds a window's values (WINDOW, C), faded, into `total`, whose row 0 is frame `first`.
    Called in the order of windows, each frame gets its two in one order."""
    start = (window - 1) * HOP - first
    low, high = max(start, 0), min(start + WINDOW, len(total))
    inside = slice(low - start, high - start)
    total[low:high] += values[inside] * fade()[inside, None]
