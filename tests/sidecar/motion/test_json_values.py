# SPDX-License-Identifier: GPL-3.0-or-later
"""Values in JSON texts, by themselves: what is a table, a number, a text."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.json_values import array, matrix, number, parse_json, table


def refused(call: object, *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, "field", "take.json")  # type: ignore[operator]
    return caught.value.code


def test_a_matrix_is_as_wide_as_it_must_be() -> None:
    found = matrix([[1, 2.5, 3], [4, 5, 6]], 3, "pose", "take.json")
    assert found.dtype == np.float32
    assert found.tolist() == [[1, 2.5, 3], [4, 5, 6]]
    assert matrix([], 7, "pose", "take.json").shape == (0, 7)


@pytest.mark.parametrize(
    ("rows", "width", "code"),
    [
        ([[1, 2, 3], [4, 5, 6]], 2, "motion.shape"),
        ([[1, 2], [4]], 2, "motion.shape"),
        ([1, 2], 2, "motion.shape"),
        ({"0": [1, 2]}, 2, "motion.shape"),
        (None, 2, "motion.shape"),
        ([["1", "2"]], 2, "motion.not_a_number"),
        ([[True, False]], 2, "motion.not_a_number"),
        ([[1, None]], 2, "motion.not_a_number"),
    ],
)
def test_what_is_no_matrix(rows: object, width: int, code: str) -> None:
    assert refused(matrix, rows, width) == code


def test_a_table_may_have_holes() -> None:
    found = table([[1, None, 3.5], [4, 5, 6]], 3, "weights", "take.json")
    np.testing.assert_array_equal(found, [[1, np.nan, 3.5], [4, 5, 6]])
    assert table([], 3, "weights", "take.json").shape == (0, 3)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([[1, 2], [1, 2, 3]], "motion.shape"),
        ([[1, 2, 3]], "motion.shape"),
        ([[1, "2"]], "motion.not_a_number"),
        ([[1, True]], "motion.not_a_number"),
        ([[1, 10**400]], "motion.shape"),
    ],
)
def test_what_is_no_table(rows: list[list[object]], code: str) -> None:
    assert refused(table, rows, 2) == code


def test_arrays_of_any_kind() -> None:
    assert array(["a"], "names", "take.json").dtype.kind == "U"
    assert refused(array, [[1], [2, 3]]) == "motion.shape"


def test_numbers() -> None:
    assert number(3, "fps", "take.json") == 3.0
    assert number(-9.9e29, "fps", "take.json") == -9.9e29
    for value in (True, None, "3", float("nan"), float("inf"), 1e30, -1e30, [3]):
        assert refused(number, value) == "motion.not_a_number"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ('{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        ('{"fps": 30}\n\n{"a": 1}\n{"a": 2}', {"fps": 30, "frames": [{"a": 1}, {"a": 2}]}),
        ('{"a": 1}\n{"a": 2}\n{"a": ', [{"a": 1}, {"a": 2}]),  # cut off in recording
    ],
)
def test_a_text_or_one_in_each_line(text: str, found: object) -> None:
    assert parse_json(text.encode(), "take.json") == found


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\xff",
        b'{"a": 1',
        b'{"a": 1}\n{"a": \n{"a": 3}',
        b'{"a": 1}\n[2]',
        b"[" * 100_000,
        b'{"a": 1}\n{"b": ',
        b"[1]\n[2]",
    ],
)
def test_what_is_no_json(text: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_json(text, "take.json")
    assert caught.value.code == "file.damaged"
