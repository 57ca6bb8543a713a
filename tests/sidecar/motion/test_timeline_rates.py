# SPDX-License-Identifier: GPL-3.0-or-later
"""How many frames a second a take has: by its times, its numbers, its own word or a person's."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.raw_take import Clock
from affekt.sidecar.motion.timeline import place
from fakes.clocks import assert_frames, at, code, refusal, take, uneven


def test_a_measured_rate_is_kept_exactly() -> None:
    rows = np.arange(1856)
    placed = place(take(rows, at(np.round(rows / 59.904, 5), 1.0)), "take.json")
    assert placed.fps == 59.904


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0, 120.0, 240.0])
@pytest.mark.parametrize("rounding", [np.floor, np.rint])
def test_times_in_whole_milliseconds(fps: float, rounding: np.ufunc) -> None:
    rows = np.arange(600)
    placed = place(take(rows, at(rounding(rows * 1000 / fps))), "take.json")
    assert placed.fps == fps
    assert placed.notes == ()
    assert_frames(placed, 600)


def test_an_assumed_rate_is_said() -> None:
    rows = take(range(60), Clock())
    assert [note[:42] for note in place(rows, "take.json").notes] == [
        "The file does not say its frame rate: 30 f"
    ]
    assert place(replace(rows, fps=24.0), "take.json").notes == ()
    assert place(rows, "take.json", 25.0).notes == ()
    counted = place(take(range(60), Clock(numbers=np.arange(60))), "take.json")
    assert "30 fps were assumed" in counted.notes[0]


def test_a_step_that_was_cut_to_milliseconds_is_said() -> None:
    placed = place(take(range(60), at(np.arange(60) * 33.0)), "take.json")
    assert placed.fps == pytest.approx(1000 / 33)
    assert placed.notes == (
        "The times are exactly 33 ms apart, 30.30 fps; if the video had 30, say so (--fps 30).",
    )
    assert place(take(range(60), at(np.arange(60) * 40.0)), "take.json").notes == ()
    assert place(take(range(60), at(np.arange(60) * 16.6667)), "take.json").fps == 60


@pytest.mark.parametrize(
    ("step_ms", "fps", "video"), [(16, 62.5, 60), (17, 58.82, 60), (41, 24.39, 24), (66, 15.15, 15)]
)
def test_cut_milliseconds_of_each_rate(step_ms: int, fps: float, video: int) -> None:
    placed = place(take(range(60), at(np.arange(60.0) * step_ms)), "take.json")
    assert placed.fps == pytest.approx(fps, abs=0.005)
    assert placed.notes == (
        f"The times are exactly {step_ms} ms apart, {fps:.2f} fps; if the video had {video}, say "
        f"so (--fps {video}).",
    )


@pytest.mark.parametrize("step_ms", [20, 25, 40, 35, 18])
def test_whole_milliseconds_that_are_a_rate_of_their_own(step_ms: int) -> None:
    assert place(take(range(60), at(np.arange(60.0) * step_ms)), "take.json").notes == ()


def test_whole_seconds_tell_the_rate_of_rows() -> None:
    rows = np.arange(100)
    placed = place(take(rows, at((rows + 7) // 24)), "take.json")
    assert placed.fps == 24
    assert_frames(placed, 100)


@pytest.mark.parametrize(
    ("per_second", "fps"),
    [
        (24, 24.0),
        (47.5, 48.0),
        (33, 33.0),
        (14.8, 15.0),
        (8, 8.0),
        (24.41, 24.0),
        (61.1, 60.0),
        (51.2, 51.2),
    ],
)
def test_whole_seconds_tell_a_cameras_rate_or_their_own(per_second: float, fps: float) -> None:
    rows = np.arange(round(per_second * 12))
    placed = place(take(rows, at(np.floor((rows + 3) / per_second))), "take.json")
    assert placed.fps == pytest.approx(fps, abs=0.05)


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e-6])
def test_whole_seconds_of_an_epochs_clock_tell_the_rate_too(unit: float) -> None:
    rows = np.arange(100)
    placed = place(take(rows, at((1.7e9 + (rows + 7) // 24) / unit)), "take.json")
    assert (len(placed.rows["expression"]), placed.fps) == (100, 24)


@pytest.mark.parametrize(("before", "after", "fps"), [(20, 30, 30.0), (40, 25, 40.0)])
def test_two_whole_seconds_tell_the_least_rate(before: int, after: int, fps: float) -> None:
    clock = at([5.0] * before + [6.0] * after)
    placed = place(take(range(before + after), clock), "take.json")
    assert placed.fps == fps
    assert_frames(placed, before + after)
    assert place(take(range(before + after), clock), "take.json", 25.0).fps == 25


@pytest.mark.parametrize("fps", [0.0, -30.0, 1e-300, 4.9, 1001.0, 10_000.0, np.inf, np.nan])
def test_a_rate_that_cannot_be_is_never_taken(fps: float) -> None:
    assert refusal(take(range(9), Clock(), fps)) == "motion.rate"
    assert refusal(take(range(9), at(np.arange(9) / 30), fps)) == "motion.rate"
    assert place(take(range(9), Clock(), fps), "take.json", 24).fps == 24


def test_a_rate_that_cannot_be_is_said_as_the_file_has_it() -> None:
    with pytest.raises(InputError) as caught:
        place(take(range(9), Clock(), 4.5), "take.json")
    assert caught.value.message == "take.json says that it has 4.5 frames a second."


def test_the_files_own_rate_counts_before_its_times() -> None:
    placed = place(take(range(20), at(np.arange(20) / 60), 30.0), "take.json")
    assert placed.fps == 30
    assert placed.notes == ("The file names 30 fps, but its times run at 60; 30 was taken.",)
    assert_frames(placed, 20)


@pytest.mark.parametrize(
    ("rate", "said"), [(31.2, False), (28.8, False), (32.0, True), (28.0, True)]
)
def test_a_named_rate_that_is_off_by_a_twentieth_is_said(rate: float, said: bool) -> None:
    placed = place(take(range(60), at(np.arange(60) / rate), 30.0), "take.json")
    assert placed.fps == 30
    assert len(placed.rows["expression"]) == 60
    assert bool(placed.notes) == said


def test_a_rate_a_twentieth_below_is_measured_from_the_named_one() -> None:
    placed = place(take(range(60), at(np.arange(60) / 28.55), 30.0), "take.json")
    assert placed.notes == ()


def test_a_name_that_says_the_wrong_unit() -> None:
    placed = place(take(range(20), at(np.arange(20) / 30, 1e-3)), "take.json")
    assert placed.fps == pytest.approx(30)
    assert placed.notes == ("The times can only be seconds and were read so.",)


@pytest.mark.parametrize(
    ("step", "fps"), [(4.0, 250.0), (3.9, None), (200.0, 5.0), (201.0, None), (40.0, 25.0)]
)
def test_the_ends_of_guessed_milliseconds(step: float, fps: float | None) -> None:
    raw = take(range(60), at(np.arange(60) * step))
    if fps is None:
        assert code(raw) == "motion.rate"
    else:
        assert place(raw, "take.json").fps == fps


@pytest.mark.parametrize(("step", "fps"), [(0.002, 500.0), (0.001, 1000.0), (0.2, 5.0)])
def test_the_ends_of_seconds(step: float, fps: float) -> None:
    placed = place(take(range(60), at(np.arange(60) * step)), "take.json")
    assert placed.fps == pytest.approx(fps)
    assert placed.notes == ()


def test_a_persons_rate_tells_the_unit() -> None:
    """3.9 ms apart at 256 fps, which nobody guesses."""
    rows = np.array([0, 1, 2, 4, 5, 6, 7])
    for unit in (1.0, 1e-3, 1e-6, 1e-9):
        placed = place(take(rows, at(rows / 256 / unit)), "take.json", 256.0)
        assert_frames(placed, 8)


@pytest.mark.parametrize("unit", [1e-3, 1e-6, 1e-9])
def test_a_persons_rate_tells_the_unit_of_uneven_times(unit: float) -> None:
    raw = uneven()
    assert raw.clock.times is not None
    placed = place(replace(raw, clock=at(raw.clock.times / unit)), "take.json", 25.0)
    wanted = place(raw, "take.json", 25.0)
    np.testing.assert_allclose(placed.rows["expression"], wanted.rows["expression"], atol=1e-6)
    assert placed.notes == wanted.notes


def test_a_persons_rate_holds_for_a_take_without_rows() -> None:
    empty = take(range(0), Clock(), 24.0)
    assert place(empty, "take.json").fps == 24
    assert place(empty, "take.json", 50.0).fps == 50


def test_rows_far_apart_lie_on_the_grid_of_a_persons_rate() -> None:
    """No two are neighbours, so that nothing else tells how long a frame is."""
    rows = np.array([0, 2, 5, 7, 11, 13])
    placed = place(take(rows, at(rows / 30, 1.0)), "take.json", 30.0)
    assert placed.fps == 30
    assert_frames(placed, 14)
    assert placed.notes[0].startswith("8 of 14 frames were missing")


def test_numbers_that_many_rows_share_only_tell_the_rate() -> None:
    """60 rows a second under numbers of 30."""
    raw = take(range(60), Clock(numbers=np.arange(60) // 2))
    placed = place(raw, "take.json")
    assert placed.fps == 60
    assert_frames(placed, 60)
    by_hand = place(raw, "take.json", 50.0)
    assert by_hand.fps == 50
    assert_frames(by_hand, 60)
    named = place(replace(raw, fps=24.0), "take.json")
    assert named.fps == 48
    assert_frames(named, 60)


@pytest.mark.parametrize(("repeated", "frames"), [(29, 71), (35, 100)])
def test_beyond_three_in_ten_repeated_numbers_only_tell_the_rate(
    repeated: int, frames: int
) -> None:
    """With fewer, rows that share a frame are repeated ones. At the end of a hundred rows."""
    numbers = np.sort(np.append(np.arange(100 - repeated), np.arange(20, 20 + repeated)))
    placed = place(take(range(100), Clock(numbers=numbers), 25.0), "take.json")
    assert len(placed.rows["expression"]) == frames
    assert bool(placed.notes) == (frames == 71)


def test_a_single_frame_with_a_time_says_that_its_rate_is_assumed() -> None:
    (note,) = place(take([0], at([3.0])), "take.json").notes
    assert note.startswith("The time of a single frame does not tell its rate: 30 fps were")
    assert place(take([0], Clock()), "take.json").notes == ()
    assert place(take([0], at([3.0])), "take.json", 25.0).notes == ()


def test_two_times_are_enough() -> None:
    placed = place(take(range(4), at([1.0, np.nan, np.nan, 1.12])), "take.json")
    assert placed.fps == pytest.approx(25)
    assert_frames(placed, 4)
