# SPDX-License-Identifier: GPL-3.0-or-later
"""LAM's flame_params.json by itself; as one tracker's file among others it is in test_trackers."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.lam import decode_lam, is_lam
from affekt.sidecar.motion.raw_take import RawTake


def content(frames: int = 3, **changes: object) -> dict[str, object]:
    """Of three frames of four expressions, in which each number is another one."""

    def counted(start: float, *shape: int) -> list[object]:
        return (start + np.arange(np.prod(shape)).reshape(shape) / 100).tolist()

    whole: dict[str, object] = {
        "expr": [{f"expr{k}": f + k / 100 for k in range(4)} for f in range(frames)],
        "jaw_pose": counted(0.1, frames, 3),
        "neck_pose": counted(0.2, frames, 3),
        "eyes_pose": counted(0.3, frames, 6),
        "rotation": counted(0.4, frames, 3),
        "translation": counted(0.5, frames, 3),
        "shape": counted(0.6, 5),
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not None}


def decode(**changes: object) -> RawTake:
    return decode_lam(content(**changes), "a.json")


def test_each_field_by_its_name() -> None:
    raw = decode(fps=25)
    assert (raw.space, raw.fps) == ("flame2023", 25)
    expression = raw.rows["expression"]
    assert expression.shape == (3, 100)
    np.testing.assert_allclose(expression[2, :5], [2, 2.01, 2.02, 2.03, 0], atol=1e-6)
    for field, first in (("jaw", 0.16), ("neck", 0.26), ("rotation", 0.46), ("translation", 0.56)):
        np.testing.assert_allclose(raw.rows[field][2], first + np.arange(3) / 100, atol=1e-6)
    np.testing.assert_allclose(raw.rows["eyes"][2], 0.42 + np.arange(6) / 100, atol=1e-6)


def test_the_first_expression_may_be_missing() -> None:
    """LAM's own files lack it: frame 0 has frame 1's."""
    listed = [{"expr0": 1.0, "expr1": 2.0}, {"expr0": 3.0, "expr1": 4.0}]
    raw = decode(expr=listed)
    assert raw.rows["expression"][:, :2].tolist() == [[1, 2], [1, 2], [3, 4]]
    rows = decode(expr=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).rows["expression"]
    assert rows[:, :2].tolist() == [[1, 2], [3, 4], [5, 6]]


def test_more_numbers_in_a_later_frame_are_passed_over() -> None:
    rows = [{"expr0": 1.0}, {"expr0": 2.0}, {"expr0": 3.0, "expr1": 9.0}]
    found = decode(expr=rows).rows["expression"]
    assert found[:, :2].tolist() == [[1, 0], [2, 0], [3, 0]]


@pytest.mark.parametrize("shape", [[], None])
def test_a_take_without_an_identity(shape: list[float] | None) -> None:
    raw = decode(shape=shape)
    assert raw.rows["jaw"].shape == (3, 3)


def test_what_is_the_layout() -> None:
    assert is_lam(content())
    for key in ("expr", "jaw_pose"):
        assert not is_lam(content(**{key: None}))


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (
            {"neck_pose": None, "translation": None},
            "file.wrong_kind",
            "a.json looks like flame_params.json but has no neck_pose, translation.",
        ),
        (
            {"expr": []},
            "motion.shape",
            "In a.json, expr is not a list of frames with expr0, expr1, ....",
        ),
        (
            {"expr": [{"expr0": 1, "expr1": 2}, {"expr0": 1}, {"expr0": 1, "expr1": 2}]},
            "motion.shape",
            "In a.json, expr is not expr0 to expr1 in every frame.",
        ),
        (
            {"expr": [{"expr0": 1}, 3, {"expr0": 1}]},
            "motion.shape",
            "In a.json, expr is not expr0 to expr0 in every frame.",
        ),
        ({"fps": "x"}, "motion.not_a_number", "In a.json, fps is 'x', not a number."),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, object], code: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        decode(**changes)
    assert (caught.value.code, caught.value.message) == (code, message)
