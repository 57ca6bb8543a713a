# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes in dictionaries of dictionaries: where they are found, what makes one take of frames."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.raw_take import RawTake
from affekt.sidecar.motion.trees import decode_tree, json_tree


def codes(value: float, frames: int | None = None, **more: object) -> dict:
    """EMOCA's or DECA's codes; a single frame has no axis for it."""
    shape = () if frames is None else (frames,)
    arrays = {"exp": np.full((*shape, 50), value), "pose": np.full((*shape, 6), value / 100)}
    return {**arrays, **more}


def read(content: object) -> RawTake:
    return decode_tree(content, "a.pkl")  # type: ignore[arg-type]


def refused(content: object) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        read(content)
    return caught.value.code, caught.value.message


def first_column(raw: RawTake) -> list[float]:
    return raw.rows["expression"][:, 0].tolist()


def test_a_take_at_the_top_or_a_few_dictionaries_down() -> None:
    whole = codes(0.5, 3)
    assert first_column(read(whole)) == [0.5] * 3
    for depth in range(1, 6):
        whole = {f"level {depth}": whole}
        assert first_column(read(whole)) == [0.5] * 3
    assert refused({"more": whole})[0] == "file.wrong_kind"
    assert len(read(np.zeros((7, 103))).rows["jaw"]) == 7
    beside = {"take": codes(0.25, 2), "about": {"author": np.zeros(3)}, "n": np.zeros(2)}
    assert first_column(read(beside)) == [0.25] * 2


def test_a_dictionary_a_frame_in_the_order_of_their_numbers() -> None:
    """10 after 9; the number 11 is missing, and 8 had no face."""
    content = {f"frame_{n}": codes(n) for n in (12, 9, 10)} | {"frame_8": np.zeros(0)}
    raw = read({**content, "notes": np.zeros(0)})
    assert first_column(raw)[1:] == [9, 10, 12]
    assert raw.seen is not None
    assert raw.seen.tolist() == [False, True, True, True]
    assert raw.clock.numbers is not None
    assert raw.clock.numbers.tolist() == [0, 1, 2, 4]
    np.testing.assert_allclose(raw.rows["jaw"][:, 0][1:], [0.09, 0.1, 0.12], atol=1e-6)
    whole = read({f"{n}": codes(n, fps=np.array(24.0)) for n in range(4)})
    assert (whole.seen, whole.fps, first_column(whole)) == (None, 24, [0, 1, 2, 3])


def test_what_a_later_frame_has_more_is_passed_over() -> None:
    raw = read({"1": codes(1), "2": codes(2, shape=np.ones(9))})
    assert first_column(raw) == [1, 2]


def test_an_array_that_is_empty_is_not_there() -> None:
    raw = read({**codes(1, 2), "shape": np.zeros(0), "cam": np.zeros((0, 3))})
    assert raw.rows["expression"].shape == (2, 100)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (
            {"b": codes(1, 3), "a": codes(2, 3)},
            "motion.several",
            "a.pkl holds more than one take or face: a, b.",
        ),
        (
            {"1": codes(1), "2": codes(2), "3": {"expr": np.zeros(50), "jaw_pose": np.zeros(3)}},
            "motion.mixed",
            "The frames of a.pkl are of different kinds, so they are not one take.",
        ),
        (
            {"1": codes(1, shape=np.zeros(9)), "2": codes(2)},
            "motion.shape",
            "The frames of a.pkl do not all hold the same numbers.",
        ),
        (
            {"1": codes(1), "2": codes(2, pose=np.zeros(5))},
            "motion.shape",
            "The frames of a.pkl do not all hold the same numbers.",
        ),
        (
            {key: np.zeros(3) for key in "gfedcba"},
            "file.wrong_kind",
            "a.pkl is laid out like no take that Affekt knows: it holds g, f, e, d, c, b.",
        ),
        (
            {},
            "file.wrong_kind",
            "a.pkl is laid out like no take that Affekt knows: it holds nothing with a name.",
        ),
        (
            {"x": {"a": np.zeros(3)}, "y": {"b": np.zeros(3)}},
            "file.wrong_kind",
            "a.pkl is laid out like no take that Affekt knows: it holds x, y.",
        ),
    ],
)
def test_what_is_no_take(content: dict, code: str, message: str) -> None:
    assert refused(content) == (code, message)


def test_dictionaries_of_json_become_arrays_by_the_names_that_takes_have() -> None:
    frame = {"exp": [1, 2], "pose": [0.5] * 6, "image": "a.png", "what": [3]}
    tree = json_tree({"0": frame, "1": None, "2": {}, "fps": 25, "about": {"x": 1}}, "a.json")
    assert sorted(tree) == ["0", "1", "2", "about", "fps"]
    inner = tree["0"]
    assert isinstance(inner, dict)
    assert {key: values.tolist() for key, values in inner.items()} == {
        "exp": [1, 2],
        "pose": [0.5] * 6,
    }
    for key in ("1", "2", "about"):
        assert tree[key].size == 0  # type: ignore[union-attr]
    assert tree["fps"] == 25
    listed = json_tree([frame, None, frame], "a.json")
    assert sorted(listed) == ["0", "1", "2"]
    for nothing in ([1, 2], {"x": 1}, {"a": {"b": {}}}, "x", None, {"what": [1]}):
        assert json_tree(nothing, "a.json") == {}
    deep: object = frame
    for depth in range(1, 6):
        deep = {"a": deep}
        assert bool(json_tree(deep, "a.json")) == (depth < 5)
    with pytest.raises(InputError) as caught:
        json_tree({"exp": [[1], [2, 3]]}, "a.json")
    assert caught.value.message == "In a.json, exp is not an even table of numbers."
