# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyed weights are shares of the displacement's energy."""

import numpy as np
import pytest
from affekt.shared.limits import MAX_EMOTION_WEIGHT
from affekt.sidecar.modulation.strength import amplitudes
from hypothesis import given, settings
from hypothesis import strategies as st


def alone(emotion: int, values: np.ndarray) -> np.ndarray:
    """(T, 6) rows with one emotion in them."""
    rows = np.zeros((len(values), 6), np.float32)
    rows[:, emotion] = values
    return rows


def test_amplitudes_of_a_mixture_by_hand():
    """Largest 0.4: 0.4 sqrt(1.01 / 0.41) = 0.627811; the others by the same 1.569527."""
    found = amplitudes(np.array([[0.1, 0, 0.4, 0, 0.3, 0]], np.float32))
    np.testing.assert_allclose(found, [[0.156953, 0, 0.627811, 0, 0.470858, 0]], atol=2e-6)


def test_nothing_stays_nothing_and_one_stays_one():
    assert not amplitudes(np.zeros((3, 6), np.float32)).any()
    np.testing.assert_allclose(amplitudes(np.eye(6, dtype=np.float32)), np.eye(6))
    assert amplitudes(np.zeros((0, 6), np.float32)).shape == (0, 6)


@pytest.mark.parametrize("weight", [0.25, 0.5, 0.75, 1.0, 1.25, 1.5])
def test_the_square_of_an_amplitude_is_the_weight_within_ten_percent(weight: float):
    found = amplitudes(alone(3, np.array([weight])))[0, 3]
    assert found**2 == pytest.approx(weight, rel=0.1)
    assert found < 1.3  # the strongest program of the training


@pytest.mark.parametrize("emotion", range(6))
def test_amplitudes_rise_with_the_weight_without_jumps(emotion: int):
    keyed = np.linspace(0, MAX_EMOTION_WEIGHT, 6001)
    found = amplitudes(alone(emotion, keyed))[:, emotion].astype(float)
    slope = np.diff(found) / np.diff(keyed)
    assert slope.min() > 0
    assert slope[0] < 30  # a bare root would be 63 over the first step
    assert slope[0] == pytest.approx(slope[1], rel=0.05)


def test_the_slope_at_nothing():
    """sqrt(1.01 / 0.01) = 10.0499."""
    found = amplitudes(alone(2, np.array([1e-6])))[0, 2]
    assert found / 1e-6 == pytest.approx(10.0499, rel=1e-3)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), share=st.floats(0.05, 1))
def test_a_mixture_keeps_its_direction(seed: int, share: float):
    keyed = np.random.default_rng(seed).random((1, 6)).astype(np.float32) * np.float32(share)
    found = amplitudes(keyed)
    np.testing.assert_allclose(found / found.max(), keyed / keyed.max(), atol=1e-6)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), start=st.integers(0, 99), length=st.integers(1, 50))
def test_any_range_has_the_bits_of_the_whole(seed: int, start: int, length: int):
    keyed = np.random.default_rng(seed).uniform(0, 1.5, (100, 6)).astype(np.float32)
    keyed[::3, 1:] = 0
    keyed[::7] = 0
    part = slice(start, start + length)
    assert amplitudes(keyed[part]).tobytes() == amplitudes(keyed)[part].tobytes()
