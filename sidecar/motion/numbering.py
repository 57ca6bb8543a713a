# SPDX-License-Identifier: GPL-3.0-or-later
"""Frame numbers in the names of files and of frames.

The number that changes from name to name counts the frames: `00007.npz`, `clip_7`, `000007_000`,
where EMOCA numbers the face last. If the numbers run evenly in steps of N, every Nth frame of a
video was taken: the take has an Nth of the rate. Else a number that is missing is a frame that is
missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...shared.arrays import Int64Array
from ...shared.take_files import FPS
from .raw_take import Clock, RawTake
from .records import several

_LEAST_STEPS = 3  # fewer steps of the same size may be gaps
_MOST_MISSING = 10  # times as many frames as there are: beyond, the numbers count something else


def pattern(name: str) -> str:
    """The name with "#" for each number."""
    return re.sub(r"\d+", "#", name)


def frame_numbers(names: Sequence[str], label: str) -> Int64Array:
    """The frame number in each name, in the order of the names.

    Raises InputError `motion.several` if the names are those of several takes or faces.
    """
    if len({pattern(name) for name in names}) > 1:
        raise several(label, _starts(names))
    fields = [[int(digits[-18:]) for digits in re.findall(r"\d+", name)] for name in names]
    table = np.array(fields, np.int64).reshape(len(names), -1)
    changing = [column for column in table.T if len(np.unique(column)) > 1]
    if len(names) == 1 or not changing:
        return np.arange(len(names))
    values, counts = np.unique(changing[0], return_counts=True)
    if len(values) < len(names):
        alike = [n for n, v in zip(names, changing[0], strict=True) if v == values[counts.argmax()]]
        starts = _starts(names)
        raise several(label, starts if len(starts) < len(names) / 2 else alike)
    return changing[0]


def numbered(raw: RawTake, numbers: Int64Array, what: str) -> RawTake:
    """The take, whose rows have these frame numbers; `what` has them ("files")."""
    if len(numbers) < 2:
        return raw
    numbers = numbers - numbers[0]
    steps = np.diff(numbers)
    if not (steps > 0).all() or numbers[-1] > _MOST_MISSING * len(numbers):
        return _uncounted(raw, what)
    step = int(np.gcd.reduce(steps))
    even = step > 1 and np.count_nonzero(steps == step) >= max(_LEAST_STEPS, len(steps) / 2)
    if not even:
        return replace(raw, clock=Clock(numbers=numbers))
    fps = (raw.fps or FPS) / step
    note = (
        f"The {what} are numbered in steps of {step}, as of a video at {raw.fps or FPS:g} frames a "
        f"second of which every {_ordinal(step)} was kept; if {fps:g} is not their rate, say it "
        "(--fps, or Frame Rate in Blender)."
    )
    return replace(raw, clock=Clock(numbers=numbers // step), fps=fps, notes=(*raw.notes, note))


def _uncounted(raw: RawTake, what: str) -> RawTake:
    """The take with its rows as consecutive frames, since the numbers do not count them."""
    note = f"The numbers of the {what} do not count frames; they were taken one after the other."
    return raw if raw.clock.numbers is not None else replace(raw, notes=(*raw.notes, note))


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 // 10 != 1 else 0, "th")
    return f"{number}{ending}"


def _starts(names: Sequence[str]) -> list[str]:
    """The names without their last number, each once."""
    return sorted(dict.fromkeys(re.sub(r"[_.-]?\d+\D*$", "", name) or name for name in names))
