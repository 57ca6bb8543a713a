# SPDX-License-Identifier: GPL-3.0-or-later
"""What a message's field may hold. Each rule checks a value from the wire before anyone uses it.

A field is annotated `Annotated[int, Integer(low=0, high=9)]`. `check` returns the value in the
form that the dataclass holds, or raises `ValueError` with a few words; `wire` names the message.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Protocol, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

DTYPES = ("|u1", "<i4", "<f4", "<f8")
"""Element types that may cross the wire; all little-endian."""
MAX_AXES = 4
"""A basis has three axes, a batch of pictures four."""


class Rule(Protocol):
    """A rule for one field of a message."""

    @property
    def optional(self) -> bool: ...

    def check(self, value: object) -> object: ...


_TOLD = 20
"""Of more allowed texts an error tells the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    """A whole number, low..high; not a bool."""

    low: int = 0
    high: int = 2**53
    optional: bool = False

    def check(self, value: object) -> int:
        if type(value) is not int or not self.low <= value <= self.high:
            raise ValueError(f"a whole number from {self.low} to {self.high} is needed")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A finite number, low..high, held as a float."""

    low: float
    high: float
    optional: bool = False

    def check(self, value: object) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise ValueError("a number is needed")
        if not math.isfinite(value) or not self.low <= value <= self.high:
            raise ValueError(f"a number from {self.low:g} to {self.high:g} is needed")
        return float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """True or false."""

    optional: bool = False

    def check(self, value: object) -> bool:
        if type(value) is not bool:
            raise ValueError("true or false is needed")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text of at most `longest` characters that matches `pattern` as a whole."""

    longest: int
    pattern: str = r"[^\x00-\x1f\x7f]*"
    optional: bool = False

    def check(self, value: object) -> str:
        if type(value) is not str or len(value) > self.longest:
            raise ValueError(f"a text of at most {self.longest} characters is needed")
        if not re.fullmatch(self.pattern, value):
            raise ValueError("the text has characters that are not allowed")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few texts."""

    values: tuple[str, ...]
    optional: bool = False

    def check(self, value: object) -> str:
        if type(value) is not str or value not in self.values:
            more = len(self.values) - _TOLD
            words = ", ".join(self.values[:_TOLD]) + (f" and {more} more" if more > 0 else "")
            raise ValueError(f"one of {words} is needed")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """A list of at most `most` (and at least `least`) values that each follow `item`; held as a
    tuple."""

    item: Rule
    most: int
    least: int = 0
    optional: bool = False

    def check(self, value: object) -> tuple[object, ...]:
        if not isinstance(value, (list, tuple)) or not self.least <= len(value) <= self.most:
            raise ValueError(f"a list of {self.least} to {self.most} is needed")
        return tuple(self.item.check(entry) for entry in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """A raw frame: `dtype` out of `DTYPES`, `shape` with None where any length will do."""

    dtype: str
    shape: tuple[int | None, ...]
    optional: bool = False

    def check(self, value: object) -> NDArray[np.generic]:
        if not isinstance(value, np.ndarray):
            raise ValueError("an array is needed")
        if value.dtype != np.dtype(self.dtype):
            raise ValueError(f"an array of {self.dtype} is needed, not {value.dtype.str}")
        if len(value.shape) != len(self.shape) or any(
            want not in (None, have) for want, have in zip(self.shape, value.shape, strict=True)
        ):
            raise ValueError(f"an array of shape {self.shape} is needed, not {value.shape}")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A raw frame of bytes, at most `most`; held as `bytes`, on the wire an array of `|u1`."""

    most: int
    optional: bool = False

    def check(self, value: object) -> bytes:
        if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 1:
            value = value.data
        # Checked before the bytes are copied.
        if not isinstance(value, (bytes, memoryview)) or len(value) > self.most:
            raise ValueError(f"at most {self.most} bytes are needed")
        return bytes(value)


RULES = (Integer, Number, Flag, Text, Choice, Several, Array, Blob)


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field of a message: its name, its rule, and whether it may be absent."""

    name: str
    rule: Rule
    has_default: bool

    @property
    def is_buffer(self) -> bool:
        return isinstance(self.rule, (Array, Blob))


@functools.cache
def field_rules(message: type) -> tuple[FieldRule, ...]:
    """The rules of a message class, in the order of its fields."""
    hints = get_type_hints(message, include_extras=True)
    rules: list[FieldRule] = []
    for entry in fields(message):
        hint = hints[entry.name]
        found = [r for r in get_args(hint)[1:] if isinstance(r, RULES)]
        if get_origin(hint) is not Annotated or len(found) != 1:
            raise TypeError(f"{message.__name__}.{entry.name} needs exactly one rule")
        rules.append(FieldRule(entry.name, found[0], entry.default is not MISSING))
    return tuple(rules)
