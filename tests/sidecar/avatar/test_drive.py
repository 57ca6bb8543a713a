# SPDX-License-Identifier: GPL-3.0-or-later
"""Driving an avatar: rest is rest, the head turns and the shoulders stay, Gaussians follow."""

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.motion import ARKIT_NAMES
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.avatar.drive import (
    STRETCH_RANGE,
    animate,
    chain_rotations,
    pose_vertices,
    surface_change,
)
from affekt.sidecar.avatar.lam import decode_lam_avatar
from fakes.lam import egg, lam_bundle
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return decode_lam_avatar(lam_bundle(), "test.zip")


def wxyz(rotation: Rotation) -> np.ndarray:
    return np.roll(rotation.as_quat(), 1, -1)


def covariances(quaternions: np.ndarray, scales: np.ndarray) -> np.ndarray:
    matrix = Rotation.from_quat(np.roll(quaternions, -1, -1)).as_matrix() * scales[:, None]
    return matrix @ matrix.transpose(0, 2, 1)


@pytest.mark.parametrize("follow", [False, True])
def test_rest_is_the_bundle(avatar: Avatar, follow: bool):
    gaussians = animate(avatar, np.zeros(52), follow_surface=follow)
    np.testing.assert_allclose(gaussians.means, avatar.vertices + avatar.offsets, atol=1e-6)
    np.testing.assert_allclose(gaussians.quaternions, avatar.quaternions, atol=1e-6)
    np.testing.assert_allclose(gaussians.scales, avatar.scales, rtol=1e-6)


def test_weights_add_linearly(avatar: Avatar):
    rng = np.random.default_rng(0)
    weights = rng.random(52).astype(np.float32)
    expected = avatar.vertices + np.einsum("k,kvc->vc", weights, avatar.arkit_shapes)
    np.testing.assert_allclose(pose_vertices(avatar, weights), expected, atol=1e-6)


def test_an_unmoved_gaussian_stays(avatar: Avatar):
    weights = np.zeros(52)
    weights[ARKIT_NAMES.index("jawOpen")] = 1
    still = ~avatar.arkit_shapes[ARKIT_NAMES.index("jawOpen")].any(1)
    gaussians = animate(avatar, weights)
    rest = avatar.vertices + avatar.offsets
    np.testing.assert_allclose(gaussians.means[still], rest[still], atol=1e-6)
    assert np.abs(gaussians.means - rest)[~still].max() > 1e-3


def test_head_turns_and_shoulders_stay(avatar: Avatar):
    turn = Rotation.from_rotvec([0.1, 0.5, -0.2])
    gaussians = animate(avatar, np.zeros(52), turn.as_rotvec())
    rest = avatar.vertices + avatar.offsets
    body, head = avatar.joint_weights.sum(1) == 0, avatar.joint_weights[:, 2] == 1
    assert body.any()
    assert head.any()
    np.testing.assert_allclose(gaussians.means[body], rest[body], atol=1e-6)
    # The head moves as a rigid body that has turned by the whole.
    centred = gaussians.means[head] - gaussians.means[head].mean(0)
    expected = turn.apply(rest[head] - rest[head].mean(0))
    np.testing.assert_allclose(centred, expected, atol=1e-6)
    same = np.abs(np.sum(gaussians.quaternions[head] * wxyz(turn), 1))
    np.testing.assert_allclose(same, np.abs(avatar.quaternions[head] @ [1, 0, 0, 0]), atol=1e-5)


def test_the_chain_hangs_together(avatar: Avatar):
    """Positive turn about y: the face goes to the head's left, +x."""
    turns = chain_rotations(avatar, np.array([0, 0.8, 0]))
    angles = 2 * np.arccos(turns[:, 0])
    np.testing.assert_allclose(angles, [0.2, 0.4, 0.8], atol=1e-6)
    gaussians = animate(avatar, np.zeros(52), np.array([0, 0.8, 0]))
    nose = np.argmax(avatar.vertices[:, 2] * (avatar.joint_weights[:, 2] == 1))
    assert gaussians.means[nose, 0] > avatar.vertices[nose, 0] + 0.03


@settings(deadline=None)  # the kernels compile in the first example
@given(
    st.lists(st.floats(-1.5, 1.5), min_size=3, max_size=3),
    st.floats(0.8, 1.3),
)
def test_surface_change_of_a_rigid_motion(rotation: list[float], size: float):
    """A turned and scaled surface reports just that turn, and the scale within its range."""
    vertices, faces = egg(8, 10)
    turn = Rotation.from_rotvec(rotation)
    posed = size * turn.apply(vertices)
    quaternions, stretch = surface_change(vertices, posed, faces.astype(np.int32))
    inside = np.abs(vertices[:, 1] - 1.64) < 0.12  # the poles are pinched to slivers
    agreement = np.abs(quaternions @ wxyz(turn))
    np.testing.assert_allclose(agreement[inside], 1, atol=1e-5)
    np.testing.assert_allclose(stretch, np.clip(size, *STRETCH_RANGE), rtol=1e-5)


def test_surface_change_without_area_does_nothing():
    quaternions, stretch = surface_change(
        np.zeros((4, 3)), np.zeros((4, 3)), np.array([[0, 1, 2]], np.int32)
    )
    np.testing.assert_array_equal(quaternions, np.tile([1, 0, 0, 0], (4, 1)))
    np.testing.assert_array_equal(stretch, 1)


def test_covariance_turns_with_the_head(avatar: Avatar):
    turn = Rotation.from_rotvec([0.0, 0.6, 0.0])
    gaussians = animate(avatar, np.zeros(52), turn.as_rotvec())
    head = avatar.joint_weights[:, 2] == 1
    before = covariances(avatar.quaternions, avatar.scales)[head]
    after = covariances(gaussians.quaternions, gaussians.scales)[head]
    matrix = turn.as_matrix()
    np.testing.assert_allclose(after, matrix @ before @ matrix.T, atol=1e-10)


def test_avatar_checks_itself(avatar: Avatar):
    from dataclasses import replace

    for change, code in (
        ({"opacities": avatar.opacities[:-1]}, "avatar.shape"),
        ({"faces": avatar.faces + len(avatar.vertices)}, "avatar.shape"),
        ({"anchors": avatar.anchors - 1}, "avatar.shape"),
        ({"scales": avatar.scales * np.float32(np.nan)}, "avatar.not_finite"),
    ):
        with pytest.raises(InputError) as caught:
            replace(avatar, **change)
        assert caught.value.code == code
