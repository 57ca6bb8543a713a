# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows on an even grid: rates, units of time, missing, repeated and uneven frames."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.sidecar.motion.raw_take import Clock, RawTake
from affekt.sidecar.motion.timeline import Placed, place
from hypothesis import given, settings
from hypothesis import strategies as st

RATES = st.one_of(
    st.sampled_from([23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.904, 59.94, 60.0, 120.0]),
    st.floats(6, 240),
)


def ramp(rows: list[int] | np.ndarray) -> np.ndarray:
    """(R, 100) expressions that grow by 1 a frame and differ between the columns."""
    return np.asarray(rows, np.float64)[:, None] + np.arange(100) / 1000


def take(rows: list[int] | np.ndarray, clock: Clock, fps: float | None = None) -> RawTake:
    return RawTake(rows={"expression": ramp(rows)}, space="flame2020", clock=clock, fps=fps)


def at(times: object, unit_s: float | None = None) -> Clock:
    return Clock(times=np.asarray(times, np.float64), unit_s=unit_s)


def refusal(raw: RawTake, fps: float | None = None) -> str:
    with pytest.raises(InputError) as caught:
        place(raw, "take.json", fps)
    assert caught.value.remedy
    return caught.value.code


def assert_frames(placed: Placed, frames: int) -> None:
    np.testing.assert_allclose(placed.rows["expression"], ramp(range(frames)), atol=1e-6)


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


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0, 120.0, 240.0])
@pytest.mark.parametrize("rounding", [np.floor, np.rint])
def test_times_in_whole_milliseconds(fps: float, rounding: np.ufunc) -> None:
    rows = np.arange(600)
    placed = place(take(rows, at(rounding(rows * 1000 / fps))), "take.json")
    assert placed.fps == fps
    assert placed.notes == ()
    assert_frames(placed, 600)


def test_a_measured_rate_is_kept_exactly() -> None:
    rows = np.arange(1856)
    placed = place(take(rows, at(np.round(rows / 59.904, 5), 1.0)), "take.json")
    assert placed.fps == 59.904


