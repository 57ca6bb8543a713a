# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays by name as trackers save them; whole files are in test_trackers and test_layouts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion import records
from affekt.sidecar.motion.raw_take import RawTake


def refused(call: object, *arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def counted(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape)


@pytest.mark.parametrize(
    ("shape", "found"), [((7,), (1, 7)), ((5, 7), (5, 7)), ((5, 1, 7), (5, 7)), ((1, 5, 7), (5, 7))]
)
def test_rows_of_one_face(shape: tuple[int, ...], found: tuple[int, int]) -> None:
    values = records.rows({"exp": counted(*shape)}, "exp", "take")
    assert values.dtype == np.float32
    assert values.shape == found
    assert values.ravel().tolist() == list(range(int(np.prod(shape))))


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (counted(20, 16, 7), "motion.several"),
        (counted(2, 20, 7), "motion.several"),
        (counted(20, 17, 7), "motion.shape"),  # no picture has so many faces
        (counted(2, 2, 2, 2), "motion.shape"),
        (np.zeros((0, 7)), "motion.shape"),
        (np.array([["a"]]), "motion.not_a_number"),
        (np.array([[True]]), "motion.not_a_number"),
    ],
)
def test_what_are_no_rows_of_one_face(values: np.ndarray, code: str) -> None:
    assert refused(records.rows, {"exp": values}, "exp", "take") == code


def test_poses() -> None:
    assert records.pose({}, "neck", 3, "take", 4).tolist() == [[0, 0, 0]] * 4
    joints = records.pose({"eyes": counted(5, 2, 3)}, "eyes", 6, "take", 5)
    np.testing.assert_array_equal(joints, counted(5, 6))
    assert refused(records.pose, {"neck": counted(5, 4)}, "neck", 3, "take", 5) == "motion.shape"
    assert refused(records.pose, {"neck": counted(4, 3)}, "neck", 3, "take", 5) == "motion.shape"
    two = {"neck": counted(5, 2, 3)}
    assert refused(records.pose, two, "neck", 3, "take", 5) == "motion.several"


def test_expressions_and_identities_are_filled_up() -> None:
    found = records.expression({"exp": counted(2, 3)}, "exp", "take")
    assert found.shape == (2, 100)
    assert found[1, :4].tolist() == [3, 4, 5, 0]
    assert records.expression({"exp": counted(2, 100)}, "exp", "take").shape == (2, 100)
    assert refused(records.expression, {"exp": counted(2, 101)}, "exp", "take") == "motion.shape"
    assert not records.shape({}, "shape", "take").any()
    mean = records.shape({"shape": np.array([[1.0, 2], [4, 3]])}, "shape", "take")
    assert (mean.shape, mean[:3].tolist()) == ((300,), [2.5, 2.5, 0])
    # The mean of equal rows would differ in the last bit.
    same = np.float32(0.1)
    rows = np.full((7, 2), same)
    assert records.shape({"shape": rows}, "shape", "take")[0] == same
    assert records.shape({"shape": counted(300)}, "shape", "take")[299] == 299
    assert refused(records.shape, {"shape": counted(301)}, "shape", "take") == "motion.shape"


def test_the_first_rate_counts() -> None:
    record = {"fps": np.array([[25]]), "mocap": np.array(30.0)}
    assert records.rate(record, "mocap", "fps") == 30
    assert records.rate(record, "none", "fps", "mocap") == 25
    assert records.rate(record, "none") is None
    assert refused(records.rate, {"fps": np.array([25, 30])}, "fps") == "motion.shape"
    assert refused(records.rate, {"fps": np.array("x")}, "fps") == "motion.shape"


def flame(record: dict[str, np.ndarray], **options: object) -> RawTake:
    keys = {"expression": "exp", "jaw": "pose", "eyelids": "lids", "shape": "betas"}
    return records.decode_flame(record, "take", "flame2020", keys, **options)  # type: ignore[arg-type]


def test_a_take_of_flame() -> None:
    record = {
        "exp": counted(2, 12),
        "pose": counted(2, 3),
        "lids": np.array([[-0.5, 0.25], [0.75, 1.5]]),
        "betas": counted(4),
        "fps": np.array(24),
    }
    take = flame(record, neck=np.ones((2, 3)))
    assert sorted(take.rows) == ["expression", "eyelids", "jaw", "neck"]
    np.testing.assert_array_equal(take.rows["jaw"], counted(2, 3))
    assert take.rows["eyelids"].tolist() == [[0, 0.25], [0.75, 1]]
    assert take.shape is not None
    assert take.shape[:5].tolist() == [0, 1, 2, 3, 0]
    assert (take.fps, take.space, take.seen) == (24, "flame2020", None)
    assert flame(record, fps=60.0).fps == 60
    del record["lids"]
    assert "eyelids" not in flame(record).rows
    assert "shape" not in flame(record).rows


@pytest.mark.parametrize(("lost", "is_known"), [(10, True), (9, False)])
def test_a_row_whose_first_ten_expressions_are_missing_has_no_face(
    lost: int, is_known: bool
) -> None:
    values = counted(3, 12)
    values[1, :lost] = np.nan
    seen = flame({"exp": values}).seen
    if is_known:
        assert seen is not None
        assert seen.tolist() == [True, False, True]
    else:
        assert seen is None
    assert flame({"exp": np.full((3, 12), np.nan)}).seen is None


def part(value: float, **changes: object) -> RawTake:
    fields = {
        "rows": {"expression": np.full((2, 100), float(value))},
        "space": "flame2020",
        "fps": 25.0,
    }
    return RawTake(**{**fields, **changes})  # type: ignore[arg-type]


