# SPDX-License-Identifier: GPL-3.0-or-later
"""sRGB there and back, and laid over paper."""

import numpy as np
import pytest
from affekt.sidecar.raster.colour import (
    linear_light,
    linear_to_srgb,
    over,
    srgb_to_linear,
    straight_srgb,
)


def test_curves_are_each_others_inverse():
    x = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(x)), x, atol=1e-6)
    assert srgb_to_linear(np.array(0.5)) == pytest.approx(0.21404, abs=1e-5)


def test_light_of_a_picture_is_the_curves():
    """By a table up to 1; above it too."""
    rng = np.random.default_rng(0)
    alpha = rng.uniform(0, 1, (5, 7)).astype(np.float32)
    alpha[0, 0] = 0
    straight = rng.uniform(0, 1.5, (5, 7, 3)).astype(np.float32)
    light = linear_light(straight * alpha[..., None], alpha).run()
    np.testing.assert_array_equal(light[..., 3], alpha)
    wanted = srgb_to_linear(straight) * alpha[..., None]
    np.testing.assert_allclose(light[..., :3], wanted, atol=1e-6)


def test_a_half_covered_pixel():
    rgba = np.array([[[0.2, 0.2, 0.2, 0.5]]], np.float32)
    np.testing.assert_array_equal(straight_srgb(rgba), [[[170, 170, 170, 128]]])
    np.testing.assert_array_equal(over(rgba, (1, 1, 1)), [[[218, 218, 218]]])
