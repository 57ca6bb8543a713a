# SPDX-License-Identifier: GPL-3.0-or-later
"""Places the rows of a take on an even grid of frames, whatever its format.

A `Clock` says when the rows were. Its numbers, times or timecodes decide the rate unless the file
names one or a person does; frames that are missing are interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...shared import limits
from ...shared.arrays import Float64Array, FloatArray, Int64Array
from ...shared.errors import InputError
from .raw_take import Clock, RawTake
from .records import FPS

_RATES = (24, 25, 30, 48, 50, 60, 100, 120)
_RATE = 60
_UNEVEN = 0.3  # steps; rows further than this from their place are not evenly spaced
_DAY = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """Rows on an even grid. rows: each (T, width); notes: what was filled in."""

    rows: Mapping[str, FloatArray]
    fps: float
    notes: tuple[str, ...] = ()


def place(raw: RawTake, name: str, fps: float | None = None) -> Placed:
    """Places the rows; `fps` overrides what the file says. Raises InputError `motion.times`,
    `motion.too_long`."""
    frames, told = _frames(raw.clock, len(raw), raw.fps, name)
    rows = {key: _fill(frames, values) for key, values in raw.rows.items()}
    missing = int(frames[-1]) + 1 - len(frames)
    notes = (
        (f"{missing} of {frames[-1] + 1} frames were missing and were filled in.",)
        if missing
        else ()
    )
    return Placed(rows=rows, fps=told if fps is None else float(fps), notes=notes)


def _frames(clock: Clock, rows: int, fps: float | None, name: str) -> tuple[Int64Array, float]:
    """The frame of each row, from 0, and the rate."""
    if clock.timecodes is not None:
        return _by_timecodes(clock.timecodes, name)
    if clock.times is not None and fps is None and rows > 1:
        return np.arange(rows), _rate_of(clock.times * (clock.unit_s or 1.0), name)
    return np.arange(rows), FPS if fps is None else fps


def _rate_of(times_s: Float64Array, name: str) -> float:
    steps = np.diff(times_s)
    mean = (times_s[-1] - times_s[0]) / len(steps)
    if not mean > 0 or np.abs(steps - mean).max() > _UNEVEN * mean:
        raise _uneven(name)
    fps = float(1 / mean)
    return float(round(fps)) if abs(fps - round(fps)) < 0.01 else fps


def _by_timecodes(codes: Float64Array, name: str) -> tuple[Int64Array, float]:
    seconds, counted = codes[:, 0], codes[:, 1]
    seconds = seconds + _DAY * np.cumsum(np.diff(seconds, prepend=seconds[:1]) < -_DAY / 2)
    if len(codes) == 1:
        return np.zeros(1, np.int64), float(_RATE)
    possible = [rate for rate in _RATES if rate > counted.max()] or [math.ceil(counted.max() + 1)]
    told = seconds[-1] > seconds[0]
    if not told:
        possible = [rate for rate in possible if rate >= _RATE] or possible[-1:]
    fits = [(_fit(seconds + counted / rate), rate) for rate in possible]
    (gaps, _, step), rate = min(fits) if told else fits[0]
    if not np.isfinite(gaps):
        raise _uneven(name)
    frames = np.rint((seconds + counted / rate - seconds[0] - counted[0] / rate) / step)
    if frames[-1] >= limits.MAX_FRAMES:
        raise too_long(name, int(frames[-1]))
    return frames.astype(np.int64), _tidy(1 / step)


def _fit(times: Float64Array) -> tuple[float, float, float]:
    """How evenly the times are spaced: the number of missing frames (infinite if they are not
    even), the largest deviation in steps, and the step in seconds."""
    steps = np.diff(times)
    if not (steps > 0).all():
        return np.inf, np.inf, 0.0
    count = np.rint(steps / np.median(steps))
    if not (count > 0).all() or not count.sum() < 1e9:
        return np.inf, np.inf, 0.0
    step = float((times[-1] - times[0]) / count.sum())
    places = np.concatenate([[0], np.cumsum(count)]) * step
    worst = max(np.abs(times - times[0] - places).max(), np.abs(steps - count * step).max()) / step
    return float(count.sum() - len(count)) if worst <= _UNEVEN else np.inf, float(worst), step


def _tidy(fps: float) -> float:
    """The known rate nearest to `fps` if it is that near, else `fps` itself."""
    near = min((*_RATES, 23.976, 29.97, 59.94), key=lambda rate: abs(rate - fps))
    return float(near) if abs(near - fps) < 0.02 else fps


def _fill(frames: Int64Array, values: FloatArray) -> FloatArray:
    """Values at every frame, linearly interpolated where rows are missing."""
    if len(values) == frames[-1] + 1:
        return values
    at = np.arange(frames[-1] + 1)
    after = np.searchsorted(frames, at)
    before = np.where(frames[after] == at, after, after - 1)
    span = np.maximum(frames[after] - frames[before], 1)
    part = ((at - frames[before]) / span)[:, None]
    return values[before] * (1 - part) + values[after] * part


def _uneven(name: str) -> InputError:
    return InputError(
        "motion.times",
        f"The times of {name} do not run evenly.",
        "Export the take again, at a fixed frame rate.",
    )


def too_long(name: str, frames: int | str) -> InputError:
    """The error for more frames than `limits.MAX_FRAMES`."""
    return InputError(
        "motion.too_long",
        f"The take in {name} has {frames} frames; {limits.MAX_FRAMES} are allowed.",
        "Cut the take into parts.",
    )
