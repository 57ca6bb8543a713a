# SPDX-License-Identifier: GPL-3.0-or-later
"""Spellings of one name."""

from __future__ import annotations

import pytest
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.motion.weight_names import is_weight, key_of, weight_place


@pytest.mark.parametrize(
    ("spelt", "name"),
    [
        ("EyeBlinkLeft", "eyeBlinkLeft"),
        ("eye_blink_left", "eyeBlinkLeft"),
        ("eyeBlink_L", "eyeBlinkLeft"),
        ("eyeBlink.L", "eyeBlinkLeft"),
        ("eyeBlink_R", "eyeBlinkRight"),
        ("eyeBlink.r", "eyeBlinkRight"),
        ("blendShapes.eye_blink_right", "eyeBlinkRight"),
        ("a.b.EyeBlinkRight ", "eyeBlinkRight"),
        ("JAW-OPEN", "jawOpen"),
        ("jawLeft", "jawLeft"),
        ("mouth Left", "mouthLeft"),
    ],
)
def test_a_weight_in_all_its_spellings(spelt: str, name: str) -> None:
    assert is_weight(spelt)
    assert weight_place(spelt) == ARKIT_NAMES.index(name)
    assert key_of(spelt) == name.lower()


@pytest.mark.parametrize("name", ["jawOpen2", "eyeBlink", "L", "", "jaw.Open", "eyeBlinkL"])
def test_what_is_no_weight(name: str) -> None:
    assert not is_weight(name)
    assert weight_place(name) is None


def test_every_weight_has_its_place() -> None:
    assert [weight_place(name) for name in ARKIT_NAMES] == list(range(52))
