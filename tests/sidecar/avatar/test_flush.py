# SPDX-License-Identifier: GPL-3.0-or-later
"""Blood in the skin: how much, where, how slowly, on whose skin."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.emotion import EMOTIONS, SKIN_MEMORY_S
from affekt.sidecar.avatar.flush import (
    BLOOD,
    ZONES,
    blood_gain,
    blood_of,
    blood_zones,
    flush_change,
)

FPS = 25.0
BEGINS, FRAMES = 30, 150


def weights_of(**given: float) -> np.ndarray:
    return np.array([given.get(name, 0.0) for name in EMOTIONS])


def test_blood_adds_up_over_emotions() -> None:
    """0.5 of sad and 0.25 of fear, held."""
    found = dict(
        zip(ZONES, blood_of(np.tile(weights_of(sad=0.5, fear=0.25), (4, 1)), 30.0)[3], strict=True)
    )
    wanted = {
        "cheeks": 0.5 * BLOOD["sad"]["cheeks"] + 0.25 * -0.3,
        "nose": 0.25,
        "lids": 0.35,
        "forehead": 0.0,
        "face": -0.25,
    }
    assert found == pytest.approx(wanted, abs=1e-6)


def test_blood_is_slow_and_forgets() -> None:
    emotions = np.zeros((FRAMES, 6))
    emotions[BEGINS : BEGINS + 75] = weights_of(angry=1.0)
    blood = blood_of(emotions, FPS)[:, ZONES.index("face")]
    whole = BLOOD["angry"]["face"]
    np.testing.assert_array_equal(blood[:BEGINS], 0)
    assert blood[BEGINS] < 0.01 * whole  # nothing at once
    seconds = (np.flatnonzero(blood > 0.5 * whole)[0] - BEGINS) / FPS
    assert 0.5 < seconds < 1.2, seconds
    assert blood[BEGINS + 74] == pytest.approx(whole, rel=1e-3)
    after = BEGINS + 75 + round(SKIN_MEMORY_S * FPS)
    np.testing.assert_array_equal(blood[after:], 0)
    assert (np.diff(blood[BEGINS : BEGINS + 75]) >= 0).all()
    assert (np.diff(blood[BEGINS + 75 :]) <= 0).all()


@pytest.mark.parametrize("fps", [12.0, 59.94])
def test_a_second_is_a_second_at_any_rate(fps: float) -> None:
    at = round(2 * fps)
    emotions = np.zeros((at + round(2 * fps), 6))
    emotions[at:] = weights_of(happy=1.0)
    blood = blood_of(emotions, fps)[at + round(fps) - 1, 0] / BLOOD["happy"]["cheeks"]
    assert blood == pytest.approx(0.7577, abs=0.01)


def test_the_take_begins_as_if_it_had_always_been_so() -> None:
    emotions = np.tile(weights_of(disgust=1.0), (3, 1))
    np.testing.assert_allclose(blood_of(emotions, 30.0)[:, ZONES.index("face")], -0.4, rtol=1e-6)
    assert not blood_of(np.zeros((9, 6)), 30.0).any()
    assert blood_of(emotions[:1], 0.2)[0, -1] == pytest.approx(-0.4)


def test_where_the_zones_lie() -> None:
    cheeks = [[40, -10, 40], [-40, -10, 40], [55, -10, 40]]
    behind, above = [40, -10, 2], [0, 200, 60]
    places = np.array([*cheeks, [0, -8, 90], [32, 6, 50], [0, 60, 60], behind, above])
    zones = dict(zip(ZONES, blood_zones(places / 1e3), strict=True))
    one_off = np.exp(-0.5)
    assert zones["cheeks"][:3] == pytest.approx([1, 1, one_off], abs=1e-3)
    assert zones["cheeks"][6] == 0  # behind the face
    assert zones["nose"][3] == pytest.approx(1, abs=1e-3)
    assert zones["lids"][4] == pytest.approx(1, abs=1e-3)
    assert zones["forehead"][5] == pytest.approx(1, abs=1e-3)
    assert zones["face"][[3, 7]] == pytest.approx([1, 0], abs=1e-3)
    assert zones["nose"][0] < 0.01


def test_whose_skin_shows_it() -> None:
    fair, dark, grey = (
        blood_gain(np.tile(np.float32(colour), (5, 1)))
        for colour in ((0.85, 0.65, 0.55), (0.3, 0.18, 0.12), (0.5, 0.5, 0.5))
    )
    np.testing.assert_allclose(fair, 1)
    np.testing.assert_allclose(dark, 0.4)
    np.testing.assert_array_equal(grey, 0)
    mixed = blood_gain(np.float32([[0.85, 0.65, 0.55]] * 3 + [[0.85, 0.6, 0.55]]))
    assert mixed[3] == pytest.approx(1 + 2 * np.log(0.65 / 0.6), rel=1e-5)
    assert not len(blood_gain(np.zeros((0, 3), np.float32)))


def test_the_change_of_colour() -> None:
    """Blood of 0.5 and -0.25 on two Gaussians, at strength 0.8."""
    zones = np.zeros((len(ZONES), 2), np.float32)
    zones[0, 0], zones[4, 1] = 1.0, 0.6
    found = flush_change(np.array([0.5, 0, 0, 0, -0.25]), zones, 0.8)
    np.testing.assert_allclose(found[0], [0.004, -0.044, -0.032], rtol=1e-5)
    np.testing.assert_allclose(found[1], [-0.0054, -0.00144, 0], rtol=1e-5)
    most = flush_change(np.array([3.0, 0, 0, 0, 0]), zones, 2.0)
    np.testing.assert_allclose(most[0], 1.5 * np.array([0.01, -0.11, -0.08]), rtol=1e-5)
