# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that are uneven, repeated or out of order."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.raw_take import Clock, RawTake
from affekt.sidecar.motion.timeline import place
from fakes.clocks import assert_frames, at, code, take, uneven
from hypothesis import given, settings
from hypothesis import strategies as st


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


@pytest.mark.parametrize(
    ("rate", "common"), [(31.5, 30), (17.6, 20), (8.4, 8), (8.7, 9), (300.4, 300)]
)
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


@pytest.mark.parametrize(
    "seen", [10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240]
)
def test_rates_that_cameras_have(seen: int) -> None:
    steps = np.repeat([0.8, 1.2, 0.8, 1.6], 50) / (seen * 0.985)
    times = np.append(0, np.cumsum(steps))
    assert place(take(range(201), at(times, 1.0)), "take.json").fps == seen


@pytest.mark.parametrize(
    ("fps", "frames"), [(25.0, 217), (38.0, 329), (42.0, 201), (17.0, 148), (15.0, 201)]
)
def test_uneven_times_far_from_a_persons_rate_mean_nothing(fps: float, frames: int) -> None:
    placed = place(uneven(), "take.json", fps)
    assert placed.fps == fps
    assert len(placed.rows["expression"]) == frames
    assert bool(placed.notes) == (frames != 201)


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


def test_numbers_out_of_order_are_sorted() -> None:
    rows = np.array([0, 1, 3, 2, 4, 7, 6, 8])
    placed = place(take(rows, Clock(numbers=rows), 25.0), "take.json")
    assert_frames(placed, 9)
    assert placed.notes == (
        "Some rows were out of order and were sorted by time.",
        "1 of 9 frames were missing and were filled in (5).",
    )


def test_times_in_disorder_mean_nothing_beside_a_persons_rate() -> None:
    disorder = at(np.tile([0.0, 40, 20, 60, 30, 10], 10) + np.repeat(np.arange(10) * 70.0, 6))
    placed = place(take(range(60), disorder), "take.json", 30.0)
    assert (len(placed.rows["expression"]), placed.notes) == (60, ())
    np.testing.assert_allclose(placed.rows["expression"][:, 0], np.arange(60))


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


@pytest.mark.parametrize(
    ("times", "said"),
    [([0.0, 0.1, 0.2, 0.3, 5.0, 0.0, 0.4], "go back at row 5"), ([7.0] * 9, "stand still")],
)
def test_where_times_go_back_is_said(times: list[float], said: str) -> None:
    with pytest.raises(InputError) as caught:
        place(take(range(len(times)), at(times)), "take.json")
    assert caught.value.message.startswith(f"The times of take.json {said}, so they do not say")


def test_of_rows_with_one_number_the_first_in_the_file_counts_though_others_are_sorted() -> None:
    """Forty frames of which every fifth stands twice, the second time with something else in it."""
    numbers, values = [], []
    for frame in range(40):
        numbers += [frame] * (2 if frame and frame % 5 == 0 else 1)
        values += [frame, 900 + frame][: 2 if frame and frame % 5 == 0 else 1]
    numbers[2], numbers[3], values[2], values[3] = 3, 2, 3, 2
    placed = place(take(values, Clock(numbers=np.array(numbers)), 25.0), "take.json")
    assert_frames(placed, 40)
    assert placed.notes == (
        "Some rows were out of order and were sorted by time.",
        "7 of 47 times were repeated; 7 rows were left out.",
    )


def test_numbers_go_with_their_rows_where_coarse_times_are_sorted() -> None:
    """Two rows of the same second have changed their places; the times say whole seconds."""
    numbers = np.arange(100)
    numbers[[23, 24]] = 24, 23  # across a second's end
    clock = Clock(times=(numbers // 24 / 5).astype(float), numbers=numbers, unit_s=1.0)
    placed = place(take(numbers, clock), "take.json")
    assert len(placed.rows["expression"]) == 100
    np.testing.assert_allclose(placed.rows["expression"][:, 0], np.arange(100))
    assert placed.notes[0] == "Some rows were out of order and were sorted by time."
