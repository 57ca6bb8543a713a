# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in names: what counts frames, and what only orders them."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.numbering import _ordinal, frame_numbers, numbered
from affekt.sidecar.motion.raw_take import Clock, RawTake


def take(rows: int, fps: float | None = None) -> RawTake:
    return RawTake(rows={"expression": np.zeros((rows, 100))}, space="flame2020", fps=fps)


def counted(numbers: list[int], fps: float | None = None) -> RawTake:
    return numbered(take(len(numbers), fps), np.array(numbers), "files")


def test_the_number_that_changes_counts() -> None:
    assert frame_numbers(["a7_0003_0", "a7_0010_0"], "clip").tolist() == [3, 10]
    assert frame_numbers(["a7_3", "a7_3"], "clip").tolist() == [0, 1]
    assert frame_numbers(["a", "a", "a"], "clip").tolist() == [0, 1, 2]
    assert frame_numbers(["00003", "00007"], "clip").tolist() == [3, 7]
    assert frame_numbers(["b12"], "clip").tolist() == [0]
    assert frame_numbers(["12_5", "13_6"], "clip").tolist() == [12, 13]


@pytest.mark.parametrize("names", [["a1", "b2"], ["1_0", "1_1", "2_0"]])
def test_names_of_several_takes_are_refused(names: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        frame_numbers(names, "clip")
    assert caught.value.code == "motion.several"


@pytest.mark.parametrize(
    ("numbers", "fps", "rate", "frames"),
    [
        ([5, 6, 7, 8], None, None, [0, 1, 2, 3]),
        ([5, 6, 9, 10], 25.0, 25.0, [0, 1, 4, 5]),
        ([4, 6, 8, 10], 24.0, 12.0, [0, 1, 2, 3]),
        ([4, 6, 8, 12, 14], 24.0, 12.0, [0, 1, 2, 4, 5]),  # one is missing besides
        ([10, 15, 20, 25], None, 6.0, [0, 1, 2, 3]),
        ([4, 6, 8], 24.0, 24.0, [0, 2, 4]),  # two steps may be gaps
        ([4, 6, 8, 10, 14, 18, 22, 26], 24.0, 24.0, [0, 2, 4, 6, 10, 14, 18, 22]),
        ([4, 6, 8, 10, 14, 18, 22], 24.0, 12.0, [0, 1, 2, 3, 5, 7, 9]),
    ],
)
def test_even_steps_divide_the_rate(
    numbers: list[int], fps: float | None, rate: float | None, frames: list[int]
) -> None:
    out = counted(numbers, fps)
    assert out.fps == rate
    assert out.clock.numbers is not None
    assert out.clock.numbers.tolist() == frames
    assert bool(out.notes) == (rate != fps)


def test_a_kept_frame_of_a_video_is_said() -> None:
    (note,) = counted([3, 6, 9, 12], 24.0).notes
    assert "in steps of 3, as of a video at 24 frames a second of which every 3rd" in note
    assert "if 8 is not their rate" in note


@pytest.mark.parametrize(
    ("numbers", "counts"),
    [([0, 1, 30], True), ([0, 1, 31], False), ([0, 1, 1], False), ([0, 3, 2], False)],
)
def test_numbers_far_beyond_the_rows_count_something_else(numbers: list[int], counts: bool) -> None:
    out = counted(numbers)
    assert (out.clock.numbers is not None) == counts
    assert bool(out.notes) != counts
    assert counts or "do not count frames" in out.notes[0]


def test_what_was_noted_before_comes_first() -> None:
    noted = replace(take(4), notes=("before",))
    for numbers in ([3, 6, 9, 12], [0, 3, 2, 1]):
        notes = numbered(noted, np.array(numbers), "files").notes
        assert (notes[0], len(notes)) == ("before", 2)
    clocked = replace(take(3), clock=Clock(numbers=np.array([4, 5, 6])))
    assert numbered(clocked, np.array([0, 3, 2]), "files") is clocked


def test_a_single_file_has_no_clock() -> None:
    assert counted([7]).clock.numbers is None


def test_ordinals() -> None:
    said = [_ordinal(number) for number in (2, 3, 4, 11, 12, 13, 21, 22, 101, 112, 123)]
    assert said == [
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
        "22nd",
        "101st",
        "112th",
        "123rd",
    ]
