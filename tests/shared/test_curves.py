# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves without Blender: what holds for any keys (tests/addon compares with Blender itself)."""

import itertools

import numpy as np
import pytest
from affekt.shared import curves, limits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_KEYS = st.dictionaries(
    st.integers(0, 300), st.floats(0, 1.5, allow_subnormal=False), min_size=2, max_size=20
)


def arrays(keys: dict) -> tuple[np.ndarray, np.ndarray]:
    places = np.array(sorted(keys), float)
    return places, np.array([keys[p] for p in sorted(keys)])


@given(keys=_KEYS)
@settings(max_examples=200)
def test_bezier_stays_between_neighbouring_keys(keys: dict) -> None:
    places, levels = arrays(keys)
    for i in range(len(places) - 1):
        values = curves.evaluate(
            places, levels, "bezier", np.linspace(places[i], places[i + 1], 50)
        )
        low, high = sorted(levels[i : i + 2])
        assert values.min() >= low - 1e-9
        assert values.max() <= high + 1e-9
        assert (np.diff(values) * np.sign(levels[i + 1] - levels[i]) >= -1e-9).all()


@given(
    steps=st.lists(st.floats(0.01, 30), min_size=3, max_size=60),
    levels=st.lists(st.floats(0, 1.5, allow_subnormal=False), min_size=60, max_size=60),
    rises=st.booleans(),
    several=st.sampled_from([1, 16]),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_many_stretches_at_once_are_each_alone(
    steps: list[float],
    levels: list[float],
    rises: bool,
    several: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The slow twin: each run of keys between level ones by itself, all of its keys each time."""
    monkeypatch.setattr(curves, "_SEVERAL", several)
    places = np.cumsum(steps)
    values = np.array(levels[: len(steps)])
    values = np.sort(values) if rises else values
    left, right = curves.handles(places, values)
    expected_left, expected_right = plain_handles(places, values)
    np.testing.assert_array_equal(right, expected_right)
    np.testing.assert_array_equal(left, expected_left)


def test_a_long_take_of_keys() -> None:
    """One a frame for as long as a take may be; no run of them is solved for another's sake."""
    values = np.random.default_rng(4).random(limits.MAX_FRAMES)
    places = np.arange(limits.MAX_FRAMES, dtype=float)
    left, right = curves.handles(places, values)
    for low in (0, 100_000, limits.MAX_FRAMES - 40):
        # Level keys part the runs: between the first and the last of a piece all is the same.
        piece = slice(low, low + 40)
        level = np.flatnonzero(right[piece] == 0)
        inside = slice(low + level[0], low + level[-1] + 1)
        alone = curves.handles(places[inside], values[inside])
        np.testing.assert_array_equal(left[inside], alone[0])
        np.testing.assert_array_equal(right[inside], alone[1])


@given(keys=_KEYS)
@settings(max_examples=100)
def test_bezier_has_no_corner_at_a_key(keys: dict) -> None:
    places, levels = arrays(keys)
    left, right = curves.handles(places, levels)
    width = np.diff(places)
    np.testing.assert_allclose(
        left[1:-1] / width[:-1], right[1:-1] / width[1:], rtol=1e-9, atol=1e-12
    )


def test_unbounded_handles_make_acceleration_continuous() -> None:
    places, levels = np.array([0.0, 10, 20, 30]), np.array([0, 0.4, 0.6, 1.0])
    step = 1e-3
    for key in places[1:-1]:
        around = curves.evaluate(places, levels, "bezier", key + step * np.arange(-2, 3))
        before, after = np.diff(around[:3], 2), np.diff(around[2:], 2)
        np.testing.assert_allclose(before, after, atol=1e-9)


@given(keys=_KEYS, mirrored=st.booleans())
@settings(max_examples=50)
def test_bezier_is_the_same_mirrored_and_turned_over(keys: dict, mirrored: bool) -> None:
    places, levels = arrays(keys)
    at = np.linspace(-5, 305, 100)
    plain = curves.evaluate(places, levels, "bezier", at)
    if mirrored:
        other = curves.evaluate(-places[::-1], levels[::-1], "bezier", -at)
    else:
        other = -curves.evaluate(places, -levels, "bezier", at)
    np.testing.assert_allclose(plain, other, atol=1e-9)


def test_equal_keys_are_level_and_part_what_is_before_them_from_what_is_after() -> None:
    """Up to a plateau, along it, and down in two steps: 0.2 in 10 frames, 0.3 in 20."""
    places, levels = np.array([0.0, 10, 20, 30, 50]), np.array([0, 0.5, 0.5, 0.3, 0])
    left, right = curves.handles(places, levels)
    # The one key that slopes: 2 (l + 1) h = l^2 rise + next rise, l = 20 / 10.
    slope = (4 * -0.2 - 0.3) / 6
    np.testing.assert_allclose(right, [0, 0, 0, slope, 0], atol=1e-12)
    np.testing.assert_allclose(left, [0, 0, 0, slope / 2, 0], atol=1e-12)
    along = curves.evaluate(places, levels, "bezier", np.linspace(10, 20, 7))
    np.testing.assert_allclose(along, np.full(7, 0.5), rtol=0, atol=1e-15)
    # Halfway down the last step: (p0 + 3 p1 + 3 p2 + p3) / 8.
    middle = curves.evaluate(places, levels, "bezier", np.array([40.0]))
    np.testing.assert_allclose(middle, [(0.3 + 3 * (0.3 + slope) + 0 + 0) / 8], atol=1e-12)


def test_a_handle_that_ran_too_far_is_held_and_one_held_too_early_is_let_go() -> None:
    """At first the solver holds two handles at their bounds; then the third key's is let go, since
    its neighbours, once held, pull it back. Both ways up, and the curve itself in each segment."""
    places, levels = np.array([1.0, 3, 14, 25, 34]), np.array([38.0, 74, 108, 119, 144])
    # The second key's handle is held at the next key's height, 108 - 74. The two after it obey
    # 1 * 34 + 4 h + 11/9 k = 11 + 34 and (9/11)^2 h + 40/11 k = (9/11)^2 * 11 + 25.
    h, k = np.linalg.solve([[4, 11 / 9], [81 / 121, 40 / 11]], [11.0, 81 / 121 * 11 + 25])
    expected = np.array([0, 34, h, k, 0])
    for sign in (1, -1):
        left, right = curves.handles(places, sign * levels)
        np.testing.assert_allclose(right, sign * expected, rtol=0, atol=1e-9)
        widths = np.array([1, 2 / 11, 1, 11 / 9, 1])  # of the interval before to that after
        np.testing.assert_allclose(left, sign * expected * widths, rtol=0, atol=1e-9)
    at = np.array([2.5, 14 + 11 / 3, 32.0])
    seen = curves.evaluate(places, levels, "bezier", at)
    bezier = [
        (38 + 9 * 38 + 27 * (74 - 34 * 2 / 11) + 27 * 74) / 64,
        (8 * 108 + 12 * (108 + h) + 6 * (119 - k * 11 / 9) + 119) / 27,
        (8 * 119 + 12 * 7 * (119 + k) + 6 * 49 * 144 + 343 * 144) / 729,
    ]
    np.testing.assert_allclose(seen, bezier, rtol=0, atol=1e-9)


def test_a_held_value_changes_at_its_key_and_a_line_runs_between() -> None:
    places, levels = np.array([2.0, 5, 6]), np.array([0.2, 1.0, 0.4])
    at = np.array([0, 2, 4.9, 5, 5.5, 6, 9])
    held = curves.evaluate(places, levels, "constant", at)
    np.testing.assert_array_equal(held, [0.2, 0.2, 0.2, 1.0, 1.0, 0.4, 0.4])
    line = curves.evaluate(places, levels, "linear", np.array([0, 2, 4.25, 5, 5.5, 6, 9]))
    np.testing.assert_allclose(line, [0.2, 0.2, 0.8, 1.0, 0.7, 0.4, 0.4], atol=1e-12)
    for kind in curves.INTERPOLATIONS:  # and all of them are held before and after
        ends = curves.evaluate(places, levels, kind, np.array([-7.0, 1.9, 6.1, 50]))
        np.testing.assert_allclose(ends, [0.2, 0.2, 0.4, 0.4], atol=1e-12)


# --- the slow twin -------------------------------------------------------------------------------


def plain_handles(places: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`curves.handles`, run by run."""
    rise, width = np.diff(levels), np.diff(places)
    left, right = np.zeros(len(places)), np.zeros(len(places))
    level = np.ones(len(places), bool)
    level[1:-1] = rise[:-1] * rise[1:] <= 0
    for first, last in itertools.pairwise(np.flatnonzero(level)):
        if last - first > 1:
            ratio = width[first + 1 : last] / width[first : last - 1]
            right[first + 1 : last] = _plain_smooth(rise[first:last], ratio)
            left[first + 1 : last] = right[first + 1 : last] / ratio
    return left, right


def _plain_smooth(rise: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Holds heights at their bounds until none is outside, then lets go what pulls inward."""
    n = len(ratio)
    below, middle, above = ratio**2, 2 * (ratio + 1), 1 / np.append(ratio[1:], 1.0)
    wanted = below * rise[:-1] + rise[1:]
    bound = np.where(rise[0] > 0, 1, -1) * np.minimum(np.abs(rise[1:]), np.abs(ratio * rise[:-1]))
    low, high = np.minimum(bound, 0), np.maximum(bound, 0)
    held, released = np.full(n, np.nan), np.zeros(n, int)
    heights = np.zeros(n)
    for _ in range(8 * n + 8):
        heights = _plain_solve(below, middle, above, wanted, held)
        outside = np.isnan(held) & ((heights < low) | (heights > high))
        if outside.any():
            held = np.where(outside, np.clip(heights, low, high), held)
            continue
        padded = np.pad(heights, 1)
        pull = wanted - below * padded[:-2] - above * padded[2:]
        pull -= middle * heights
        inward = ((pull > 0) & (heights < high)) | ((pull < 0) & (heights > low))
        loose = ~np.isnan(held) & inward & (released < 2)
        if not loose.any():
            break
        released += loose
        held = np.where(loose, np.nan, held)
    return heights


def _plain_solve(below, middle, above, wanted, held) -> np.ndarray:
    """Thomas' algorithm; rows with a held value are that value."""
    free = np.isnan(held)
    a, b = np.where(free, below, 0), np.where(free, middle, 1)
    c, d = np.where(free, above, 0), np.where(free, wanted, held)
    for i in range(1, len(b)):
        factor = a[i] / b[i - 1]
        b[i] -= factor * c[i - 1]
        d[i] -= factor * d[i - 1]
    for i in reversed(range(len(b))):
        d[i] = (d[i] - (c[i] * d[i + 1] if i + 1 < len(b) else 0.0)) / b[i]
    return d
