# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows on an even grid: what is missing, what has no time, what cannot be placed. The rate is in
`test_timeline_rates.py`, rows in disorder are in `test_timeline_disorder.py`."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.sidecar.motion.raw_take import Clock, RawTake
from affekt.sidecar.motion.timeline import place
from fakes.clocks import assert_frames, at, code, refusal, take
from hypothesis import given, settings
from hypothesis import strategies as st

RATES = st.one_of(
    st.sampled_from([23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.904, 59.94, 60.0, 120.0]),
    st.floats(6, 240),
)


@given(
    fps=RATES,
    start=st.floats(0, 1e5),
    unit=st.sampled_from([1.0, 1e-3, 1e-6, 1e-9]),
    dropped=st.sets(st.integers(1, 44).map(lambda i: 2 * i), max_size=25),
)
@settings(max_examples=120, deadline=None)
def test_any_rate_start_and_unit_give_the_same_frames(
    fps: float, start: float, unit: float, dropped: set[int]
) -> None:
    rows = np.array([i for i in range(90) if i not in dropped])
    placed = place(take(rows, at((start + rows / fps) / unit)), "take.json")
    assert placed.fps == pytest.approx(fps, rel=2e-5)
    assert_frames(placed, 90)
    assert len(placed.notes) == bool(dropped)


def test_three_of_nine_hundred_frames() -> None:
    rows = np.array([i for i in range(900) if i not in (20, 21, 500)])
    placed = place(take(rows, at(rows / 30)), "take.json")
    assert placed.notes == ("3 of 900 frames were missing and were filled in (20-21, 500).",)
    assert placed.fps == 30
    assert_frames(placed, 900)


def test_frame_numbers_fill_gaps_at_the_usual_rate() -> None:
    rows = np.array([10, 11, 12, 15, 16])
    placed = place(take(rows - 10, Clock(numbers=rows)), "take.json")
    assert placed.fps == 30
    assert_frames(placed, 7)


def test_times_that_count_by_one_are_frame_numbers() -> None:
    placed = place(take(range(50), at(range(50))), "take.json")
    assert placed.fps == 30
    assert_frames(placed, 50)


@pytest.mark.parametrize(
    ("clock", "code"),
    [
        (at([i * 2.5 for i in range(9)]), "motion.rate"),
        (at([i * 3.0 for i in range(9)], 1.0), "motion.rate"),
        (at([7.0] * 9), "motion.times"),
        (at([0.0, 0.1, 0.2, 0.3, 5.0, 0.0, 0.1, 0.2, 0.3]), "motion.times"),
        (at([0.0, 1 / 30, 2 / 30, 3 / 30, 4 / 30, 5 / 30, 6 / 30, 7 / 30, 9e4]), "motion.too_long"),
    ],
)
def test_times_that_say_nothing_are_refused_and_a_rate_by_hand_helps(
    clock: Clock, code: str
) -> None:
    assert refusal(take(range(9), clock)) == code
    if code == "motion.too_long":
        return
    placed = place(take(range(9), clock), "take.json", 25)
    assert placed.fps == 25
    assert_frames(placed, 9)


def test_a_rate_by_hand_leaves_even_rows_alone_and_fills_gaps() -> None:
    rows = np.array([0, 1, 2, 5, 6])
    placed = place(take(rows, at(rows * 40_000.0)), "take.json", 60)
    assert placed.fps == 60
    assert_frames(placed, 7)


def test_rows_without_a_time_lie_between_their_neighbours() -> None:
    times = np.arange(20) / 25
    times[[4, 5, 19]] = np.nan
    placed = place(take(range(19), at(times[:19])), "take.json")
    assert placed.fps == pytest.approx(25)
    assert_frames(placed, 19)


