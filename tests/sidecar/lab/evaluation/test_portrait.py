# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured of an avatar made from a photo."""

import numpy as np
import pytest
from affekt.sidecar.lab.evaluation.portrait import open_share, psnr_db, ssim_map


def test_noise_of_a_tenth_is_twenty_decibels() -> None:
    one = np.full((40, 40, 3), 0.5, np.float32)
    assert psnr_db(one, one + np.float32(0.1)) == pytest.approx(20, abs=1e-3)


def test_a_picture_is_itself_and_not_its_negative() -> None:
    one = np.random.default_rng(0).random((60, 50)).astype(np.float32)
    np.testing.assert_allclose(ssim_map(one, one), 1, atol=1e-4)
    assert ssim_map(one, 1 - one).mean() < 0
    # A constant 0.2 against 0.6: only the luminance differs.
    flat = ssim_map(np.full((30, 30), 0.2, np.float32), np.full((30, 30), 0.6, np.float32))
    assert flat[15, 15] == pytest.approx((2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4), abs=2e-3)


def test_a_hole_is_seen_through_and_an_outline_is_not() -> None:
    alpha = np.zeros((100, 100), np.float32)
    alpha[20:80, 20:80] = 1
    assert open_share(alpha) == 0
    alpha[40:44, 50:55] = 0.9
    inner = 60 - 12  # off the edge by 6 pixels on each side
    assert open_share(alpha) == pytest.approx(20 / inner**2)
    assert open_share(np.zeros((50, 50), np.float32)) == 1
