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


def test_curves_by_their_numbers():
    """IEC 61966-2-1; the straight part ends at 0.04045 and at 0.0031308."""
    np.testing.assert_allclose(
        srgb_to_linear(np.array([0.02, 0.04045, 0.2, 0.8, 1.2])),
        [0.001548, 0.0031308, 0.033105, 0.603827, 1.516837],
        atol=2e-6,
    )
    np.testing.assert_allclose(
        linear_to_srgb(np.array([0.001, 0.0031308, 0.18, 0.5])),
        [0.01292, 0.04045, 0.461356, 0.735357],
        atol=2e-6,
    )


def test_three_colours_stay_apart_and_what_lies_outside_is_cut():
    """A pixel that is half covered, one that is too bright and too dark, and one of nothing."""
    rgba = np.array([[[0.1, 0.05, 0.25, 0.5], [2, -1, 0.5, 1], [0.3, 0.2, 0.1, 0]]], np.float32)
    assert straight_srgb(rgba).tolist() == [[[124, 89, 188, 128], [255, 0, 188, 255], [0, 0, 0, 0]]]
    laid = over(rgba[:, :1], (1.0, 0.5, 0.0))
    # 0.6, 0.05 + 0.107 and 0.25 of light.
    np.testing.assert_allclose(laid, [[[203, 110, 137]]], atol=1)
    clear = np.zeros((1, 1, 4), np.float32)
    np.testing.assert_allclose(over(clear), [[[230, 230, 231]]], atol=1)


def test_negative_light_is_black():
    colour = np.array([[[-0.2, 0.2, 0.6, 9]]], np.float32)
    light = linear_light(colour, np.full((1, 1), 0.4, np.float32)).run()
    np.testing.assert_allclose(light, [[[0, 0.4 * 0.214041, 0.4 * 2.537, 0.4]]], atol=2e-3)
