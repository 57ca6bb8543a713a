# SPDX-License-Identifier: GPL-3.0-or-later
"""Timecodes: hours:minutes:seconds:frames, as tools write them.

The frames may have digits behind a point. Live Link Face means a part of a frame by them; webcam
converters write a running frame number there, most of them modulo 1000; others the milliseconds
of the second, or the milliseconds in place of the frames. Whichever fits every row is taken. A
code does not say how many frames a second has: it is the known number with the fewest gaps where
seconds end in the take, else 60, the app's own. Behind a semicolon the frames count as SMPTE's
drop-frame codes do: at each full minute but the tenth, two numbers (of 60: four) are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from ...shared import limits
from ...shared.arrays import Float64Array, Int64Array
from ...shared.errors import InputError
from ...shared.timecodes import APP_RATE
from .grid import Grid, fit_grid
from .raw_take import Timecodes

RATES = (24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240)
"""Frames a second that cameras have."""
_DROPPED = {30: (2, 29.97), 60: (4, 59.94)}
_DAY = 24 * 3600
_COMPUTED = re.compile(r"(.+[:;.])(\d{1,4}[.,]\d+(?:e-?\d+)?)", re.IGNORECASE)
"""A code whose frames are a number that was computed: 2.0000000000000004, 1.36e-14."""
_CODE = re.compile(r"(\d{1,3}):([0-5]?\d):([0-5]?\d)([:;.])(\d{1,4})(?:[.,](\d{1,9}))?")
_LEAST_MILLISECONDS = 250  # frames field beyond this and no camera's rate
_UNKNOWN_COSTS = 3
"""Gaps that a known rate may have at a single second's end before an unknown one is believed; where
the same number is missing at each of several, it is not one that was dropped."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """Frame numbers (R,) of timecodes, ascending if the rows are in order, and their rate."""

    numbers: Int64Array
    fps: float


def read_timecodes(
    texts: list[str], name: str, where: Callable[[int], str] = "frame {}".format
) -> Timecodes:
    """The codes of R rows; a blank one repeats the one before. where: says where a row's code is,
    for errors. Raises InputError `motion.times`."""
    rows: list[tuple[int, int, float, int]] = []
    lengths, marks = set(), set()
    for text in texts:
        found = _CODE.fullmatch(text.strip()) or _CODE.fullmatch(_cut(text.strip()))
        if found is None:
            if rows and not text.strip():
                rows.append(rows[-1])
                continue
            raise _no_code(text, name, where(len(rows)))
        hours, minutes, seconds, mark, frames, digits = found.groups()
        whole = 3600 * int(hours) + 60 * int(minutes) + int(seconds)
        if whole >= 2 * _DAY:
            raise _no_code(text, name, where(len(rows)))
        marks.add(mark)
        lengths.add(len(digits or ""))
        rows.append((whole, int(frames), float(f"0.{digits or 0}"), int(digits or 0)))
    columns = list(zip(*rows, strict=True))
    return Timecodes(
        seconds=np.array(columns[0], np.int64),
        frames=np.array(columns[1], np.int64),
        fractions=np.array(columns[2], np.float64),
        digits=np.array(columns[3], np.int64),
        places=lengths.pop() if len(lengths) == 1 else 0,
        drop=marks == {";"},
    )


def _cut(text: str) -> str:
    """The code with a computed number of frames cut to six digits."""
    found = _COMPUTED.fullmatch(text)
    if found is None:
        return text
    ticks = int(float(found[2].replace(",", ".")) * 1e6)  # 29.9999999 is no thirtieth frame
    return f"{found[1]}{ticks // 1_000_000}.{ticks % 1_000_000:06}"


def interpret(codes: Timecodes, fps: float | None = None) -> Counted | Float64Array:
    """Frame numbers and their rate, or times (R,) in seconds where the codes have parts of frames.
    fps: the rate if it is known."""
    seconds = _past_midnight(codes.seconds)
    if codes.frames.max() >= _LEAST_MILLISECONDS and len(codes.frames) > 2:
        return seconds + codes.frames / 1000
    running = _running_count(codes, seconds)
    if running is not None:
        rate = _carry_rate(codes, seconds, running)
        return Counted(numbers=running, fps=rate or _whole_base(seconds, codes.frames, fps))
    base = _whole_base(seconds, codes.frames, fps)
    whole = seconds * base + codes.frames
    steps = np.diff(whole)
    if codes.drop and base in _DROPPED:
        skipped, rate = _DROPPED[base]
        minutes = seconds // 60
        return Counted(numbers=whole - skipped * (minutes - minutes // 10), fps=rate)
    if (codes.fractions != codes.fractions[0]).any():
        parts = _parts(codes, seconds, base, fps)
        even = (steps == 1).all()
        if parts is not None and (fit_grid(parts) is not None or not even):
            return parts
    return _several_a_code(Counted(numbers=whole, fps=float(base)))


def _past_midnight(seconds: Int64Array) -> Int64Array:
    """Seconds that go on where the day ends."""
    return seconds + _DAY * np.cumsum(np.diff(seconds, prepend=seconds[:1]) < -_DAY // 2)


def _running_count(codes: Timecodes, seconds: Int64Array) -> Int64Array | None:
    """Frame numbers (R,) from digits that count frames from 0 or 1 on; None if they do not."""
    if len(seconds) < 2 or codes.places > 3:
        return None
    start = int(seconds[0]) * _whole_base(seconds, codes.frames, None) + int(codes.frames[0])
    if codes.digits[0] > 1 and abs(codes.digits[0] - start % 1000) > 1:
        return None
    counted = np.diff(codes.digits)
    if codes.places == 3:
        counted = counted % 1000
    within = np.diff(seconds) == 0
    moves = np.diff(codes.frames)[within]
    if (counted < 1).any() or (counted[within] != moves).any():
        return None
    return np.append(0, np.cumsum(counted))


def _carry_rate(codes: Timecodes, seconds: Int64Array, numbers: Int64Array) -> int | None:
    """Frames in a second, told by the rows between which a second ends; None without such."""
    ends = np.flatnonzero((np.diff(seconds) != 0) & (np.diff(codes.frames) < 0))
    if not len(ends):
        return None
    carried = np.diff(numbers)[ends] - np.diff(codes.frames)[ends]
    return int(np.median(carried))


def _whole_base(seconds: Int64Array, frames: Int64Array, fps: float | None) -> int:
    """Frames in a second, for whole frames within it."""
    highest = int(frames.max())
    if fps is not None and round(fps) > highest:
        return round(fps)
    known = [rate for rate in RATES if rate > highest]
    if seconds[-1] == seconds[0]:
        return next((rate for rate in known if rate >= APP_RATE), highest + 1)
    costs = {rate: _flaws(seconds * rate + frames) for rate in known}
    if highest + 1 >= limits.LEAST_FPS:
        flaws = _flaws(seconds * (highest + 1) + frames)
        once = (np.diff(seconds) != 0).sum() < 2
        costs.setdefault(highest + 1, flaws + (_UNKNOWN_COSTS if once else 1))
    return min(costs, key=lambda rate: (costs[rate], rate))


def _flaws(numbers: Int64Array) -> int:
    """How many frames are missing or repeated."""
    return int(np.abs(np.diff(numbers) - 1).sum())


def _parts(
    codes: Timecodes, seconds: Int64Array, base: int, fps: float | None
) -> Float64Array | None:
    """Times (R,) in seconds from digits that are the milliseconds of the second or a part of the
    frame."""
    if codes.places == 3 and (np.abs(codes.digits / 1000 - codes.frames / base) < 1.5 / base).all():
        return seconds + codes.digits / 1000
    known = [rate for rate in RATES if rate > codes.frames.max()]
    if seconds[-1] == seconds[0] or fps is not None or not known:
        return seconds + (codes.frames + codes.fractions) / base
    even: dict[int, Grid] = {}
    for rate in dict.fromkeys((base, int(codes.frames.max()) + 1, *known)):
        times = seconds + (codes.frames + codes.fractions) / rate
        grid = fit_grid(times) if (np.diff(times) >= 0).all() else None
        if grid is not None:
            even[rate] = grid
            if _likeness(grid, rate)[:2] == (0, False):
                break
    rate = min(even, key=lambda rate: _likeness(even[rate], rate), default=base)
    return seconds + (codes.frames + codes.fractions) / rate


def _likeness(grid: Grid, rate: int) -> tuple[int, bool, float, int]:
    """Smaller where times on the grid are more likely those of codes with `rate` numbers a second:
    without gaps, and about as many frames as numbers."""
    return grid.flaws, abs(grid.step * rate - 1) > 0.05, round(grid.worst, 4), rate


def _several_a_code(counted: Counted) -> Counted:
    """The same with the rows counted on where each code, but for the first and the last, stands in
    the same number of rows: 60 rows a second under codes of 30."""
    _, starts, rows = np.unique(counted.numbers, return_index=True, return_counts=True)
    often = int(rows.max())
    ordered = (np.diff(counted.numbers) >= 0).all()
    if often < 2 or len(rows) < 4 or not ordered or (rows[1:-1] != often).any():
        return counted
    within = np.arange(len(counted.numbers)) - np.repeat(starts, rows)
    within[: rows[0]] += often - rows[0]
    return Counted(numbers=counted.numbers * often + within, fps=counted.fps * often)


def clock_seconds(texts: list[str]) -> Float64Array | None:
    """Seconds (R,) of times of the day without frames (12:30:05.033) or of dates with them; None
    if the texts are neither."""
    if all(":" not in text for text in texts):
        return None
    try:
        return np.array([_clock_time(text) for text in texts])
    except ValueError:
        return None


def _clock_time(text: str) -> float:
    text = text.strip().replace(",", ".")
    if not text:
        return float("nan")
    if "-" in text[1:]:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    parts = [float(part) for part in text.split(":")]
    if len(parts) > 3:
        raise ValueError(text)
    return float(sum(part * 60**power for power, part in enumerate(reversed(parts))))


def _no_code(text: str, name: str, where: str) -> InputError:
    return InputError(
        "motion.times",
        f"{name} has the timecode '{text:.40}' in {where}, not hours:minutes:seconds:frames.",
        "Export the take again.",
    )
