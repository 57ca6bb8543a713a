# SPDX-License-Identifier: GPL-3.0-or-later
"""What the columns of a table, or the names in a JSON, mean: weights, turns and places of the head,
times, frame numbers, faces, emotions. Spelling hardly matters: `EyeBlinkLeft`, `eyeBlink_L`,
`blendShapes.eye_blink_left` are one.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...shared.ace_emotions import ACE_EMOTIONS
from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES
from ...shared.take_files import EYE_ANGLES, HEAD_ANGLES
from .json_values import wrong_shape
from .weight_names import WEIGHTS, key_of

_NEAR = 0.85
_HEAD = {key_of(name): i for i, name in enumerate(HEAD_ANGLES)} | {
    prefix + angle: i
    for prefix in ("", "head", "headrotation")
    for i, angle in enumerate(("yaw", "pitch", "roll"))
}
_ANGLE_UNITS = ("degrees", "deg", "radians", "rad")
_TIMES: dict[str, float | None] = {
    key + ending: unit
    for key in ("time", "times", "timestamp", "timestamps", "frametime", "t", "timecode", "elapsed")
    for ending, unit in (
        ("", None),
        ("s", 1.0),
        ("sec", 1.0),
        ("seconds", 1.0),
        ("ms", 1e-3),
        ("msec", 1e-3),
        ("milliseconds", 1e-3),
        ("us", 1e-6),
        ("microseconds", 1e-6),
        ("ns", 1e-9),
        ("nanoseconds", 1e-9),
    )
} | {"seconds": 1.0, "sec": 1.0, "milliseconds": 1e-3, "ms": 1e-3, "epoch": None, "datetime": None}
_TIMES |= {"times": None, "timestamps": None, "ts": None}  # plurals, not seconds
_NUMBERS = ("frame", "frameindex", "frameid", "frameidx", "framenumber", "framenum", "frameno",
            "framecount", "index", "idx", "")  # fmt: skip
_FACES = ("face", "faceid", "faceindex", "faceidx", "person", "personid", "trackid", "subjectid")
_COUNTS = ("blendshapecount", "blendshapescount")
_IGNORED = ("neutral", *(key_of(name) for name in EYE_ANGLES))
_EMOTIONS = {key_of(name): name for name in (*EMOTIONS, *ACE_EMOTIONS)}


@dataclass(slots=True)
class Columns:
    """Which columns mean what. weights, head, emotions: column -> place in ARKit's names, in yaw,
    pitch and roll, or the emotion's name. times: column -> seconds of its unit, None if the name
    does not say. head_unit_rad: radians of the unit that the angles' names say. passed_over: names
    without a meaning here."""

    weights: dict[int, int] = field(default_factory=dict)
    head: dict[int, int] = field(default_factory=dict)
    emotions: dict[int, str] = field(default_factory=dict)
    times: dict[int, float | None] = field(default_factory=dict)
    head_unit_rad: float = 1.0
    numbers: list[int] = field(default_factory=list)
    faces: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def is_clock(name: str) -> bool:
    """Whether this names a time."""
    return key_of(name) in _TIMES


def unit_of(name: str) -> float | None:
    """Seconds of the unit that a time's name tells; None if it tells none."""
    return _TIMES[key_of(name)]


def is_number(name: str) -> bool:
    """Whether this names a frame's number."""
    return key_of(name) in _NUMBERS


def is_time(name: str) -> bool:
    """Whether this names a time or a frame's number."""
    return is_clock(name) or is_number(name)


def is_header(names: list[str]) -> bool:
    """Whether these are names of a table that has something to read: a few weights, or one
    with a time or number, or emotions with them."""
    keys = [key_of(name) for name in names] or [""]
    weights = sum(key in WEIGHTS for key in keys)
    dated = any(key in _TIMES or key in _NUMBERS[:-1] for key in keys)
    if weights > 2 or (weights and dated):
        return True
    if keys[0] == "timecode" and any(key in _COUNTS for key in keys):
        return True
    emotions = sum(key in _EMOTIONS for key in keys)
    return emotions > 1 and dated


def sort_columns(names: Iterable[str], name: str) -> Columns:
    """What each column means. Raises InputError `motion.shape` for a name that stands twice,
    `motion.unknown_weight` for one that looks like a misspelt weight."""
    out = Columns()
    for column, spelt in enumerate(names):
        _sort_column(out, column, spelt, name)
    for group in (out.weights, out.head):
        if len(set(group.values())) < len(group):
            raise wrong_shape("names", name, "a list in which each name stands once")
    return out


def _sort_column(out: Columns, column: int, spelt: str, name: str) -> None:
    key = key_of(spelt)
    if key in WEIGHTS:
        out.weights[column] = WEIGHTS[key]
    elif _head_place(key) is not None:
        out.head[column] = _HEAD[_without_unit(key)]
        if key not in _HEAD and "deg" in key:
            out.head_unit_rad = math.radians(1)
    elif key in _TIMES:
        out.times[column] = _TIMES[key]
    elif key in _NUMBERS:
        out.numbers.append(column)
    elif key in _FACES:
        out.faces.append(column)
    elif key in _COUNTS:
        out.counts.append(column)
    elif key in _EMOTIONS:
        out.emotions[column] = _EMOTIONS[key]
    elif key not in _IGNORED:
        _refuse_misspelt(spelt, key, name)
        out.passed_over.append(spelt)


def _head_place(key: str) -> int | None:
    return _HEAD.get(_without_unit(key))


def _without_unit(key: str) -> str:
    """The name of an angle without its unit."""
    for unit in _ANGLE_UNITS:
        if key.endswith(unit) and key.removesuffix(unit) in _HEAD:
            return key.removesuffix(unit)
    return key


def _refuse_misspelt(spelt: str, key: str, name: str) -> None:
    near = difflib.get_close_matches(key, WEIGHTS, 1, _NEAR)
    if near:
        raise InputError(
            "motion.unknown_weight",
            f"{name} has a weight called '{spelt:.40}', which ARKit does not know.",
            f"Did you mean '{ARKIT_NAMES[WEIGHTS[near[0]]]}'?",
        )


def passed_over_note(names: list[str]) -> tuple[str, ...]:
    """A note on names that mean nothing here, if there are any."""
    if not names:
        return ()
    shown = ", ".join(f"{name:.30}" for name in names[:4])
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return (f"Passed over, for they are no weights: {shown}{more}.",)
