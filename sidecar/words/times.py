# SPDX-License-Identifier: GPL-3.0-or-later
"""Times in words: "at frame 20", "over 3 seconds", "from 1 s to 2 s", "two seconds later"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBERS = {
    "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "seven": 7.0,
    "eight": 8.0, "nine": 9.0, "ten": 10.0, "twelve": 12.0, "twenty": 20.0, "half a": 0.5,
    "a couple of": 2.0, "a few": 3.0, "another": 1.0,
}  # fmt: skip
_N = r"(\d*\.?\d+|" + "|".join(_NUMBERS) + ")"
_FRAME = r"(frames?|fr|f|seconds?|secs?|sec|s)"
_POINT = rf"(?:{_FRAME}\s*{_N}|{_N}\s*{_FRAME})"
_LOOSE = rf"(?:{_FRAME}\s*)?{_N}\s*{_FRAME}?"
_RANGE = re.compile(
    rf"\b(?:from |between )?{_LOOSE}\s+(?:to|and|until|till|through|up to)\s+{_LOOSE}\b"
)
_BEFORE = "starting at|starting from|from|at|on|by|until|till|after|for|over|within|during|in"
_BEHIND = r"\s+later|\s+in\b|\s+on(?:wards?)?\b|\s+after(?:wards?)?"
_SINGLE = re.compile(rf"\b(?:({_BEFORE})\s+)?(?:the\s+|about\s+|around\s+)?{_POINT}({_BEHIND})?\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """When, in seconds. start: a rise begins there. at: the peak is there. end: it lasts until
    there. hold: so long. rise: takes so long. later: so long after what came before."""

    start: float | None = None
    at: float | None = None
    end: float | None = None
    hold: float | None = None
    rise: float | None = None
    later: float | None = None


def take_times(text: str, fps: float) -> tuple[str, list[Time]]:
    """The text with a mark @0, @1 ... for each time, and the times."""
    times: list[Time] = []

    def ranged(found: re.Match[str]) -> str:
        first_unit, first, unit_1, second_unit, second, unit_2 = found.groups()
        unit = first_unit or unit_1 or second_unit or unit_2
        if unit is None:
            return found[0]
        begin = _seconds(first, first_unit or unit_1 or unit, fps)
        end = _seconds(second, second_unit or unit_2 or unit, fps)
        if end <= begin:
            return found[0]
        times.append(Time(start=begin, end=end))
        return f" @{len(times) - 1} "

    def single(found: re.Match[str]) -> str:
        word, unit, number, number_2, unit_2, after = found.groups()
        seconds = _seconds(number or number_2, unit or unit_2, fps)
        is_point = unit is not None
        times.append(_meant(word or "", (after or "").strip(), seconds, is_point=is_point))
        return f" @{len(times) - 1} "

    return _SINGLE.sub(single, _RANGE.sub(ranged, text)), times


def _meant(word: str, after: str, seconds: float, *, is_point: bool) -> Time:
    """What a time means by the word before it, and the one behind it. is_point: "frame 20" rather
    than "20 frames"."""
    if after.startswith(("later", "after")):
        return Time(later=seconds)
    if word in ("at", "on", "by"):
        return Time(at=seconds)
    if word in ("from", "starting at", "starting from", "after"):
        return Time(start=seconds)
    if word in ("until", "till"):
        return Time(end=seconds)
    if word in ("over", "within", "in", "during") and not is_point:
        return Time(rise=seconds)
    if is_point or after == "in":
        return Time(at=seconds)
    return Time(hold=seconds)


def _seconds(number: str, unit: str, fps: float) -> float:
    value = _NUMBERS[number] if number in _NUMBERS else float(number)
    return value / fps if unit.startswith("f") else value
