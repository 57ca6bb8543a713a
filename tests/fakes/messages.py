# SPDX-License-Identifier: GPL-3.0-or-later
"""A message of every kind, always the same: for golden bytes, round trips and mutation."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from affekt.shared.messages import Message
from affekt.shared.schema import (
    Array,
    Blob,
    Choice,
    Flag,
    Integer,
    Number,
    Several,
    Text,
    field_rules,
)

SHA = "0123456789abcdef" * 4
JOB = "ab" * 16
_TEXTS = (SHA, JOB, "motion", "frame", "a.name", "motion.space", "a/file.png", "local")

AnyMessage = TypeVar("AnyMessage", bound=Message)


def any_message(kind: type[AnyMessage]) -> AnyMessage:
    """A message of this class, with every optional field there."""
    return kind(**{field.name: _example(field.rule) for field in field_rules(kind)})


def _example(rule: object) -> object:
    match rule:
        case Integer(low=low):
            return low + 1 if low < rule.high else low
        case Number(low=low):
            return low + 0.5
        case Choice(values=values):
            return values[-1]
        case Flag():
            return True
        case Several(item=item, least=least):
            return tuple(_example(item) for _ in range(max(least, 1)))
        case Array(dtype=dtype, shape=shape):
            sizes = [2 if axis is None else axis for axis in shape]
            return np.arange(np.prod(sizes), dtype=np.int64).reshape(sizes).astype(dtype)
        case Blob():
            return b"bytes"
        case Text():
            return next(text for text in _TEXTS if _accepts(rule, text))
    raise AssertionError(rule)


def largest_message(kind: type[AnyMessage]) -> AnyMessage:
    """A message of this class whose header is as long as any can be."""
    return kind(**{field.name: _largest(field.rule) for field in field_rules(kind)})


def _largest(rule: object) -> object:
    match rule:
        case Integer(high=high) | Number(high=high):
            return high
        case Choice(values=values):
            return max(values, key=len)
        case Several(item=item, most=most):
            return (_largest(item),) * most
        case Text(longest=longest):
            wide, plain = "\U0001f642" * longest, "a" * longest
            return wide if _accepts(rule, wide) else plain
    return _example(rule)


def _accepts(rule: Text, text: str) -> bool:
    try:
        return rule.check(text) == text
    except ValueError:
        return False
