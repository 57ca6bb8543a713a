# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlapping windows on one frame grid over the whole take, so that no seam shows.

Window k covers frames (k - 1) * HOP .. (k + 1) * HOP - 1. Each frame lies in two windows, whose
shares add to 1. The network computes windows one by one, so the bits of a frame do not depend on
the range that was asked for, and a single frame costs two windows.
"""

from __future__ import annotations

import functools

import numpy as np

from ...shared.arrays import Float32Array, IndexArray

MODEL_FPS = 30.0
"""The network's own frame rate; other rates are resampled and only the change is brought back."""
WINDOW = 64
"""Frames of a window."""
HOP = WINDOW // 2
"""Frames from one window's start to the next one's."""


def windows_of(frames: range) -> range:
    """Numbers of the windows that cover the frames."""
    return range(frames.start // HOP, (frames.stop - 1) // HOP + 2)


def window_frames(window: int, length: int) -> IndexArray:
    """(WINDOW,) the window's frames in a take of `length` frames; past its ends the first or last
    frame is repeated."""
    return np.clip((window - 1) * HOP + np.arange(WINDOW), 0, length - 1)


def rows_around(window: int, frame: int, count: int) -> slice:
    """The `count` rows of the window that hold the frame, starting at a multiple of `count`.
    `count` must divide `HOP`, so that both windows of a frame give the same frames."""
    place = frame - (window - 1) * HOP
    return slice(place - place % count, place - place % count + count)


@functools.cache
def fade() -> Float32Array:
    """(WINDOW,) share of a window at each of its frames, read-only. The second half and the next
    window's first half add to 1."""
    rise = (np.sin(0.5 * np.pi * (np.arange(HOP) + 0.5) / HOP) ** 2).astype(np.float32)
    shares = np.concatenate([rise, np.float32(1) - rise])
    shares.flags.writeable = False
    return shares


def add_window(total: Float32Array, first: int, window: int, values: Float32Array) -> None:
    """Adds a window's values (WINDOW, C), faded, to `total`, whose row 0 is frame `first`. Called
    in the order of windows, it sums each frame in one order."""
    start = (window - 1) * HOP - first
    low, high = max(start, 0), min(start + WINDOW, len(total))
    inside = slice(low - start, high - start)
    total[low:high] += values[inside] * fade()[inside, None]
