# SPDX-License-Identifier: GPL-3.0-or-later
"""Places the rows of a take on an even grid of frames, whatever its format.

A `Clock` says when the rows were. Its numbers, times or timecodes decide the rate unless the file
names one or a person does. Times of an unknown unit are in the one in which a face is filmed at a
rate that cameras have. Rows that lie on an even grid are its frames, however many are missing;
uneven ones are resampled at their times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...shared import limits
from ...shared.arrays import BoolArray, Float64Array, FloatArray, IndexArray, Int64Array
from ...shared.errors import InputError
from ...shared.motion import check_rate
from ...shared.take_files import FPS
from ...shared.wording import say_count
from . import gaps, grid, timecodes
from .raw_take import Clock, RawTake

_UNITS = {1.0: "seconds", 1e-3: "milliseconds", 1e-6: "microseconds", 1e-9: "nanoseconds"}
_COMMON = (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240)
_OUT_OF_ORDER_S = 0.5  # rows that lie further back than this began another recording
_DISORDERED = 0.1  # share of steps back beyond which a person's rate counts and no time does
_COARSE = 0.3  # share of repeated times beyond which the times are too coarse for the rows
_LATEST = 1e20  # in nanoseconds, 3,000 years
_CLOSE = 0.05
_SAME_RATE = 1.6  # factor; times that run at a rate further from the given one mean nothing
_NEARER = 0.1  # of a step
_MOST_GUESSED_FPS = 250.0  # 2.5 are seconds between pictures, not milliseconds at 400 fps
_UNTOLD = "No second ends within the take, so its timecodes leave its rate open"
_LONE = "The time of a single frame does not tell its rate"
_SORTED = "Some rows were out of order and were sorted by time."
_FPS_REMEDY = "Say the take's rate (--fps, or Frame Rate in Blender)."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """Frames on an even grid. rows: each (T, width); notes: what was filled in or resampled."""

    rows: Mapping[str, FloatArray]
    fps: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Places:
    """places: (R,) of the rows in frames from 0 on, NaN for rows that are left out. order: (R,)
    the rows in ascending order of time, None if they are. whole: whether each row belongs to one
    frame, near which it is, so that the others are missing."""

    places: Float64Array
    fps: float
    order: IndexArray | None = None
    notes: tuple[str, ...] = ()
    whole: bool = True


def place(take: RawTake, name: str, fps: float | None = None) -> Placed:
    """Makes frames of the rows; `fps` overrides what the file says.

    Raises InputError `motion.rate`, `motion.times`, `motion.too_long`, `motion.no_face`,
    `motion.not_finite`.
    """
    if not len(take):
        return Placed(rows=take.rows, fps=checked(take.fps if fps is None else fps, name) or FPS)
    found = _find_places(take, name, fps)
    if found.order is not None:
        take = _chosen(take, found.order)
    there = ~np.isnan(found.places)
    if not there.all():
        take = _chosen(take, np.flatnonzero(there))
    return _fill(take, found, found.places[there], name)


def _fill(take: RawTake, found: _Places, places: Float64Array, name: str) -> Placed:
    frames = int(np.rint(places[-1])) + 1
    if frames > limits.MAX_FRAMES:
        raise too_long(name, frames)
    seen = gaps.find_faces(take, name)
    filled = gaps.fill_values(seen, places, found.fps)
    rows = gaps.fill_frames(filled.rows, places[seen.faces], frames, found.fps)
    nearest = np.clip(np.rint(places).astype(np.int64), 0, frames - 1)
    without = np.full(frames, found.whole)
    without[nearest] = False
    faceless = np.zeros(frames, bool)
    faceless[nearest[~seen.faces]] = True
    faceless[nearest[seen.faces]] = False
    away_s = float(np.diff(places[seen.faces]).max(initial=0)) / found.fps
    notes = (*found.notes, *_gap_notes(without, faceless, away_s))
    if seen.missing:
        values = "1 value was" if seen.missing == 1 else f"{seen.missing} values were"
        notes = (*notes, f"{values} missing and filled in from the frames around.")
    return Placed(rows=rows, fps=found.fps, notes=notes)


def _gap_notes(without: BoolArray, faceless: BoolArray, away_s: float) -> tuple[str, ...]:
    """What was filled in: frames (T,) without a row, and those whose rows have no face. away_s:
    the longest time between two faces."""
    frames, notes = len(without), []
    for gaps_, said in ((without, "were missing"), (faceless, "have no face")):
        if gaps_.any():
            shown = gaps.describe(gaps_)
            notes.append(
                f"{gaps_.sum()} of {say_count(frames, 'frame')} {said} and were filled in "
                f"({shown})."
            )
    if away_s > gaps.LINE_S + 1e-6:
        notes.append(f"The longest gap is {away_s:.1f} s, over which the face is held.")
    return tuple(notes)


def checked(fps: float | None, name: str) -> float | None:
    """The rate, if it can be a take's. Raises InputError `motion.rate`."""
    if fps is None:
        return None
    try:
        check_rate(fps)
    except InputError as error:
        raise InputError(
            error.code, f"{name} says that it has {fps:g} frames a second.", _FPS_REMEDY
        ) from error
    return float(fps)


