# SPDX-License-Identifier: GPL-3.0-or-later
"""How hard an expression presses each wrinkle: 0 at rest, smooth, towards 1 for the strongest.

It is read from the motion of places of the face, whatever made them move: an emotion, speech or an
animator. Lengths are millimetres on a face of the open head's height. The formulas are terms, which
the sidecar evaluates with numpy and Blender's splats with nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

SIDES = ("left", "right")
_PAIRS = ("brow.inner", "brow.middle", "brow.outer", "nose.wing", "corner", "cheek")
PLACES = (*(f"{name}.{side}" for name in _PAIRS for side in SIDES), "chin", "lip.lower.middle")
"""Places whose motion upwards, "chin:y", is read."""
WIDTH, WIDTH_OF = "brow width", ("brow.inner.left", "brow.inner.right")
"""How far the brows have moved apart: two places' motion to the left, the second's taken away."""

Operation = Literal["row", "number", "add", "subtract", "multiply", "most", "least", "power", "exp"]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Term:
    """A formula: an operation on other terms, a row's value by its name, or a number."""

    operation: Operation
    of: tuple[Term, ...] = ()
    row: str = ""
    number: float = 0.0

    def __add__(self, other: Term | float) -> Term:
        return Term("add", (self, _term(other)))

    def __sub__(self, other: Term | float) -> Term:
        return Term("subtract", (self, _term(other)))

    def __mul__(self, factor: float | Term) -> Term:
        return Term("multiply", (self, _term(factor)))

    def __truediv__(self, divisor: float) -> Term:
        return self * (1 / divisor)

    def __neg__(self) -> Term:
        return self * -1.0


def evaluate(
    terms: Sequence[Term],
    rows: Mapping[str, Value],
    number: Callable[[float], Value],
    apply: Callable[[Operation, Sequence[Value]], Value],
) -> list[Value]:
    """What the terms are. rows: by name; number: a constant as a value; apply: an operation on
    values. A term that several others share is evaluated once."""
    known: dict[Term, Value] = {}

    def value_of(term: Term) -> Value:
        if term not in known:
            if term.operation == "row":
                known[term] = rows[term.row]
            elif term.operation == "number":
                known[term] = number(term.number)
            else:
                known[term] = apply(term.operation, [value_of(one) for one in term.of])
        return known[term]

    return [value_of(term) for term in terms]


def _term(value: Term | float) -> Term:
    return value if isinstance(value, Term) else Term("number", number=value)


def _up(place: str, side: str = "") -> Term:
    return Term("row", row=f"{place}.{side}:y" if side else f"{place}:y")


def _least(one: Term, other: Term | float) -> Term:
    return Term("least", (one, _term(other)))


def _part(value: Term) -> Term:
    """Nothing below 0."""
    return Term("most", (value, _term(0.0)))


_TOGETHER = _part(-Term("row", row=WIDTH)) / 9


def _squeeze(side: str) -> Term:
    """Brows drawn together and down, AU 4."""
    down = Term("most", (_least(-_up("brow.inner", side) / 9, 1.0), _term(-1.0)))
    return _TOGETHER * (down * 0.35 + 0.65)


def _raised_inside(side: str) -> Term:
    """Inner brows, AU 1; more where AU 4 draws them together, whose pull the forehead's holds."""
    up = _part(_up("brow.inner", side))
    return up / 6 + _TOGETHER * _least(up / 3, 1.0) * 0.3


def _raised_outside(side: str) -> Term:
    """Outer brows, AU 2."""
    return _part((_up("brow.middle", side) + _up("brow.outer", side)) * 0.5) / 5


def _lowered(side: str) -> Term:
    """Brows that come down over the eye."""
    return _part(-(_up("brow.inner", side) + _up("brow.middle", side))) / 18


def _wrinkled_nose(side: str) -> Term:
    """AU 9 and 10: the wing rises, more than a smile lifts it."""
    return _part(_up("nose.wing", side) - _part(_up("corner", side)) * 0.2) / 4


def _raised_cheek(side: str) -> Term:
    """AU 6."""
    return _part(_up("cheek", side)) / 8


def _smile(side: str) -> Term:
    """AU 12, that the wing and the upper lip do not lift: a corner that rises more than they."""
    return _part(_up("corner", side) - _part(_up("nose.wing", side))) / 9


def _lowered_corner(side: str) -> Term:
    """AU 15."""
    return _part(-_up("corner", side) - _part(-_up("chin")) * 0.5) / 6


def _raised_chin(side: str) -> Term:
    """AU 17: the lower lip is pushed up, more than the jaw brings it."""
    lifted = _up("lip.lower.middle") - _up("chin")
    corners = _least(_up("corner", "left"), _up("corner", "right"))
    return _part(lifted * 0.5 - corners * 0.5) / 5


_DRIVERS: dict[str, Callable[[str], Term]] = {
    "forehead.side": _raised_outside,
    "forehead.middle": _raised_inside,
    "glabella": _squeeze,
    "nose.root": lambda side: _lowered(side) + _wrinkled_nose(side) * 0.5,
    "socket": _lowered,
    "crow": _raised_cheek,
    "under.eye": _raised_cheek,
    "bunny": _wrinkled_nose,
    "nasolabial": _wrinkled_nose,
    "smile": _smile,
    "dimple": _smile,
    "corner.down": _lowered_corner,
    "chin": _raised_chin,
}
WRINKLES = tuple(f"{name}.{side}" for name in _DRIVERS for side in SIDES)
"""Names of the wrinkles, in the order of their columns everywhere."""
_UNTOUCHED = 0.15
"""Pressing below this share of full does nothing: skin folds late."""


def _eased(pressed: Term) -> Term:
    """Nothing up to `_UNTOUCHED`, smoothly to 1 at 1, and slowly on to 1.5."""
    beyond = Term("power", (_part(pressed - _UNTOUCHED) / (1 - _UNTOUCHED), _term(1.5)))
    return _term(1.5) - Term("exp", (beyond * -math.log(3),)) * 1.5


def pressing_terms() -> tuple[Term, ...]:
    """How hard each of `WRINKLES` is pressed, 0 to below 1.5, of rows "chin:y" of `PLACES` and of
    `WIDTH`; 0 where all are 0."""
    return tuple(_eased(_DRIVERS[name](side)) for name in _DRIVERS for side in SIDES)
