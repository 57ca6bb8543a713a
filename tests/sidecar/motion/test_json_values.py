# SPDX-License-Identifier: GPL-3.0-or-later
"""Values in JSON texts, by themselves: what is a table, a number, a text."""

from __future__ import annotations

from collections.abc import Callable

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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: matrix(3, 2, "pose", "a.json"), "In a.json, pose is not a list of frames."),
        (
            lambda: matrix([[1, 2], [4]], 2, "pose", "a.json"),
            "In a.json, pose is not an even table of numbers.",
        ),
        (
            lambda: matrix([[1, 2, 3]], 2, "pose", "a.json"),
            "In a.json, pose is not 2 numbers in every frame.",
        ),
        (
            lambda: matrix([["1", "2"]], 2, "pose", "a.json"),
            "In a.json, pose holds something that is not a number.",
        ),
        (
            lambda: table([[1, 2, 3]], 4, "weights", "a.json"),
            "In a.json, weights is not 4 numbers in every frame.",
        ),
        (
            lambda: table([[1, "x"]], 2, "weights", "a.json"),
            "In a.json, weights holds something that is not a number.",
        ),
        (
            lambda: table([[1, 10**400]], 2, "weights", "a.json"),
            "In a.json, weights is not a table of numbers of a usual size.",
        ),
        (
            lambda: number("x" * 90, "fps", "a.json"),
            f"In a.json, fps is '{'x' * 39}, not a number.",
        ),
        (lambda: parse_json(b"\xff\xfe\xff", "a.json"), "a.json is not text."),
        (
            lambda: parse_json(b'{"a":\n  x}', "a.json"),
            "a.json is not whole JSON: it breaks in line 2, column 3.",
        ),
        (lambda: parse_json(b"[" * 100_000, "a.json"), "a.json is not usable JSON."),
    ],
)
def test_the_field_and_the_file_are_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.message == message


def test_a_byte_order_mark_before_lines_is_none_of_them() -> None:
    text = b'\xef\xbb\xbf{"a": 1}\n  \n{"a": 2}\r\n'
    assert parse_json(text, "take.json") == [{"a": 1}, {"a": 2}]
