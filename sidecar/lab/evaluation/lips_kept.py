# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of a take's lips and jaw in an emotion: closures in speech, lips held in silence,
the jaw's course, and how smoothly the gap moves. All on gaps between the lips, (T,) mm."""

from __future__ import annotations

import numpy as np

from ....shared.arrays import FloatArray, IndexArray

CLOSURE_REACH_S = 0.33
HELD_S = 0.35
"""Lips that meet for longer than this are held shut, not speaking."""
MEET_MM, PARTED_MM = 1.0, 2.5
"""Lips this near meet; so much more and they are apart."""
STILL_MM = 1e-3
"""A gap whose third difference is smaller in the take does not move."""


def speech_closures(gap: FloatArray, fps: float) -> IndexArray:
    """Frames in which lips that were open a moment ago, and will be in a moment, meet: m, b and p
    of a take that nobody labelled. Silences are none."""
    reach, near = max(round(CLOSURE_REACH_S * fps), 1), max(round(0.1 * fps), 1)
    frames = [
        frame
        for frame in range(1, len(gap) - 1)
        if gap[frame] < MEET_MM
        and gap[frame] == gap[max(frame - near, 0) : frame + near + 1].min()
        and gap[max(frame - reach, 0) : frame].max() > gap[frame] + PARTED_MM
        and gap[frame + 1 : frame + 1 + reach].max() > gap[frame] + PARTED_MM
    ]
    return np.array(frames, np.intp)


def held_closures(gap: FloatArray, fps: float) -> IndexArray:
    """Frames of every stretch in which the lips meet for longer than `HELD_S`."""
    shut = np.concatenate([[False], gap < MEET_MM, [False]])
    starts, stops = (
        np.flatnonzero(edge) for edge in (shut[1:] & ~shut[:-1], shut[:-1] & ~shut[1:])
    )
    long = stops - starts > HELD_S * fps
    runs = [np.arange(a, b) for a, b in zip(starts[long], stops[long], strict=True)]
    return np.concatenate(runs) if runs else np.zeros(0, np.intp)


def kept(gap: FloatArray, frames: IndexArray) -> float | None:
    """The share of the frames in which the lips meet; None without frames."""
    return float((gap[frames] < MEET_MM).mean()) if len(frames) else None


def correlation(course: FloatArray, own: FloatArray) -> float | None:
    """Pearson's of two courses (T,), None where one of them stands still."""
    if min(np.std(course), np.std(own)) < 1e-6:
        return None
    return float(np.corrcoef(course, own)[0, 1])


def gap_jitter(gap: FloatArray, own: FloatArray) -> float | None:
    """Mean third difference of a gap over that of the take's own, None where that stands still."""
    if len(gap) < 4:
        return None
    third, base = (float(np.abs(np.diff(g, n=3)).mean()) for g in (gap, own))
    return third / base if base > STILL_MM else None
