# SPDX-License-Identifier: GPL-3.0-or-later
"""Axes change in one file: a rotation, exact both ways, and the same turn in either axes."""

import numpy as np
import pytest
from affekt.addon import axes
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

vectors = st.lists(st.floats(-1.7, 1.7), min_size=3, max_size=3).map(np.array)
"""Axis-angles of less than half a turn, and places."""


def test_flames_axes_lie_where_blender_wants_them() -> None:
    left, up, front = np.eye(3)
    assert axes.to_blender(left).tolist() == [1, 0, 0]
    assert axes.to_blender(up).tolist() == [0, 0, 1]
    assert axes.to_blender(front).tolist() == [0, -1, 0]  # the front view looks along +y


@given(vectors)
def test_there_and_back_is_nothing(place: np.ndarray) -> None:
    np.testing.assert_array_equal(axes.to_flame(axes.to_blender(place)), place)


@given(vectors, vectors)
def test_a_turn_is_the_same_turn(rotation: np.ndarray, place: np.ndarray) -> None:
    quaternion = axes.quaternions_from_rotations(rotation[None])[0]
    turned = Rotation.from_quat(quaternion[[1, 2, 3, 0]]).apply(axes.to_blender(place))
    expected = axes.to_blender(Rotation.from_rotvec(rotation).apply(place))
    np.testing.assert_allclose(turned, expected, atol=1e-12)


@given(vectors, st.floats(0.01, 100), st.booleans())
def test_quaternions_of_any_length_and_sign_give_the_turn_back(
    rotation: np.ndarray, length: float, flipped: bool
) -> None:
    quaternion = axes.quaternions_from_rotations(rotation[None]) * length * (-1 if flipped else 1)
    np.testing.assert_allclose(axes.rotations_from_quaternions(quaternion)[0], rotation, atol=1e-9)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, np.pi - 1e-6, np.pi])
def test_small_and_large_turns(angle: float) -> None:
    quaternion = axes.quaternions_from_rotations(np.array([[0, angle, 0]]))
    assert abs(np.linalg.norm(quaternion) - 1) < 1e-12
    back = axes.rotations_from_quaternions(quaternion)[0]
    np.testing.assert_allclose(np.abs(back), [0, angle, 0], atol=1e-9)


def test_a_zero_quaternion_is_no_turn() -> None:
    assert axes.rotations_from_quaternions(np.zeros((1, 4))).tolist() == [[0, 0, 0]]


def test_neighbouring_quaternions_stay_close() -> None:
    angle = np.linspace(-3, 9, 400)
    turns = axes.quaternions_from_rotations(np.stack([angle * 0, angle, angle * 0], 1))
    assert np.linalg.norm(np.diff(turns, axis=0), axis=1).max() < 0.1


@given(vectors)
def test_corrective_drivers_say_the_elements_of_the_rotation(rotation: np.ndarray) -> None:
    w, x, y, z = axes.quaternions_from_rotations(rotation[None])[0]
    expected = Rotation.from_rotvec(rotation).as_matrix() - np.eye(3)
    for row in range(3):
        for column in range(3):
            formula = axes.corrective_expression(row, column)
            value = eval(formula, {"w": w, "x": x, "y": y, "z": z})
            assert abs(value - expected[row, column]) < 1e-12
