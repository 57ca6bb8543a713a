# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps one person's face of a file that holds rows of several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...shared.arrays import BoolArray, FloatArray
from ...shared.errors import InputError
from ...shared.wording import say_count
from .raw_take import Clock, RawTake, Timecodes
from .tracking import REMEDY

_MOSTLY = 0.8
_APART = 2.0


def keep_one(take: RawTake, name: str) -> RawTake:
    """The rows of the face that is in most of them, of several equals the first; the others'
    times stay out. Raises InputError `motion.faces` for two rows a frame that do not say whose
    they are."""
    if take.faces is None:
        if _interleaved(take):
            raise InputError(
                "motion.faces",
                f"{name} has two rows for each frame, of two faces, and does not say whose is "
                "which.",
                REMEDY,
            )
        return take
    there = take.faces[take.faces >= 0]
    ids, first, rows = np.unique(there, return_index=True, return_counts=True)
    if len(ids) < 2:
        return replace(take, faces=None)
    chosen = min(range(len(ids)), key=lambda i: (-rows[i], first[i]))
    own = take.faces == ids[chosen]
    others = ~own & ~_at_times_of(take, own)
    note = (
        f"{say_count(len(ids), 'face')} are in the file; the one that is in most frames was taken "
        f"({say_count(rows[chosen], 'frame')})."
    )
    seen = own if take.seen is None else own & take.seen
    return _rows(replace(take, seen=seen, notes=(*take.notes, note)), own | others)


def _at_times_of(take: RawTake, own: BoolArray) -> BoolArray:
    """Rows (R,) whose time a chosen row or an earlier other row has, or all others without a
    clock: each frame shall have one row."""
    stamps = _stamps(take.clock)
    if stamps is None:
        return np.ones(len(take), bool)
    _, place = np.unique(stamps, return_inverse=True)
    taken = np.zeros(place.max() + 1, bool)
    taken[place[own]] = True
    later = np.ones(len(take), bool)
    later[np.unique(place, return_index=True)[1]] = False
    return taken[place] | later


def _rows(take: RawTake, kept: np.ndarray) -> RawTake:
    return replace(
        take,
        rows={key: values[kept] for key, values in take.rows.items()},
        seen=None if take.seen is None else take.seen[kept],
        faces=None,
        clock=_clock(take.clock, kept),
    )


def _clock(clock: Clock, kept: np.ndarray) -> Clock:
    codes = clock.timecodes
    return Clock(
        numbers=None if clock.numbers is None else clock.numbers[kept],
        times=None if clock.times is None else clock.times[kept],
        unit_s=clock.unit_s,
        timecodes=None
        if codes is None
        else Timecodes(
            seconds=codes.seconds[kept],
            frames=codes.frames[kept],
            fractions=codes.fractions[kept],
            digits=codes.digits[kept],
            places=codes.places,
            drop=codes.drop,
        ),
    )


def _interleaved(take: RawTake) -> bool:
    """Whether most times stand twice, and the rows of one time differ more than rows of the next:
    one face moves less within a frame than from one to another."""
    stamps = _stamps(take.clock)
    if stamps is None or len(take) < 8:
        return False
    same = np.diff(stamps) == 0
    if same.mean() < _MOSTLY / 2 or not (same[:-1] & same[1:]).mean() < 0.05:
        return False
    values = np.nan_to_num(take.rows["expression"])
    within = np.abs(np.diff(values, axis=0)).mean(1)[same].mean()
    along = np.abs(values[2:] - values[:-2]).mean(1)[same[:-1]].mean()
    return bool(within > _APART * along)


def _stamps(clock: Clock) -> FloatArray | None:
    if clock.timecodes is not None:
        codes = clock.timecodes
        return codes.seconds * 1000.0 + codes.frames + codes.fractions
    if clock.times is not None:
        return clock.times
    return None if clock.numbers is None else clock.numbers.astype(np.float64)
