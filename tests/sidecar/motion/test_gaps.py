# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames without a face or without a row: never zeros, never closed up."""

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.gaps import describe, interpolate
from affekt.sidecar.motion.raw_take import Clock, RawTake
from affekt.sidecar.motion.timeline import Placed, place
from hypothesis import given
from hypothesis import strategies as st


def take(levels: np.ndarray, seen: np.ndarray | None = None, **rows: np.ndarray) -> RawTake:
    expression = np.repeat(np.asarray(levels, np.float64)[:, None], 100, 1)
    return RawTake(rows={"expression": expression, **rows}, space="flame2020", seen=seen, fps=30.0)


def levels_of(placed: Placed) -> np.ndarray:
    return placed.rows["expression"][:, 0]


def test_a_short_gap_is_a_straight_line() -> None:
    seen = np.array([True, True, False, False, False, True])
    placed = place(take(np.array([0.1, 0.2, 9, 9, 9, 0.6]), seen), "take")
    np.testing.assert_allclose(levels_of(placed), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert placed.notes == ("3 of 6 frames have no face and were filled in (2-4).",)


def test_a_long_gap_holds_the_face_until_half_a_second_before_the_next() -> None:
    placed = place(
        RawTake(
            rows={"expression": np.repeat([[0.2], [0.8]], 100, 1)},
            space="flame2020",
            clock=Clock(numbers=np.array([0, 90])),
        ),
        "take",
    )
    levels = levels_of(placed)
    assert (levels[:76] == 0.2).all()
    np.testing.assert_allclose(levels[[80, 85, 90]], [0.4, 0.6, 0.8])
    assert placed.notes[-2:] == (
        "89 of 91 frames were missing and were filled in (1-89).",
        "The longest gap is 3.0 s, over which the face is held.",
    )


def test_the_ends_hold_the_nearest_face() -> None:
    seen = np.array([False, False, True, True, False])
    placed = place(take(np.array([0, 0, 0.3, 0.4, 0]), seen), "take")
    np.testing.assert_array_equal(levels_of(placed), [0.3, 0.3, 0.3, 0.4, 0.4])
    assert placed.notes == ("3 of 5 frames have no face and were filled in (0-1, 4).",)


def test_rows_of_nan_have_no_face_and_single_values_are_filled() -> None:
    raw = take(np.array([0.0, np.nan, 0.2, 0.3]))
    expression = raw.rows["expression"]
    expression[2, 7] = np.nan
    placed = place(raw, "take")
    np.testing.assert_allclose(levels_of(placed), [0, 0.1, 0.2, 0.3])
    assert placed.rows["expression"][2, 7] == pytest.approx(0.2)
    assert placed.notes[1] == "1 value was missing and filled in from the frames around."


def test_a_row_of_nan_has_no_face_whatever_the_file_says() -> None:
    seen = np.array([True, True, False, True, True])
    placed = place(take(np.array([0.1, np.nan, 0.9, 0.4, 0.2]), seen), "take")
    np.testing.assert_allclose(levels_of(placed), [0.1, 0.2, 0.3, 0.4, 0.2])
    assert placed.notes == ("2 of 5 frames have no face and were filled in (1-2).",)


def test_a_take_without_any_face_is_refused() -> None:
    for raw in (take(np.zeros(5), np.zeros(5, bool)), take(np.full(5, np.nan))):
        with pytest.raises(InputError) as caught:
            place(raw, "take")
        assert caught.value.code == "motion.no_face"


def test_a_column_without_a_number_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        place(take(np.zeros(5), jaw=np.full((5, 3), np.nan)), "take")
    assert caught.value.code == "motion.not_finite"


def test_turns_go_the_short_way_round() -> None:
    raw = take(
        np.zeros(3),
        np.array([True, False, True]),
        rotation=np.array([[0, 3.1, 0], [0, 0, 0], [0, -3.1, 0]]),
    )
    turns = place(raw, "take").rows["rotation"]
    np.testing.assert_allclose(np.abs(turns[1]), [0, np.pi, 0], atol=1e-6)
    np.testing.assert_array_equal(turns[2], [0, -3.1, 0])


@given(
    places=st.sets(st.integers(0, 300), min_size=1, max_size=40),
    fps=st.floats(5, 240),
    seed=st.integers(0, 99),
)
def test_known_frames_keep_their_bits_and_others_stay_between(
    places: set[int], fps: float, seed: int
) -> None:
    known = np.array(sorted(places), np.float64)
    values = np.random.default_rng(seed).normal(0, 1, (len(known), 2)).astype(np.float32)
    at = np.arange(310, dtype=np.float64)
    out = interpolate(known, values, at, fps)
    np.testing.assert_array_equal(out[known.astype(int)].astype(np.float32), values)
    assert (out >= values.min(0) - 1e-6).all()
    assert (out <= values.max(0) + 1e-6).all()


def test_ranges_of_frames() -> None:
    marked = np.zeros(40, bool)
    marked[[3, *range(20, 25)]] = True
    assert describe(marked) == "3, 20-24"
    assert describe(np.arange(40) % 2 == 0) == "0, 2, 4, 6, 8, 10, ..."


@pytest.mark.parametrize(("gap", "levels"), [(25, [0.4, 0.8]), (26, [0.0, 7 / 12.5])])
def test_a_gap_of_a_second_is_the_longest_straight_line(gap: int, levels: list[float]) -> None:
    """At 25 frames a second; beyond, the last half second alone moves."""
    out = interpolate(
        np.array([0.0, gap]), np.array([[0.0], [1.0]]), np.array([10.0, 20 + gap - 25.0]), 25.0
    )
    assert out[0, 0] == pytest.approx(levels[0])
    if gap == 26:
        late = interpolate(np.array([0.0, 26]), np.array([[0.0], [1.0]]), np.array([20.5]), 25.0)
        assert late[0, 0] == pytest.approx(levels[1])
    else:
        assert out[1, 0] == pytest.approx(levels[1])


def test_a_value_fills_from_the_rows_own_times() -> None:
    """Rows at 0, 1 and 4 frames: the middle one lies at a quarter, not at the half."""
    raw = RawTake(
        rows={"expression": np.repeat([[0.0], [0.0], [0.8]], 100, 1)},
        space="flame2020",
        clock=Clock(numbers=np.array([0, 1, 4])),
    )
    raw.rows["expression"][1, 7] = np.nan
    out = place(raw, "take").rows["expression"]
    np.testing.assert_allclose(out[:, 7], [0, 0.2, 0.4, 0.6, 0.8])
    np.testing.assert_allclose(out[:, 6], [0, 0, 0.8 / 3, 1.6 / 3, 0.8])


def test_each_kind_of_turn_goes_the_short_way_and_places_do_not() -> None:
    raw = take(
        np.zeros(3),
        np.array([True, False, True]),
        **{
            key: np.array([[0.2, 3.0, 0], [0, 0, 0], [0.2, -3.0, 0]])
            for key in ("rotation", "neck", "jaw", "translation")
        },
        eyes=np.array([[0, 3.0, 0, 0.1, 0, 0], [0] * 6, [0, -3.0, 0, 0.3, 0, 0]]),
    )
    out = place(raw, "take").rows
    for key in ("rotation", "neck", "jaw"):
        assert np.linalg.norm(out[key][1]) > 3.0
    np.testing.assert_allclose(out["translation"][1], [0.2, 0, 0], atol=1e-12)
    assert abs(out["eyes"][1, 1]) == pytest.approx(np.pi)
    np.testing.assert_allclose(out["eyes"][1, 3:], [0.2, 0, 0])


def test_up_to_six_ranges_are_shown() -> None:
    assert describe(np.arange(11) % 2 == 0) == "0, 2, 4, 6, 8, 10"
    assert describe(np.arange(12) % 2 == 1) == "1, 3, 5, 7, 9, 11"
    assert describe(np.array([True, True, False, True])) == "0-1, 3"


def test_a_row_that_the_file_calls_faceless_counts_though_it_has_numbers() -> None:
    seen = np.array([True, True, False, True])
    placed = place(take(np.array([0.1, 0.2, 0.9, 0.4]), seen), "take")
    np.testing.assert_allclose(levels_of(placed), [0.1, 0.2, 0.3, 0.4])
    blank = take(np.array([0.1, np.nan, 0.9, 0.4]), np.array([True, True, False, True]))
    np.testing.assert_allclose(levels_of(place(blank, "take")), [0.1, 0.2, 0.3, 0.4])