@given(seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_jitter_is_resampled_at_the_rows_own_times(seed: int) -> None:
    rows = np.array([i for i in range(300) if i not in (50, 51, 52)])
    times = rows + np.random.default_rng(seed).uniform(-0.3, 0.3, len(rows))
    placed = place(take(times, at(times / 30)), "take.json")
    assert placed.fps == 30
    uneven, missing = placed.notes
    assert "resampled to 30 fps" in uneven
    assert missing == "3 of 300 frames were missing and were filled in (50-52)."
    values = placed.rows["expression"][:, 0]
    np.testing.assert_allclose(values[1:-1], np.arange(1, 299), atol=0.1)


def test_rounded_times_move_nothing() -> None:
    rows = np.arange(300)
    for unit in (100, 1000):
        placed = place(take(rows, at(np.rint(rows * unit / 60) / unit)), "take.json")
        assert placed.fps == 60
        assert placed.notes == ()
        assert_frames(placed, 300)


def test_uneven_times_are_resampled_at_their_times() -> None:
    steps = np.repeat([1, 1.5, 1, 2], 50) / 30
    times = np.append(0, np.cumsum(steps))
    raw = RawTake(
        rows={"expression": np.repeat(times[:, None], 100, 1)}, space="flame2020", clock=at(times)
    )
    placed = place(raw, "take.json")
    assert placed.notes == ("The times were uneven (33 to 67 ms apart): resampled to 24 fps.",)
    assert placed.fps == 24
    values = placed.rows["expression"][:, 0]
    np.testing.assert_allclose(values, np.arange(len(values)) / 24, atol=1e-9)
    assert len(values) == round(times[-1] * 24) + 1


def test_a_repeated_time_goes_to_the_free_place_behind_it() -> None:
    frames = np.array([0, 1, 2, 3, 3, 5, 6, 7])
    placed = place(take(np.arange(8), at(frames / 30)), "take.json")
    assert placed.notes == (
        "1 of 8 times were repeated; their rows went to the frames beside them.",
    )
    assert placed.fps == pytest.approx(30)
    assert_frames(placed, 8)


def test_a_repeated_time_without_room_is_left_out() -> None:
    placed = place(take([0, 1, 2, 2, 3, 4], at(np.array([0, 1, 2, 2, 3, 4]) / 30)), "take.json")
    assert placed.notes == ("1 of 6 times were repeated; 1 row was left out.",)
    assert_frames(placed, 5)


def test_rows_out_of_order_are_sorted() -> None:
    rows = np.array([0, 1, 3, 2, 4, 5, 6])
    placed = place(take(rows, at(rows / 30)), "take.json")
    assert_frames(placed, 7)
    assert placed.notes == ("Some rows were out of order and were sorted by time.",)


def test_an_assumed_rate_is_said() -> None:
    rows = take(range(60), Clock())
    assert [note[:42] for note in place(rows, "take.json").notes] == [
        "The file does not say its frame rate: 30 f"
    ]
    assert place(replace(rows, fps=24.0), "take.json").notes == ()
    assert place(rows, "take.json", 25.0).notes == ()
    counted = place(take(range(60), Clock(numbers=np.arange(60))), "take.json")
    assert "30 fps were assumed" in counted.notes[0]


def test_times_in_disorder_mean_nothing_beside_a_persons_rate() -> None:
    disorder = at(np.tile([0.0, 40, 20, 60, 30, 10], 10) + np.repeat(np.arange(10) * 70.0, 6))
    placed = place(take(range(60), disorder), "take.json", 30.0)
    assert (len(placed.rows["expression"]), placed.notes) == (60, ())
    np.testing.assert_allclose(placed.rows["expression"][:, 0], np.arange(60))


def test_a_step_that_was_cut_to_milliseconds_is_said() -> None:
    placed = place(take(range(60), at(np.arange(60) * 33.0)), "take.json")
    assert placed.fps == pytest.approx(1000 / 33)
    assert placed.notes == (
        "The times are exactly 33 ms apart, 30.30 fps; if the video had 30, say so (--fps 30).",
    )
    assert place(take(range(60), at(np.arange(60) * 40.0)), "take.json").notes == ()
    assert place(take(range(60), at(np.arange(60) * 16.6667)), "take.json").fps == 60


def test_whole_seconds_tell_the_rate_of_rows() -> None:
    rows = np.arange(100)
    placed = place(take(rows, at((rows + 7) // 24)), "take.json")
    assert placed.fps == 24
    assert_frames(placed, 100)


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


@pytest.mark.parametrize("fps", [0.0, -30.0, 1e-300, 4.9, 1001.0, 10_000.0, np.inf, np.nan])
def test_a_rate_that_cannot_be_is_never_taken(fps: float) -> None:
    assert refusal(take(range(9), Clock(), fps)) == "motion.rate"
    assert refusal(take(range(9), at(np.arange(9) / 30), fps)) == "motion.rate"
    assert place(take(range(9), Clock(), fps), "take.json", 24).fps == 24


def test_a_rate_by_hand_leaves_even_rows_alone_and_fills_gaps() -> None:
    rows = np.array([0, 1, 2, 5, 6])
    placed = place(take(rows, at(rows * 40_000.0)), "take.json", 60)
    assert placed.fps == 60
    assert_frames(placed, 7)


def test_the_files_own_rate_counts_before_its_times() -> None:
    placed = place(take(range(20), at(np.arange(20) / 60), 30.0), "take.json")
    assert placed.fps == 30
    assert placed.notes == ("The file names 30 fps, but its times run at 60; 30 was taken.",)
    assert_frames(placed, 20)


def test_a_name_that_says_the_wrong_unit() -> None:
    placed = place(take(range(20), at(np.arange(20) / 30, 1e-3)), "take.json")
    assert placed.fps == pytest.approx(30)
    assert placed.notes == ("The times can only be seconds and were read so.",)


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


def code(raw: RawTake, fps: float | None = None) -> str:
    """The error's code, or nothing."""
    try:
        place(raw, "take.json", fps)
    except InputError as error:
        return error.code
    return ""


@pytest.mark.parametrize(("back", "refused"), [(15, ""), (17, "motion.times")])
def test_half_a_second_back_is_another_recording(back: int, refused: str) -> None:
    rows = np.array([*range(40), 40 - back, 41, 42])
    for clock in (at(rows / 30), Clock(numbers=rows)):
        assert code(take(rows, clock)) == refused


@pytest.mark.parametrize(("backwards", "rows"), [(3, 40), (5, 36)])
def test_beside_a_persons_rate_a_tenth_of_steps_back_is_disorder(backwards: int, rows: int) -> None:
    """With fewer, the rows are sorted, so that those without a neighbour leave gaps."""
    times = np.arange(40.0)
    times[10 : 10 + 2 * backwards] = times[10 : 10 + 2 * backwards].reshape(-1, 2)[:, ::-1].ravel()
    times[30:] += 4
    placed = place(take(range(40), at(times / 30)), "take.json", 30.0)
    assert len(placed.rows["expression"]) == (44 if rows == 40 else 40)


@pytest.mark.parametrize(
    ("rate", "said"), [(31.2, False), (28.8, False), (32.0, True), (28.0, True)]
)
def test_a_named_rate_that_is_off_by_a_twentieth_is_said(rate: float, said: bool) -> None:
    placed = place(take(range(60), at(np.arange(60) / rate), 30.0), "take.json")
    assert placed.fps == 30
    assert len(placed.rows["expression"]) == 60
    assert bool(placed.notes) == said


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


@pytest.mark.parametrize(("gap", "held"), [(29, False), (30, False), (31, True)])
def test_a_gap_of_more_than_a_second_is_said(gap: int, held: bool) -> None:
    rows = np.array([0, 1, 2, 2 + gap, 3 + gap])
    placed = place(take(rows, at(rows / 30)), "take.json")
    said = ("The longest gap is 1.0 s, over which the face is held.",) if held else ()
    assert placed.notes[1:] == said
    middle = placed.rows["expression"][4, 0]
    assert middle == pytest.approx(2 if held else 4)


@pytest.mark.parametrize(
    ("per_second", "fps"), [(24, 24.0), (47.5, 48.0), (33, 33.0), (14.8, 15.0), (8, 8.0)]
)
def test_whole_seconds_tell_a_cameras_rate_or_their_own(per_second: float, fps: float) -> None:
    rows = np.arange(round(per_second * 12))
    placed = place(take(rows, at(np.floor((rows + 3) / per_second))), "take.json")
    assert placed.fps == pytest.approx(fps, abs=0.05)


@pytest.mark.parametrize(("rate", "common"), [(31.5, 30), (17.6, 20), (8.4, 8), (300.4, 300)])
def test_uneven_times_go_to_the_nearest_rate_of_cameras(rate: float, common: int) -> None:
    steps = np.repeat([0.8, 1.2, 0.8, 1.6], 50) / rate  # of which 1.0 is the middle
    times = np.append(0, np.cumsum(steps))
    raw = RawTake(
        rows={"expression": np.repeat(times[:, None], 100, 1)},
        space="flame2020",
        clock=at(times, 1.0),
    )
    placed = place(raw, "take.json")
    assert placed.fps == common
    values = placed.rows["expression"][:-1, 0]
    np.testing.assert_allclose(values, np.arange(len(values)) / common, atol=1e-9)


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


@pytest.mark.parametrize(
    "seen", [10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240]
)
def test_rates_that_cameras_have(seen: int) -> None:
    steps = np.repeat([0.8, 1.2, 0.8, 1.6], 50) / (seen * 0.985)
    times = np.append(0, np.cumsum(steps))
    assert place(take(range(201), at(times, 1.0)), "take.json").fps == seen


def uneven() -> RawTake:
    """200 rows at about 24 fps, 8.6 s."""
    times = np.append(0, np.cumsum(np.repeat([0.8, 1.2, 0.8, 1.6], 50) / 25.5))
    return take(range(201), at(times, 1.0))


@pytest.mark.parametrize(
    ("fps", "frames"), [(25.0, 217), (38.0, 329), (42.0, 201), (17.0, 148), (15.0, 201)]
)
def test_uneven_times_far_from_a_persons_rate_mean_nothing(fps: float, frames: int) -> None:
    placed = place(uneven(), "take.json", fps)
    assert placed.fps == fps
    assert len(placed.rows["expression"]) == frames
    assert bool(placed.notes) == (frames != 201)


@pytest.mark.parametrize("unit", [1e-3, 1e-6, 1e-9])
def test_a_persons_rate_tells_the_unit_of_uneven_times(unit: float) -> None:
    raw = uneven()
    assert raw.clock.times is not None
    placed = place(replace(raw, clock=at(raw.clock.times / unit)), "take.json", 25.0)
    wanted = place(raw, "take.json", 25.0)
    np.testing.assert_allclose(placed.rows["expression"], wanted.rows["expression"], atol=1e-6)
    assert placed.notes == wanted.notes


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


def test_numbers_out_of_order_are_sorted() -> None:
    rows = np.array([0, 1, 3, 2, 4, 7, 6, 8])
    placed = place(take(rows, Clock(numbers=rows), 25.0), "take.json")
    assert_frames(placed, 9)
    assert placed.notes == (
        "Some rows were out of order and were sorted by time.",
        "1 of 9 frames were missing and were filled in (5).",
    )


@pytest.mark.parametrize(("before", "after", "fps"), [(20, 30, 30.0), (40, 25, 40.0)])
def test_two_whole_seconds_tell_the_least_rate(before: int, after: int, fps: float) -> None:
    clock = at([5.0] * before + [6.0] * after)
    placed = place(take(range(before + after), clock), "take.json")
    assert placed.fps == fps
    assert_frames(placed, before + after)
    assert place(take(range(before + after), clock), "take.json", 25.0).fps == 25


def test_times_one_apart_that_are_not_whole_are_no_numbers() -> None:
    assert code(take(range(8), at([0, 1, 2, 3.5, 4, 5, 6, 7]))) == "motion.rate"


def test_a_rate_a_twentieth_below_is_measured_from_the_named_one() -> None:
    placed = place(take(range(60), at(np.arange(60) / 28.55), 30.0), "take.json")
    assert placed.notes == ()


def test_a_persons_rate_holds_for_a_take_without_rows() -> None:
    empty = take(range(0), Clock(), 24.0)
    assert place(empty, "take.json").fps == 24
    assert place(empty, "take.json", 50.0).fps == 50


def test_a_single_frame_with_a_time_says_that_its_rate_is_assumed() -> None:
    (note,) = place(take([0], at([3.0])), "take.json").notes
    assert note.startswith("The time of a single frame does not tell its rate: 30 fps were")
    assert place(take([0], Clock()), "take.json").notes == ()
    assert place(take([0], at([3.0])), "take.json", 25.0).notes == ()


@pytest.mark.parametrize(("repeated", "frames"), [(29, 71), (35, 100)])
def test_beyond_three_in_ten_repeated_numbers_only_tell_the_rate(
    repeated: int, frames: int
) -> None:
    """With fewer, rows that share a frame are repeated ones. At the end of a hundred rows."""
    numbers = np.sort(np.append(np.arange(100 - repeated), np.arange(20, 20 + repeated)))
    placed = place(take(range(100), Clock(numbers=numbers), 25.0), "take.json")
    assert len(placed.rows["expression"]) == frames
    assert bool(placed.notes) == (frames == 71)


def test_of_rows_at_one_uneven_time_the_first_counts() -> None:
    times = np.append(0, np.cumsum(np.repeat([0.8, 1.2, 0.8, 1.6], 50) / 25.5))
    again = np.sort(np.append(times, times[20:180:20]))
    rows = np.searchsorted(times, again).astype(np.float64)
    rows[1:][np.diff(again) == 0] += 70  # what stands in the second row of one time
    once = place(take(range(201), at(times, 1.0)), "take.json")
    placed = place(take(rows, at(again, 1.0)), "take.json")
    np.testing.assert_array_equal(placed.rows["expression"], once.rows["expression"])
    assert placed.notes == once.notes
    assert placed.notes == ("The times were uneven (31 to 63 ms apart): resampled to 25 fps.",)


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e-6])
def test_whole_seconds_of_an_epochs_clock_tell_the_rate_too(unit: float) -> None:
    rows = np.arange(100)
    placed = place(take(rows, at((1.7e9 + (rows + 7) // 24) / unit)), "take.json")
    assert (len(placed.rows["expression"]), placed.fps) == (100, 24)


def test_two_times_are_enough() -> None:
    placed = place(take(range(4), at([1.0, np.nan, np.nan, 1.12])), "take.json")
    assert placed.fps == pytest.approx(25)
    assert_frames(placed, 4)


@pytest.mark.parametrize(
    ("times", "said"),
    [([0.0, 0.1, 0.2, 0.3, 5.0, 0.0, 0.4], "go back at row 5"), ([7.0] * 9, "stand still")],
)
def test_where_times_go_back_is_said(times: list[float], said: str) -> None:
    with pytest.raises(InputError) as caught:
        place(take(range(len(times)), at(times)), "take.json")
    assert caught.value.message.startswith(f"The times of take.json {said}, so they do not say")


def test_how_many_frames_are_too_many_is_said() -> None:
    narrow = {"expression": np.zeros((2, 1))}
    raw = RawTake(rows=narrow, space="arkit", clock=Clock(numbers=np.array([0, 240_000])))
    with pytest.raises(InputError) as caught:
        place(raw, "take.json")
    assert caught.value.message == ("The take in take.json has 240,001 frames; 240000 are allowed.")


def test_a_rate_that_cannot_be_is_said_as_the_file_has_it() -> None:
    with pytest.raises(InputError) as caught:
        place(take(range(9), Clock(), 4.5), "take.json")
    assert caught.value.message == "take.json says that it has 4.5 frames a second."


def test_a_lost_face_goes_with_its_row_where_rows_are_sorted() -> None:
    values = np.array([0, 1, 3, 99, 4, 5])  # 99 stands in the row without a face, of frame 2
    raw = take(values, Clock(numbers=np.array([0, 1, 3, 2, 4, 5])), 25.0)
    placed = place(replace(raw, seen=np.array([True] * 3 + [False] + [True] * 2)), "take.json")
    assert_frames(placed, 6)
    assert placed.notes == (
        "Some rows were out of order and were sorted by time.",
        "1 of 6 frames have no face and were filled in (2).",
    )


def test_a_lost_face_goes_with_its_row_where_rows_are_left_out() -> None:
    """Frame 2 comes twice: its first row counts, and frame 3 has no face."""
    values, numbers = np.array([0, 1, 2, 50, 99, 4]), np.array([0, 1, 2, 2, 3, 4])
    raw = take(values, Clock(numbers=numbers), 25.0)
    placed = place(replace(raw, seen=np.array([True] * 4 + [False, True])), "take.json")
    assert_frames(placed, 5)
    assert placed.notes == (
        "1 of 6 times were repeated; 1 row was left out.",
        "1 of 5 frames have no face and were filled in (3).",
    )


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
