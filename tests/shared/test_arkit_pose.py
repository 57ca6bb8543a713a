# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way and how far ARKit's weights turn the jaw and each eye, in plain numbers."""

import numpy as np
import pytest
from affekt.shared.arkit_pose import eye_turns, jaw_turn
from affekt.shared.motion import ARKIT_NAMES


def weights(*frames: dict[str, float]) -> np.ndarray:
    out = np.zeros((len(frames), 52), np.float32)
    for row, frame in zip(out, frames, strict=True):
        for name, value in frame.items():
            row[ARKIT_NAMES.index(name)] = value
    return out


def test_an_open_jaw_turns_down_about_x() -> None:
    turned = jaw_turn(weights({"jawOpen": 0.5, "jawLeft": 1}, {"mouthClose": 1}, {"jawOpen": 1}))
    assert turned.dtype == np.float64
    np.testing.assert_allclose(turned, [[0.2127413, 0, 0], [0, 0, 0], [0.4254826, 0, 0]], atol=1e-7)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("eyeLookDownLeft", [0.3839724, 0, 0], [0, 0, 0]),
        ("eyeLookUpLeft", [-0.2967060, 0, 0], [0, 0, 0]),
        ("eyeLookOutLeft", [0, 0.4537856, 0], [0, 0, 0]),
        ("eyeLookInLeft", [0, -0.4537856, 0], [0, 0, 0]),
        ("eyeLookDownRight", [0, 0, 0], [0.3839724, 0, 0]),
        ("eyeLookUpRight", [0, 0, 0], [-0.2967060, 0, 0]),
        ("eyeLookOutRight", [0, 0, 0], [0, -0.4537856, 0]),
        ("eyeLookInRight", [0, 0, 0], [0, 0.4537856, 0]),
        ("eyeBlinkLeft", [0, 0, 0], [0, 0, 0]),
    ],
)
def test_each_look_turns_its_own_eye(name: str, left: list[float], right: list[float]) -> None:
    """Down is a positive turn about x; the left eye looks outward with a positive turn about y."""
    turned = eye_turns(weights({name: 1.0}, {name: 0.25}))
    for eye, expected in zip(turned, (left, right), strict=True):
        assert eye.dtype == np.float64
        np.testing.assert_allclose(eye, np.array([[1.0], [0.25]]) * expected, atol=1e-7)


def test_looks_of_both_eyes_add_up() -> None:
    both = weights({"eyeLookDownLeft": 1, "eyeLookUpLeft": 0.5, "eyeLookInRight": 1})
    left, right = eye_turns(both)
    np.testing.assert_allclose(left, [[0.3839724 - 0.1483530, 0, 0]], atol=1e-7)
    np.testing.assert_allclose(right, [[0, 0.4537856, 0]], atol=1e-7)
