# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves without Blender: what holds for any keys (tests/addon compares with Blender itself)."""

import numpy as np
from affekt.shared import curves
from hypothesis import given, settings
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
