# SPDX-License-Identifier: GPL-3.0-or-later
"""The same places on the open head and on another mesh with its shapes."""

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES, Motion, make_motion
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.effects import landmark_places
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation.emotion_strength import energies, landmark_motion
from affekt.sidecar.lab.evaluation.measured_face import MeasuredFace, measure_face
from affekt.sidecar.motion.adapter import to_open
from fakes.disguise import SCALE, in_disguise

OPEN = read_head("open")
LEFT_CORNER, RIGHT_CORNER = 54, 48
"""iBUG's numbers; the head's left is towards +x."""


def arkit(**weights: float) -> Motion:
    """A face at rest, then one that shows the weights."""
    expression = np.zeros((2, 100), np.float32)
    for name, weight in weights.items():
        expression[1:, ARKIT_NAMES.index(name)] = weight
    return make_motion(expression=expression, fps=30.0, space="arkit")


def avatar_of(surface, count: int = 1) -> Avatar:
    return Avatar(
        name="someone",
        surface=surface,
        binding="none" if surface is None else "vertex",
        anchors=np.zeros(count, np.int32),
        offsets=np.zeros((count, 3), np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.full((count, 3), 0.001, np.float32),
        opacities=np.ones(count, np.float32),
        colours=np.full((count, 3), 0.5, np.float32),
        follow="turn",
    )


@pytest.fixture(scope="module")
def face() -> MeasuredFace:
    return measure_face(OPEN, OPEN)


@pytest.fixture(scope="module")
def disguised() -> MeasuredFace:
    return measure_face(avatar_of(in_disguise(OPEN)[0]), OPEN)


def moved(face: MeasuredFace, motion: Motion) -> np.ndarray:
    """(51, 3) landmarks' motion from the first frame to the last, shares of the height."""
    positions = face.positions(motion)
    return landmark_motion(positions[-1:], positions[:1], face)[0]


def row(landmark: int) -> int:
    return landmark - 17


def test_the_open_heads_height_and_lips(face: MeasuredFace):
    assert 0.095 < face.height_m < 0.115
    rest = face.positions(to_open(arkit(), OPEN, None))
    np.testing.assert_allclose(face.gap_mm(rest), 0, atol=1e-3)
    dropped = face.positions(to_open(arkit(jawOpen=0.5), OPEN, None))
    assert 10 < face.gap_mm(dropped)[1] < 25


def test_one_sided_shapes_move_their_own_side(face: MeasuredFace):
    smile = moved(face, to_open(arkit(mouthSmileLeft=0.8), OPEN, None))
    left, right = smile[row(LEFT_CORNER)], smile[row(RIGHT_CORNER)]
    assert left[1] > 0.04
    assert left[0] > 0.01
    assert np.linalg.norm(right) < 0.2 * np.linalg.norm(left)
    assert np.linalg.norm(smile[:10], axis=1).max() < 0.02  # the brows


def test_the_upper_lip_stays_when_the_jaw_drops(face: MeasuredFace):
    dropped = moved(face, to_open(arkit(jawOpen=0.5), OPEN, None))
    upper, lower = dropped[row(62)], dropped[row(66)]
    assert lower[1] < -0.08
    assert np.linalg.norm(upper) < 0.3 * np.linalg.norm(lower)


def test_turns_of_the_head_are_not_measured(face: MeasuredFace):
    turned = to_open(arkit(), OPEN, None)
    rotation = np.array([[0, 0, 0], [0, 0.5, 0]], np.float32)
    shaken = make_motion(
        expression=turned.expression, rotation=rotation, neck=rotation, fps=30.0, space="open"
    )
    positions = face.positions(shaken)
    np.testing.assert_array_equal(positions[0], positions[1])


def test_another_mesh_with_the_same_shapes_moves_as_far(
    face: MeasuredFace, disguised: MeasuredFace
):
    # It is larger by SCALE, in y most, and so is its height: along y the shares are the same.
    assert disguised.height_m == pytest.approx(SCALE[1] * face.height_m, rel=0.02)
    for weights in ({"mouthSmileLeft": 0.8}, {"browInnerUp": 1.0}, {"mouthFrownRight": 1.0}):
        here = moved(face, to_open(arkit(**weights), OPEN, None))[:, 1]
        there = moved(disguised, arkit(**weights))[:, 1]
        assert np.linalg.norm(here - there) < 0.15 * np.linalg.norm(here), weights


def test_energies_of_another_mesh_grow_with_the_square(disguised: MeasuredFace):
    positions = disguised.positions(arkit(mouthSmileLeft=0.5))
    half = energies(positions[1:], positions[:1], disguised)
    positions = disguised.positions(arkit(mouthSmileLeft=1.0))
    whole = energies(positions[1:], positions[:1], disguised)
    assert whole / half == pytest.approx(4, rel=0.01)


def test_landmarks_lie_where_they_are_named():
    places = landmark_places(OPEN)
    assert places.shape == (68, 3)
    assert places[LEFT_CORNER, 0] > 0.015 > -0.015 > places[RIGHT_CORNER, 0]
    assert places[8, 1] < places[LEFT_CORNER, 1] < places[30, 1] < places[21, 1]


def test_what_has_no_face_is_refused():
    with pytest.raises(InputError) as caught:
        measure_face(avatar_of(None), OPEN)
    assert caught.value.code == "avatar.regions"