def _find_places(take: RawTake, name: str, fps: float | None) -> _Places:
    clock, given = take.clock, float(fps) if fps is not None else checked(take.fps, name)
    if len(take) > 1:
        if clock.timecodes is not None:
            told = timecodes.interpret(clock.timecodes, fps)
            if isinstance(told, timecodes.Counted):
                rate = given or checked(told.fps, name) or FPS
                found = _by_numbers(told.numbers, rate, name, forced=fps is not None)
                open_ended = (clock.timecodes.seconds == clock.timecodes.seconds[0]).all()
                notes = _assumed(given, found.fps, _UNTOLD) if open_ended else ()
                return replace(found, notes=(*notes, *found.notes))
            clock = Clock(times=told, unit_s=1.0)
        if clock.times is not None:
            return _by_times(clock, given, name, forced=fps is not None)
        if clock.numbers is not None:
            return _by_numbers(clock.numbers, given, name, forced=fps is not None)
    rate = given or (FPS if clock.timecodes is None else timecodes.APP_RATE)
    dated = clock.timecodes is not None or clock.times is not None
    notes = _assumed(given, rate, _LONE) if len(take) == 1 and dated else ()
    notes = _assumed(given, rate) if len(take) > 1 else notes
    return _Places(places=np.arange(len(take), dtype=np.float64), fps=rate, notes=notes)


def _assumed(
    given: float | None, fps: float, why: str = "The file does not say its frame rate"
) -> tuple[str, ...]:
    """A note on a rate that neither the file nor a person gave."""
    if given is not None:
        return ()
    return (f"{why}: {fps:g} fps were assumed. {_FPS_REMEDY}",)


def _by_numbers(numbers: Int64Array, given: float | None, name: str, *, forced: bool) -> _Places:
    """Places of rows with frame numbers (R,). given: the rate, None if nothing says it. forced:
    whether a person gave it, so that numbers without a meaning are passed over."""
    fps = given or FPS
    order, moved = _sorted(numbers, _OUT_OF_ORDER_S * fps)
    if order is None or (numbers == numbers[0]).all():
        if forced:
            return _Places(places=np.arange(len(numbers), dtype=np.float64), fps=fps)
        raise _no_order(numbers, name)
    ascending = numbers[order]
    if (np.diff(ascending) == 0).mean() > _COARSE:
        return _by_coarse(ascending / fps, fps if forced else None, name, order if moved else None)
    found = _on_grid(ascending - ascending[0], fps, order if moved else None)
    return replace(found, notes=(*_assumed(given, fps), *found.notes))


def _on_grid(frames: Int64Array, fps: float, order: IndexArray | None) -> _Places:
    """Places of rows with a frame each, of which some may be repeated."""
    repeated = int((np.diff(frames) == 0).sum())
    notes = () if order is None else (_SORTED,)
    if not repeated:
        return _Places(places=frames.astype(np.float64), fps=fps, order=order, notes=notes)
    own, kept = grid.spread(frames)
    places = np.where(kept, own - own[0], np.nan).astype(np.float64)
    left = int((~kept).sum())
    went = (
        f"{say_count(left, 'row')} {'was' if left == 1 else 'were'} left out"
        if left
        else "their rows went to the frames beside them"
    )
    said = f"{repeated} of {len(frames)} times were repeated; {went}."
    return _Places(places=places, fps=fps, order=order, notes=(*notes, said))


def _sorted(times: FloatArray | Int64Array, most_back: float) -> tuple[IndexArray | None, bool]:
    """The order of the rows by time, None if a row lies further back than `most_back`; and
    whether that moves any."""
    back = np.maximum.accumulate(times) - times
    if back.max() > most_back:
        return None, True
    return np.argsort(times, kind="stable"), bool((np.diff(times) < 0).any())