def test_parts_are_joined_one_after_the_other() -> None:
    shapes = [np.full(300, value, np.float32) for value in (1, 4)]
    joined = records.join_takes([part(3, shape=shapes[0]), part(5, shape=shapes[1]), part(np.nan)])
    assert joined.rows["expression"][:, 0].tolist()[:4] == [3, 3, 5, 5]
    assert joined.shape is not None
    assert set(joined.shape.tolist()) == {2.5}
    assert joined.seen is not None
    assert joined.seen.tolist() == [True] * 4 + [False] * 2
    alone = part(3)
    assert records.join_takes([alone]) is alone
    assert records.join_takes([part(3), part(4)]).shape is None


@pytest.mark.parametrize(
    "changes",
    [
        {"space": "flame2023"},
        {"fps": 30.0},
        {"rows": {"expression": np.zeros((2, 100)), "jaw": np.zeros((2, 3))}},
    ],
)
def test_parts_of_different_kinds_are_no_take(changes: dict[str, object]) -> None:
    assert refused(records.join_takes, [part(1), part(2, **changes)]) == "motion.mixed"


def test_frames_without_a_face_are_not_known() -> None:
    whole = part(2)
    found = records.with_faceless([None, whole, None], "take")
    assert found[1] is whole
    assert np.isnan(found[0].rows["expression"]).all()
    assert found[2].rows["expression"].shape == (2, 100)
    assert refused(records.with_faceless, [None, None], "take") == "motion.no_face"


def test_of_more_than_six_takes_six_are_named() -> None:
    names = ["a", "b", "c", "d", "e", "f"]
    six = records.several("clip", names).message
    assert six == "clip holds more than one take or face: a, b, c, d, e, f."
    assert records.several("clip", [*names, "g"]).message == six[:-1] + ", ...."


def test_frames_without_a_face_have_no_say_in_the_identity() -> None:
    def frame(level: float) -> RawTake:
        rows = {"expression": np.full((1, 100), level), "jaw": np.full((1, 3), level / 10)}
        shape = np.full(300, level, np.float32)
        return RawTake(rows=rows, space="flame2020", shape=shape, fps=24.0)

    joined = records.join_takes(
        records.with_faceless([None, frame(1.0), None, frame(4.0), None], "clip")
    )
    assert joined.shape is not None
    assert set(joined.shape.tolist()) == {2.5}
    assert joined.seen is not None
    assert joined.seen.tolist() == [False, True, False, True, False]
    assert joined.rows["jaw"][3].tolist() == pytest.approx([0.4] * 3)
    assert np.isnan(joined.rows["jaw"][[0, 2, 4]]).all()
    assert (joined.fps, joined.space) == (24.0, "flame2020")
    assert refused(records.with_faceless, [None, None], "clip") == "motion.no_face"


def test_takes_of_different_kinds_are_not_joined() -> None:
    def part(space: str = "flame2020", fps: float = 24.0, **rows: np.ndarray) -> RawTake:
        return RawTake(rows={"expression": np.zeros((1, 100)), **rows}, space=space, fps=fps)

    for other in (part("flame2023"), part(fps=25.0), part(jaw=np.zeros((1, 3)))):
        assert refused(records.join_takes, [part(), other]) == "motion.mixed"
    assert len(records.join_takes([part(), part()])) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: records.rows({"exp": np.zeros(())}, "exp", "a.npz"),
            "In a.npz, exp has the shape (), not one row of numbers for each frame.",
        ),
        (
            lambda: records.rows({"exp": np.array(["x"])}, "exp", "a.npz"),
            "In a.npz, exp holds something that is not a number.",
        ),
        (
            lambda: records.rows({"exp": np.zeros((9, 2, 5))}, "exp", "a.npz"),
            "a.npz holds more than one take or face: exp has the shape (9, 2, 5).",
        ),
        (
            lambda: records.pose({"jaw": np.zeros((4, 3))}, "jaw", 3, "a.npz", 12_000),
            "In a.npz, jaw has the shape (4, 3), not 12,000 rows of 3 numbers.",
        ),
        (
            lambda: records.pose({"jaw": np.zeros((4, 3))}, "jaw", 6, "a.npz", 1),
            "In a.npz, jaw has the shape (4, 3), not 1 row of 6 numbers.",
        ),
        (
            lambda: records.expression({"exp": np.zeros((4, 101))}, "exp", "a.npz"),
            "In a.npz, exp has the shape (4, 101), not at most 100 numbers in each frame.",
        ),
        (
            lambda: records.shape({"betas": np.zeros((4, 301))}, "betas", "a.npz"),
            "In a.npz, betas has the shape (4, 301), not at most 300 numbers.",
        ),
        (
            lambda: records.rate({"fps": np.zeros(2)}, "mocap", "fps"),
            "The take's fps is not one number.",
        ),
        (lambda: records.with_faceless([None], "clip"), "No frame of clip has a face."),
        (
            lambda: flame({"exp": counted(2, 12), "betas": np.zeros((2, 301))}),
            "In take, betas has the shape (2, 301), not at most 300 numbers.",
        ),
    ],
)
def test_which_array_of_which_file_is_wrong(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.message == message


def test_a_mean_over_many_frames_loses_nothing() -> None:
    """2^24 + 1 is no number of single precision, in which the sum would forget both ones."""
    values = np.array([[2.0**24, 0.5], [1, 0.5], [1, 2]])
    mean = records.shape({"shape": values}, "shape", "take")[:2]
    assert mean.tolist() == [(2**24 + 2) / 3, 1]