@given(times=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_times_give_frames_or_an_error_of_ours(times: list[float]) -> None:
    try:
        placed = place(take(range(len(times)), at(times)), "take.json")
    except InputError:
        return
    assert limits.LEAST_FPS <= placed.fps <= limits.MOST_FPS
    assert np.isfinite(placed.rows["expression"]).all()


@pytest.mark.parametrize(("gap", "held"), [(29, False), (30, False), (31, True)])
def test_a_gap_of_more_than_a_second_is_said(gap: int, held: bool) -> None:
    rows = np.array([0, 1, 2, 2 + gap, 3 + gap])
    placed = place(take(rows, at(rows / 30)), "take.json")
    said = ("The longest gap is 1.0 s, over which the face is held.",) if held else ()
    assert placed.notes[1:] == said
    middle = placed.rows["expression"][4, 0]
    assert middle == pytest.approx(2 if held else 4)


def test_values_that_are_missing_are_counted() -> None:
    raw = take(range(6), at(np.arange(6) / 30))
    raw.rows["expression"][2, [3, 5, 8]] = np.nan
    placed = place(raw, "take.json")
    assert placed.notes == ("3 values were missing and filled in from the frames around.",)
    assert_frames(placed, 6)


def test_the_longest_take_and_one_frame_more() -> None:
    def long(last: int) -> RawTake:
        narrow = {"expression": np.zeros((2, 1))}
        return RawTake(rows=narrow, space="arkit", clock=Clock(numbers=np.array([0, last])))

    assert len(place(long(239_999), "take.json").rows["expression"]) == 240_000
    assert code(long(240_000)) == "motion.too_long"


def test_times_one_apart_that_are_not_whole_are_no_numbers() -> None:
    assert code(take(range(8), at([0, 1, 2, 3.5, 4, 5, 6, 7]))) == "motion.rate"


def test_how_many_frames_are_too_many_is_said() -> None:
    narrow = {"expression": np.zeros((2, 1))}
    raw = RawTake(rows=narrow, space="arkit", clock=Clock(numbers=np.array([0, 240_000])))
    with pytest.raises(InputError) as caught:
        place(raw, "take.json")
    assert caught.value.message == ("The take in take.json has 240,001 frames; 240000 are allowed.")


def test_numbers_that_stand_still_are_refused_and_a_rate_by_hand_helps() -> None:
    raw = take(range(9), Clock(numbers=np.full(9, 5)))
    with pytest.raises(InputError, match=r"The times of take\.json stand still") as caught:
        place(raw, "take.json")
    assert caught.value.code == "motion.times"
    placed = place(raw, "take.json", 24)
    assert (placed.fps, placed.notes) == (24, ())
    assert_frames(placed, 9)


@pytest.mark.parametrize("times", [[7.0] * 9, [np.nan] * 9, [np.nan, 3.0, *[np.nan] * 7]])
def test_numbers_count_where_times_say_nothing(times: list[float]) -> None:
    clock = Clock(times=np.array(times), numbers=np.array([0, 1, 2, 3, 5, 6, 7, 8, 9]))
    placed = place(take([0, 1, 2, 3, 5, 6, 7, 8, 9], clock, 25.0), "take.json")
    assert placed.fps == 25
    assert_frames(placed, 10)
    assert placed.notes == ("1 of 10 frames were missing and were filled in (4).",)


def test_numbers_place_the_rows_of_whole_seconds() -> None:
    numbers = np.array([n for n in range(100) if n not in (50, 51)])
    clock = Clock(times=((numbers + 7) // 24).astype(float), numbers=numbers + 1000)
    placed = place(take(numbers, clock), "take.json")
    assert placed.fps == 24
    assert_frames(placed, 100)
    assert placed.notes == ("2 of 100 frames were missing and were filled in (50-51).",)
    repeated = replace(clock, numbers=np.arange(98) // 2)  # these count something else
    assert len(place(take(range(98), repeated), "take.json").rows["expression"]) == 98


def test_rows_without_times_are_one_after_the_other() -> None:
    placed = place(take(range(5), at([np.nan] * 5), 24.0), "take.json")
    assert placed.fps == 24
    assert_frames(placed, 5)


def test_what_was_missing_where_rows_and_faces_are() -> None:
    """Frame 3 has no row, frame 5 no face: each is said by itself, and both are filled."""
    rows = np.array([0, 1, 2, 4, 5, 6])
    raw = take([0, 1, 2, 4, 99, 6], at(rows / 25))
    placed = place(replace(raw, seen=rows != 5), "take.json")
    assert_frames(placed, 7)
    assert placed.notes == (
        "1 of 7 frames were missing and were filled in (3).",
        "1 of 7 frames have no face and were filled in (5).",
    )