def _by_times(clock: Clock, given: float | None, name: str, *, forced: bool) -> _Places:
    times = whole_times(clock.times)
    consecutive = _Places(places=np.arange(_length(clock), dtype=np.float64), fps=given or FPS)
    if times is None or _typical_step(times) is None:
        if forced:
            return consecutive
        if clock.numbers is not None:
            return _by_numbers(clock.numbers, given, name, forced=forced)
        if times is None:
            return consecutive
        raise _no_order(times, name)
    if clock.unit_s is None and _are_numbers(times):
        return _by_numbers(times.astype(np.int64), given, name, forced=forced)
    unit, note = _unit(times, clock.unit_s, given)
    seconds = (times - times[0]) * unit
    order, moved = _sorted(seconds, _OUT_OF_ORDER_S)
    if forced and (order is None or (np.diff(times) < 0).mean() > _DISORDERED):
        return consecutive
    if order is None:
        raise _no_order(times, name)
    ordered = replace(clock, times=seconds[order])
    if clock.numbers is not None:
        ordered = replace(ordered, numbers=clock.numbers[order])
    found = _by_seconds(ordered, given, name, forced=forced)
    sorted_note = (_SORTED,) if moved else ()
    notes = (*note, *sorted_note, *found.notes)
    return replace(found, order=order if moved else None, notes=notes)


def _by_seconds(clock: Clock, given: float | None, name: str, *, forced: bool) -> _Places:
    """Places of rows with times in seconds, ascending."""
    times = clock.times
    assert times is not None
    if float((np.diff(times) == 0).mean()) > _COARSE:
        return _by_coarse(times, given, name, None, clock.numbers)
    found = grid.fit_grid(times)
    at_given = None if given is None else grid.fit_step(times, 1 / given)
    if found is not None and not _fits_better(at_given, found):
        return _by_grid(times, found, given, name, forced=forced)
    typical = _typical_step(times) or 1 / FPS
    if given is not None and at_given is not None:
        if at_given.even:
            return _on_grid(at_given.frames, given, None)
        if not 1 / _SAME_RATE < typical * given < _SAME_RATE:
            return _Places(places=np.arange(len(times), dtype=np.float64), fps=given)
    return _resampled(times, given or _common_rate(1 / typical, name))


def _fits_better(at_given: grid.Grid | None, found: grid.Grid) -> bool:
    """Whether the times lie on the grid of the rate that was given, and only near the one that was
    found: where no two rows are neighbours, a coarser grid may pass for theirs."""
    return at_given is not None and at_given.even and found.worst - at_given.worst > _NEARER


def _by_grid(
    times: Float64Array, found: grid.Grid, given: float | None, name: str, *, forced: bool
) -> _Places:
    """Places of rows on a grid: its frames if the times are only rounded, else where they are."""
    own = grid.tidy_rate(found)
    rate = given or checked(own, name) or FPS
    close = abs(own / rate - 1) < _CLOSE
    rounding = grid.largest_rounding(grid.quantum(times), found.step)
    if close and not forced and found.worst > rounding:
        return _resampled(times, rate, found.start)
    placed = _on_grid(found.frames, rate, None)
    if forced or close:
        note = () if given else _truncated_note(times, found)
        return replace(placed, notes=(*placed.notes, *note))
    said = f"The file names {rate:g} fps, but its times run at {own:g}; {rate:g} was taken."
    return replace(placed, notes=(*placed.notes, said))


