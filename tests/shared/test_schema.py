# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule's ends: the last value that is let through, and the first that is not."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
from affekt.shared.schema import (
    Array,
    Blob,
    Choice,
    Flag,
    Integer,
    Number,
    Rule,
    Several,
    Text,
    field_rules,
)

LETTERS = Text(longest=3, pattern="[a-z]+")
ROWS = Array(dtype="<f4", shape=(None, 3))


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (Integer(low=2, high=4), [2, 4], [1, 5, True, 3.0, "3", None]),
        (Integer(), [0, 2**53], [-1, 2**53 + 1]),
        (Number(low=-1, high=2.5), [-1, 0, 2.5], [-1.1, 2.6, True, "1", None]),
        (Number(low=0, high=1e9), [1e9], [float("nan"), float("inf"), -float("inf")]),
        (Flag(), [True, False], [0, 1, None, "true"]),
        (LETTERS, ["a", "abc"], ["", "abcd", "aB", "ab\n", b"abc", None, 3]),
        (Text(longest=9), ["", "a b\u00e4/\\"], ["a\n", "\x00", "\x7f", "\x1f"]),
        (Choice(values=("a", "b")), ["a", "b"], ["c", "", None, 0, ["a"], np.zeros(2)]),
        (Blob(most=3), [b"", b"abc", memoryview(b"ab")], [b"abcd", "abc", None, [1]]),
    ],
)
def test_the_ends_of_a_rule(rule: Rule, good: list, bad: list) -> None:
    for value in good:
        assert rule.check(value) == value
    for value in bad:
        with pytest.raises(ValueError, match=r"needed|allowed"):
            rule.check(value)


def test_what_is_held_is_of_one_type() -> None:
    assert type(Number(low=0, high=9).check(3)) is float
    assert type(Several(item=LETTERS, most=2).check(["a", "b"])) is tuple
    assert type(Blob(most=9).check(memoryview(b"abc"))) is bytes
    assert Blob(most=3).check(np.frombuffer(b"abc", np.uint8)) == b"abc"


def test_a_list_and_what_is_in_it() -> None:
    pair = Several(item=Integer(high=9), least=2, most=3)
    assert pair.check([1, 9]) == (1, 9)
    assert pair.check((1, 2, 3)) == (1, 2, 3)
    for bad in ([1], [1, 2, 3, 4], [1, 10], [1, True], "12", {1: 2, 3: 4}, None):
        with pytest.raises(ValueError, match="needed"):
            pair.check(bad)
    assert Several(item=Integer(), most=1).check([]) == ()


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 4), np.float32),
        np.zeros((3, 2), np.float32),
        np.zeros(3, np.float32),
        np.zeros((1, 2, 3), np.float32),
        np.zeros((2, 3), np.float64),
        np.zeros((2, 3), ">f4"),
        [[0.0, 0.0, 0.0]],
        None,
    ],
)
def test_arrays_of_another_kind(bad: object) -> None:
    with pytest.raises(ValueError, match="is needed"):
        ROWS.check(bad)


def test_arrays_of_any_length() -> None:
    for rows in (0, 1, 7):
        values = np.zeros((rows, 3), np.float32)
        assert ROWS.check(values) is values


def test_blobs_that_are_no_bytes() -> None:
    for bad in (np.zeros(3, np.int8), np.zeros((1, 3), np.uint8), np.zeros(4, np.uint8)):
        with pytest.raises(ValueError, match="at most 3 bytes"):
            Blob(most=3).check(bad)


def test_rules_are_read_from_the_fields() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Message:
        first: Annotated[int, Integer(high=3)]
        second: Annotated[bytes | None, Blob(most=3, optional=True)] = None
        third: Annotated[object, ROWS] = None

    found = field_rules(Message)
    assert [(f.name, f.has_default, f.is_buffer) for f in found] == [
        ("first", False, False),
        ("second", True, True),
        ("third", True, True),
    ]
    assert found[0].rule == Integer(low=0, high=3)
    assert found[1].rule.optional
    assert not found[2].rule.optional


def test_what_is_needed_is_said() -> None:
    for bad, said in (
        (np.zeros((2, 3), np.float64), "an array of <f4 is needed, not <f8"),
        (np.zeros((2, 4), np.float32), "an array of shape (None, 3) is needed, not (2, 4)"),
        (3, "an array is needed"),
    ):
        with pytest.raises(ValueError, match="needed") as caught:
            ROWS.check(bad)
        assert str(caught.value) == said
    for rule, said in (
        (Integer(low=2, high=4), "a whole number from 2 to 4 is needed"),
        (Number(low=-1, high=1 / 3), "a number from -1 to 0.333333 is needed"),
        (Several(item=LETTERS, most=3, least=1), "a list of 1 to 3 is needed"),
        (Choice(values=("b", "a")), "one of b, a is needed"),
    ):
        with pytest.raises(ValueError, match="needed") as caught:
            rule.check(9 if isinstance(rule, Number) else [])
        assert str(caught.value) == said


def test_what_else_is_noted_of_a_field_is_no_rule() -> None:
    @dataclass(frozen=True)
    class Noted:
        first: Annotated[int, "in frames", Integer(high=3), 7]

    (found,) = field_rules(Noted)
    assert found.rule == Integer(high=3)


def test_a_field_without_a_rule_is_a_mistake_of_ours() -> None:
    @dataclass(frozen=True)
    class Plain:
        first: int

    @dataclass(frozen=True)
    class Twice:
        first: Annotated[int, Integer(), Integer(high=3)]

    for message in (Plain, Twice):
        with pytest.raises(TypeError, match="first needs exactly one rule"):
            field_rules(message)
