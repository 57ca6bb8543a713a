# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the even grid of frames on which times lie, though some are missing, repeated or
rounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...shared.arrays import BoolArray, Float64Array, Int64Array

UNEVEN = 0.35
"""Steps; times further than this from their place on a grid are on none."""
_CLEAN = 0.1  # steps; on a grid this near, gaps are gaps, and rows need no resampling
_LEAST_SINGLE = 0.3  # of the steps are one frame; else the grid is too fine or too coarse
_MOST_STEPS = 1e9
_DECIMALS = (23.976, 29.97, 47.952, 59.94, 119.88)
_SAME = 1e-5  # relative; a step that was written as 16.6667 ms is off by 2e-6
_FOLLOW = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Times t on a grid: t = start + step * frame. frames: (R,) from 0, not descending. worst:
    the largest distance of a time from its place, in steps."""

    frames: Int64Array
    step: float
    worst: float
    start: float = 0.0

    @property
    def even(self) -> bool:
        """Whether each time has one frame of the grid that is nearest beyond doubt."""
        return self.worst <= UNEVEN

    @property
    def flaws(self) -> int:
        """How many frames are missing or repeated."""
        steps = np.diff(self.frames)
        return int(np.abs(steps - 1).sum())


def fit_grid(times: Float64Array) -> Grid | None:
    """The grid of times (R,) in ascending order, or None if they are on none: fewer than two
    different ones, or uneven."""
    steps = np.diff(times)
    positive = steps[steps > 0]
    if not len(positive):
        return None
    guesses = (
        float(np.median(positive)),
        float((times[-1] - times[0]) / len(steps)),
        float(np.quantile(positive, 0.1)),
        float(positive.min()),
    )
    part = quantum(times)
    found: list[tuple[bool, int, float, Grid]] = []
    for guess in dict.fromkeys(guesses):
        grid = _fit(times, guess)
        if grid is not None and grid.even:
            jitters = grid.worst > largest_rounding(part, grid.step)
            found.append((jitters, grid.flaws, grid.worst, grid))
            if not jitters and not grid.flaws:
                break
    return min(found, key=lambda entry: entry[:3])[3] if found else None


def largest_rounding(part: float, step: float) -> float:
    """Steps that a time may be off its frame by rounding to a part of a second; `part` is 0 if
    times are not rounded."""
    return max(_CLEAN, 0.55 * part / step)


def fit_step(times: Float64Array, step: float) -> Grid:
    """The places of times (R,) in ascending order on a grid whose step is known."""
    places = (times - times[0]) / step
    # Half a turn around the mean phase, so that no place lies on the edge between two frames.
    phase = np.angle(np.exp(2j * np.pi * places).mean()) / (2 * np.pi)
    frames = np.rint(places - phase).astype(np.int64)
    worst = float(np.abs(places - phase - frames).max())
    return Grid(frames=frames - frames[0], step=step, worst=worst)


def _fit(times: Float64Array, step: float) -> Grid | None:
    steps = np.diff(times)
    if not times[-1] - times[0] < _MOST_STEPS * step:
        return None
    single = np.rint(steps / step) == 1
    if single.any():
        step = float(steps[single].mean())
    quick = _settled(times, np.append(0.0, np.cumsum(np.rint(steps / step))))
    if quick is not None and quick.even:
        return quick
    return _settled(times, _tracked(times, step))


def _settled(times: Float64Array, frames: Float64Array) -> Grid | None:
    """The grid through times (R,) whose frames (R,) are nearly known."""
    step = start = 0.0
    for _ in range(3):  # each round corrects what the rounding of single steps had added up
        if not frames[-1] > 0:
            return None
        step, start = _line(frames, times)
        if not step > 0:
            return None
        frames = np.rint((times - start) / step)
    step, start = _line(frames, times)
    moved = np.diff(frames)
    if not step > 0 or (moved < 0).any() or (moved == 1).mean() < _LEAST_SINGLE:
        return None
    worst = float(np.abs(times - start - step * frames).max() / step)
    whole = (frames - frames[0]).astype(np.int64)
    return Grid(frames=whole, step=step, worst=worst, start=start + step * float(frames[0]))


def _tracked(times: Float64Array, step: float) -> Float64Array:
    """Frames (R,) of times, each counted from the one before on a clock that follows them slowly:
    jitter does not add up, and a step that is a little wrong does no harm."""
    frames, clock, frame = np.zeros(len(times)), float(times[0]), 0
    for row, time in enumerate(times.tolist()):
        moved = max(round((time - clock) / step), 0)
        frame += moved
        clock += moved * step
        clock += _FOLLOW * (time - clock)
        frames[row] = frame
    return frames


def quantum(times: Float64Array) -> float:
    """The second's part, down to a thousandth, of which all times (R,) are multiples after the
    first; 0 if there is none."""
    away = times - times[0]
    for part in (1.0, 0.1, 0.01, 0.001):
        if np.abs(away / part - np.rint(away / part)).max() < 1e-3:
            return part
    return 0.0


def _line(x: Float64Array, y: Float64Array) -> tuple[float, float]:
    """Slope and offset of the line through the points, by least squares."""
    away = x - x.mean()
    size = float((away**2).sum())
    if not size > 0:
        return 0.0, float(y.mean())
    slope = float((away * (y - y.mean())).sum() / size)
    return slope, float(y.mean() - slope * x.mean())


def tidy_rate(grid: Grid) -> float:
    """The plainest rate that meets all of the grid's times as well as its own step does."""
    fps = 1 / grid.step
    span = float(grid.frames[-1]) * grid.step
    slack = max(grid.worst, 1e-6) * grid.step
    known = (round(fps), *_DECIMALS)
    plain = (*known, *(round(fps, digits) for digits in (1, 2, 3)))
    for rate in (rate for rate in plain if rate > 0):
        away = abs(1 - fps / rate)
        if span * away <= slack or (rate in known and away < _SAME):
            return float(rate)
    return fps


def spread(frames: Int64Array) -> tuple[Int64Array, BoolArray]:
    """Moves repeated frames (R,), ascending, to a neighbour that is free, and says which rows (R,)
    have a frame of their own now; the others have none."""
    out, kept = frames.copy(), np.ones(len(frames), bool)
    for row in np.flatnonzero(np.diff(frames) == 0) + 1:
        place = out[row - 1]
        after = out[row + 1] if row + 1 < len(out) else place + 2
        before = out[row - 2] if row > 1 else place - 1
        if after > place + 1:
            out[row] = place + 1
        elif before < place - 1:
            out[row - 1], out[row] = place - 1, place
        else:
            out[row], kept[row] = place, False
    return out, kept
