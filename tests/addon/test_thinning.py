# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys: what straight lines between them say stays as close as was asked."""

import numpy as np
import pytest
from affekt.addon.bake.thinning import refill, thin
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def test_corners_stay_and_straight_lines_go() -> None:
    values = np.array([[0.0], [1], [2], [3], [2.5], [2], [2], [2]])
    assert thin(values, 1e-9).tolist() == [0, 3, 5, 7]
    assert thin(values, 0.7).tolist() == [0, 3, 7]
    assert thin(values, 9).tolist() == [0, 7]
    assert refill(values, np.array([0, 3, 7]))[:, 0] == pytest.approx(
        [0, 1, 2, 3, 2.75, 2.5, 2.25, 2]
    )


def test_columns_are_thinned_together() -> None:
    values = np.zeros((5, 2))
    values[1, 0], values[3, 1] = 3, 4
    assert thin(values, 0.1).tolist() == [0, 1, 2, 3, 4]
    assert thin(values[:1], 0.1).tolist() == [0]


@given(
    arrays(np.float64, st.tuples(st.integers(1, 60), st.integers(1, 4)), elements=st.floats(-9, 9)),
    st.floats(1e-3, 5),
)
def test_no_row_is_farther_off_than_allowed(values: np.ndarray, tolerance: float) -> None:
    kept = thin(values, tolerance)
    assert kept[0] == 0
    assert kept[-1] == len(values) - 1
    off = np.linalg.norm(refill(values, kept) - values, axis=1)
    assert off.max() <= tolerance * (1 + 1e-9)
