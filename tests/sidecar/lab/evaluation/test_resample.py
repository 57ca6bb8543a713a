# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums over sums, and how sure they are."""

import math

import numpy as np
import pytest
from affekt.sidecar.lab.evaluation.resample import by_performance, make_resampler


def test_sums_are_kept_by_performance():
    shares = np.array([[1.0, 2], [3, 4], [5, 6]])
    sums = by_performance(shares, np.array([0, 2, 0]), 3)
    assert np.array_equal(sums, [[6, 8], [0, 0], [3, 4]])


def test_a_share_is_of_all_frames_and_not_a_mean_of_shares():
    shares = np.array([[1.0, 1], [0, 99]])
    assert make_resampler(2, 0).estimate(shares).value == pytest.approx(0.01)


def test_the_error_of_a_mean_is_the_known_one():
    values = np.random.default_rng(0).normal(5, 2, 400)
    estimate = make_resampler(400, 1).estimate(np.stack([values, np.ones(400)], 1))
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.error == pytest.approx(values.std() / 20, rel=0.1)
    assert estimate.low < estimate.value < estimate.high


def test_what_goes_together_is_compared_surely():
    values = np.random.default_rng(0).uniform(1, 9, 50)
    shares = np.stack([values, np.ones(50)], 1)
    half = np.stack([values / 2, np.ones(50)], 1)
    ratio = make_resampler(50, 1).compare(half, shares)
    assert ratio.value == pytest.approx(0.5)
    assert ratio.error == pytest.approx(0, abs=1e-9)


def test_nothing_counted_is_unknown():
    estimate = make_resampler(3, 0).estimate(np.zeros((3, 2)))
    assert math.isnan(estimate.value)
    assert math.isnan(estimate.error)
