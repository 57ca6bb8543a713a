# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations as six numbers, matrices, angles: round trips, and that what is none is refused."""

import io
import json

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import make_motion
from affekt.shared.take_files import encode_livelink, yaw_pitch_roll_of
from affekt.sidecar.motion import rotations
from affekt.sidecar.motion.read import decode_motion
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation


def vectors(seed: int, largest: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    axes = rng.normal(size=(50, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    return axes * rng.uniform(0, largest, (50, 1))


@given(seed=st.integers(0, 999), largest=st.sampled_from([1e-9, 1e-3, 0.5, 3.14]))
@settings(max_examples=40)
def test_axis_angle_to_six_numbers_and_back(seed: int, largest: float) -> None:
    wanted = vectors(seed, largest)
    six = Rotation.from_rotvec(wanted).as_matrix()[:, :2].reshape(-1, 6)
    stretched = six * np.repeat([[0.5, 2.0]], 3, 1)
    matrix = rotations.matrix_from_six(stretched, "jaw", "take")
    found = Rotation.from_matrix(matrix).as_rotvec()
    np.testing.assert_allclose(found, wanted, atol=1e-7)


def test_matrices_agree_with_the_head_models(request: pytest.FixtureRequest) -> None:
    import torch
    from affekt.sidecar.head.forward import matrix_from_axis_angle

    some = vectors(3, 3.1)
    matrix = matrix_from_axis_angle(torch.from_numpy(some)).numpy()
    six = matrix[:, :2].reshape(-1, 6)
    np.testing.assert_allclose(rotations.matrix_from_six(six, "jaw", "take"), matrix, atol=1e-7)


def test_half_turns_are_stable() -> None:
    """A camera that sees the head turned by pi about each axis."""
    turns = np.pi * np.eye(3)
    rest = np.diag([-1.0, 1, -1])
    camera = (rest @ Rotation.from_rotvec(turns).as_matrix()).transpose(0, 2, 1)
    found, _ = rotations.head_from_camera(camera, np.zeros((3, 3)))
    np.testing.assert_allclose(np.abs(found), turns, atol=1e-7)


def test_a_camera_that_sees_a_head_turned_by_hand() -> None:
    """x_camera = x @ R + T, x to the picture's left, z away. A head that looks into the camera has
    R = diag(-1, 1, -1); one that is turned by 30 degrees about its y has R = Ry(30)^T of that."""
    half, root = 0.5, np.sqrt(0.75)
    yaw = [[-root, 0, half], [0, 1, 0], [-half, 0, -root]]
    pitch = [[-1, 0, 0], [0, root, -half], [0, -half, -root]]
    place = np.array([[0.1, 0.2, 0.5], [-0.3, 0.4, 0.6]])
    turn, translation = rotations.head_from_camera(np.array([yaw, pitch]), place)
    np.testing.assert_allclose(turn, [[0, np.pi / 6, 0], [np.pi / 6, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(translation, [[-0.1, 0.2, -0.5], [0.3, 0.4, -0.6]])


def test_of_composed_rotations_the_last_acts_first() -> None:
    """A quarter about x brings y to z, where one about z leaves it; the other way round y goes to
    -x, and stays there."""
    about_x, about_z = np.pi / 2 * np.array([[1.0, 0, 0]]), np.pi / 2 * np.array([[0, 0, 1.0]])
    for order, wanted in (([about_z, about_x], [0, 0, 1]), ([about_x, about_z], [-1, 0, 0])):
        turn = Rotation.from_rotvec(rotations.compose(order))
        np.testing.assert_allclose(turn.apply([0, 1, 0]), [wanted], atol=1e-12)


def test_six_numbers_are_the_first_two_rows() -> None:
    quarter = rotations.matrix_from_six(np.array([[0.0, -1, 0, 1, 0, 0]]), "jaw", "take")
    turn = Rotation.from_matrix(quarter).as_rotvec()
    np.testing.assert_allclose(turn, [[0, 0, np.pi / 2]])


@given(seed=st.integers(0, 99))
@settings(max_examples=20)
def test_yaw_pitch_roll_round_trip(seed: int) -> None:
    wanted = vectors(seed, 1.2)
    angles = yaw_pitch_roll_of(wanted)
    np.testing.assert_allclose(rotations.axis_angle_from_yaw_pitch_roll(angles), wanted, atol=1e-7)


def test_a_head_that_looks_into_the_camera_is_not_turned() -> None:
    rest = np.diag([-1.0, 1, -1])[None]
    turn, place = rotations.head_from_camera(rest, np.array([[0.1, 0.2, 1.0]]))
    np.testing.assert_allclose(turn, np.zeros((1, 3)), atol=1e-12)
    np.testing.assert_allclose(place, [[-0.1, 0.2, -1]])


@pytest.mark.parametrize(
    "six", [[0] * 6, [1, 0, 0, 2, 0, 0], [np.nan] * 6, [np.inf, 0, 0, 0, 1, 0]]
)
def test_numbers_that_are_no_rotation_are_refused(six: list[float]) -> None:
    with pytest.raises(InputError) as caught:
        rotations.matrix_from_six(np.array([[1, 0, 0, 0, 1, 0], six], float), "jaw", "take")
    assert caught.value.code == "motion.rotation"
    assert caught.value.message == "In take, jaw holds numbers that are no rotation."


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), 2 * np.eye(3), np.diag([1, 1, -1.0])])
def test_matrices_that_are_no_rotation_are_refused(matrix: np.ndarray) -> None:
    with pytest.raises(InputError) as caught:
        rotations.check_rotation(matrix[None], "camera", "take")
    assert caught.value.code == "motion.rotation"


YAW, PITCH, ROLL = 0.1, -0.25, 0.4
TURNED = [-0.2266435, 0.1481639, 0.4100732]
"""Axis-angle of Ry(0.1) Rx(-0.25) Rz(0.4), multiplied by hand."""


def table_with_angles() -> bytes:
    lines = ["time,headRoll,jawOpen,headYaw,cheekPuff,headPitch,mouthPucker"]
    lines += [f"{i / 25},{ROLL},0.1,{YAW},0,{PITCH},0" for i in range(4)]
    return "\n".join(lines).encode()


def json_with_angles(layout: str) -> bytes:
    weights = {"jawOpen": 0.1, "cheekPuff": 0.0, "mouthPucker": 0.0}
    among = {"HeadRoll": ROLL, "HeadYaw": YAW, "HeadPitch": PITCH}
    frame: dict[str, object] = {
        "among": {"blendShapes": weights | among},
        "beside": {"blendShapes": weights, **among},
        "head": {"blendShapes": weights, "head": {"roll": ROLL, "yaw": YAW, "pitch": PITCH}},
        "flat": weights | {"headRoll": ROLL, "headYaw": YAW, "headPitch": PITCH},
        "axis-angle": {"blendShapes": weights, "rotation": TURNED},
    }[layout]
    return json.dumps({"fps": 25, "frames": [frame] * 4}).encode()


def columns_with_angles() -> bytes:
    names = {"HeadRoll": ROLL, "jawOpen": 0.1, "HeadYaw": YAW, "cheekPuff": 0, "HeadPitch": PITCH}
    columns = {name: [value] * 4 for name, value in (names | {"mouthPucker": 0}).items()}
    return json.dumps({"fps": 25} | columns).encode()


def array_with_angles() -> bytes:
    values = np.zeros((4, 61))
    values[:, 52:55] = YAW, PITCH, ROLL
    values[:, 55:] = 0.7  # the eyes' angles
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        table_with_angles(),
        *(json_with_angles(x) for x in ("among", "beside", "head", "flat", "axis-angle")),
        columns_with_angles(),
        array_with_angles(),
    ],
    ids=["table", "among", "beside", "head", "flat", "axis-angle", "columns", "array"],
)
def test_each_of_three_angles_turns_its_own_way_in_every_layout(data: bytes) -> None:
    motion = decode_motion(data, "take")
    assert len(motion) == 4
    np.testing.assert_allclose(motion.rotation, [TURNED] * 4, atol=1e-6)


def test_live_links_columns_of_a_turn() -> None:
    take = make_motion(expression=np.zeros((2, 100)), rotation=[TURNED] * 2, fps=60, space="arkit")
    cells = encode_livelink(take).decode().split("\r\n")[1].split(",")
    np.testing.assert_allclose([float(c) for c in cells[54:57]], [YAW, PITCH, ROLL], atol=1e-6)


def test_one_mirror_among_turns_is_refused() -> None:
    turns = np.stack([np.eye(3), np.diag([1.0, 1.0, -1.0]), np.eye(3)])
    with pytest.raises(InputError) as caught:
        rotations.check_rotation(turns, "head", "take.json")
    assert caught.value.code == "motion.rotation"


def test_a_turn_comes_after_the_one_that_it_turns() -> None:
    """A quarter about x, then one about z: x goes to y, y to z and z to x, which is a third of a
    circle about what lies between the three."""
    about_z = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    turned = rotations.turn_by(about_z, np.array([[np.pi / 2, 0, 0]]))
    third = 2 * np.pi / 3 / np.sqrt(3)
    np.testing.assert_allclose(turned, [[third, third, third]], atol=1e-9)