def _truncated_note(times: Float64Array, found: grid.Grid) -> tuple[str, ...]:
    """A note on times that add up a frame's milliseconds without their part: 33 for 30 fps."""
    step_ms = round(found.step * 1000)
    if step_ms < 1 or found.worst > 1e-6 or abs(found.step * 1000 - step_ms) > 1e-6:
        return ()
    if 1000 % step_ms == 0:
        return ()
    for rate in _COMMON:
        if 1000 % rate and step_ms in (1000 // rate, round(1000 / rate)):
            return (
                f"The times are exactly {step_ms} ms apart, {1000 / step_ms:.2f} fps; if the video "
                f"had {rate}, say so (--fps {rate}).",
            )
    return ()


def _by_coarse(
    times: Float64Array,
    given: float | None,
    name: str,
    order: IndexArray | None,
    numbers: Int64Array | None = None,
) -> _Places:
    """Places of rows of which many have the same time (R,), in seconds: whole seconds, say. Their
    numbers place them, or else their order."""
    frames = np.arange(len(times))
    if numbers is not None and (np.diff(numbers) > 0).all():
        frames = numbers - numbers[0]
    changes = np.flatnonzero(np.diff(times) > 0) + 1
    first, last = changes[0], changes[-1]
    if len(changes) > 1:
        step = (times[last] - times[first]) / (frames[last] - frames[first])
    else:  # the two times are cut off at the take's ends; the longer one tells the least rate
        step = (times[-1] - times[0]) / max(first, len(times) - first)
    rate = given or checked(_near_common(1 / float(step)), name) or FPS
    return _on_grid(frames.astype(np.int64), rate, order)


def _near_common(fps: float) -> float:
    """The rate of cameras that is within 2 % of one that is not exact, else that one."""
    near = min(_COMMON, key=lambda rate: abs(np.log(rate / fps)))
    return float(near) if abs(near - fps) < 0.02 * fps else round(fps, 3)


def _resampled(times: Float64Array, fps: float, start: float | None = None) -> _Places:
    """Places of rows at their times. start: the time of frame 0 if the times are those of a grid's
    frames with jitter."""
    steps = np.diff(times)
    begin = float(times[0]) if start is None else start
    places = np.where(np.append(True, steps > 0), (times - begin) * fps, np.nan)
    low, high = np.quantile(steps[steps > 0], (0.02, 0.98)) * 1000
    note = f"The times were uneven ({low:.0f} to {high:.0f} ms apart): resampled to {fps:g} fps."
    return _Places(places=places, fps=fps, notes=(note,), whole=start is not None)


def _common_rate(fps: float, name: str) -> float:
    """The rate of cameras that is nearest to one that is not exact."""
    checked(fps, name)
    if fps > _COMMON[-1]:
        return float(round(fps))
    if fps < _COMMON[0]:
        return float(max(round(fps), limits.LEAST_FPS))
    return float(min(_COMMON, key=lambda rate: abs(np.log(rate / fps))))


def _typical_step(times: Float64Array) -> float | None:
    """The usual distance of two rows; None if all times are the same."""
    steps = np.abs(np.diff(times))
    positive = steps[steps > 0]
    if not len(positive):
        return None
    if len(positive) < (1 - _COARSE) * len(steps):
        return float(abs(times[-1] - times[0]) / len(steps)) or float(np.median(positive))
    return float(np.median(positive))


def _are_numbers(times: Float64Array) -> bool:
    """Whether the times are whole and mostly one apart: nothing is filmed at 1,000 fps by chance,
    and nothing at one."""
    return bool((times == np.rint(times)).all() and np.median(np.abs(np.diff(times))) == 1)


def _unit(
    times: Float64Array, named: float | None, fps: float | None
) -> tuple[float, tuple[str, ...]]:
    """The unit of the times in seconds, and a note if it is not the one that the file names."""
    step = _typical_step(times) or 1.0
    if fps is not None and named is None:
        return min(_UNITS, key=lambda unit: abs(np.log(step * unit * fps))), ()
    for unit in (named, *_UNITS) if named is not None else _UNITS:
        most = limits.MOST_FPS if unit in (named, 1.0) else _MOST_GUESSED_FPS
        if unit is not None and limits.LEAST_FPS <= 1 / (step * unit) <= most:
            note = f"The times can only be {_UNITS[unit]} and were read so."
            return unit, ((note,) if named not in (None, unit) else ())
    return named or 1.0, ()


def whole_times(times: Float64Array | None) -> Float64Array | None:
    """The times with those that are missing put between their neighbours; None if there are
    none."""
    if times is None:
        return None
    there = np.abs(np.nan_to_num(times, nan=np.inf)) < _LATEST
    if there.sum() < 2:
        return None
    rows = np.arange(len(times))
    return times if there.all() else np.interp(rows, rows[there], times[there])


def _length(clock: Clock) -> int:
    return 0 if clock.times is None else len(clock.times)


def _chosen(take: RawTake, rows: IndexArray) -> RawTake:
    """The take with these rows only, without its clock."""
    return replace(
        take,
        rows={key: values[rows] for key, values in take.rows.items()},
        seen=None if take.seen is None else take.seen[rows],
        clock=Clock(),
    )


def _no_order(times: FloatArray | Int64Array, name: str) -> InputError:
    steps = np.diff(times)
    where = int(np.argmin(steps)) + 1
    said = "stand still" if steps.min() >= 0 else f"go back at row {where}"
    return InputError(
        "motion.times",
        f"The times of {name} {said}, so they do not say when its frames were.",
        f"{_FPS_REMEDY} The rows are then frames one after another.",
    )


def _count(frames: int | str) -> str:
    return f"{frames} frames" if isinstance(frames, str) else say_count(frames, "frame")


def too_long(name: str, frames: int | str) -> InputError:
    """The error for more frames than `limits.MAX_FRAMES`."""
    return InputError(
        "motion.too_long",
        f"The take in {name} has {_count(frames)}; {limits.MAX_FRAMES} are allowed.",
        "Cut the take into parts.",
    )
