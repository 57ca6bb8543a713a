# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians in the scene's light: a gain in linear light, shadows, and the key light's strength."""

import numpy as np
import pytest
from affekt.sidecar.raster.colour import linear_to_srgb, srgb_to_linear

from .conftest import RunScript

DC = 0.28209479177387814
EXPOSURE, COLOUR = 0.8, (1.2, 0.7, 0.4)


def linear(drawn: dict) -> np.ndarray:
    """(N, 3) the colours that are drawn, without what changes with the view, in linear light."""
    return srgb_to_linear(0.5 + DC * np.array(drawn["base"])[:, :3])


@pytest.mark.one_blender
def test_light_on_splats(in_blender: RunScript, blender_python: str) -> None:
    if "bpy53" not in blender_python:
        pytest.skip("Blender draws Gaussians from 5.3 on")
    told = in_blender("splats_light.py", exposure=EXPOSURE, colour=COLOUR)
    assert told["warnings"] == []
    assert "No lamp of this scene shines" in told["dark"]
    check_gain(told)
    check_shadows(told)
    check_lamps(told)
    assert "lacks data that binds it to 'three'" in told["no_tangent"]
    assert "Import the avatar again." in told["no_tangent"]
    assert told["group_kept"]


def check_gain(told: dict) -> None:
    rest, lit = told["rest"], told["lit"]
    wanted = linear(rest) * 2**EXPOSURE * np.array(COLOUR)
    np.testing.assert_allclose(linear(lit), wanted, rtol=1e-4)
    opacities = [np.array(drawn["base"])[:, 3] for drawn in (rest, lit)]
    np.testing.assert_array_equal(*opacities)
    # A Gaussian that is seen from a side where its harmonics add 0.1 is as much brighter there.
    gain = (2**EXPOSURE * np.array(COLOUR)) ** (1 / 2.4)
    np.testing.assert_allclose(np.array(lit["sh"]), np.array(rest["sh"]) * gain, rtol=1e-5)
    assert np.abs(rest["sh"]).max() > 0.1, "there are harmonics"
    assert told["back"] == rest
    # One absolute example: a middle grey, sRGB 0.5, at half the light is sRGB 0.361.
    assert linear_to_srgb(srgb_to_linear(np.array(0.5)) / 2) == pytest.approx(0.361, abs=1e-3)


def check_shadows(told: dict) -> None:
    """The board stands before the first of the three corners, as the lamp sees them."""
    rest = linear(told["rest"])
    for name in ("shadow", "sun_shadow"):
        share = (linear(told[name]) / rest).mean(1)
        np.testing.assert_allclose(share, [0.4, 1, 1], rtol=1e-4, err_msg=name)
    for name in ("sun_beside", "behind_lamp", "no_caster"):
        np.testing.assert_allclose(linear(told[name]), rest, rtol=1e-4, err_msg=name)


def check_lamps(told: dict) -> None:
    """White in the avatar is drawn as Cycles draws a white card; twice the energy is twice that."""
    for name, (matched, card, doubled) in told["cards"].items():
        print(name, matched, card)
        np.testing.assert_allclose(matched, card, rtol=0.03, err_msg=name)
        np.testing.assert_allclose(doubled, 2 * np.array(matched), rtol=1e-4, err_msg=name)
    assert told["simple"], "drivers are evaluated without Python"
    assert told["count"] == 4
    assert told["released"] == [[1, 1, 1], 0]
    assert told["without"] <= 10, "a lamp that is gone blows nothing out"
    assert told["own_value"] == 1.5
    assert all("has a driver that is not of a lamp" in said for said in told["driven"])
    assert told["drivers"] == ["frame * 0.1"]
