# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels against their plain twin, `HeadLayer.forward`."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from affekt.shared.head import HeadModel
from affekt.sidecar.head.forward import HeadLayer, joint_transforms, matrix_from_axis_angle
from affekt.sidecar.head.read import read_head
from affekt.sidecar.head.skinning import CHUNK_FRAMES, pose_joints, sparse_rows
from fakes.head import small_head
from fakes.takes import random_motion


def head_of(name: str) -> HeadModel:
    if name == "open":
        return read_head("open")
    head = small_head(int(name))
    weights = head.skin_weights * (np.random.default_rng(1).random(head.skin_weights.shape) < 0.4)
    weights[:, 1] += weights.sum(1) == 0
    weights /= weights.sum(1, keepdims=True)
    return replace(head, skin_weights=weights.astype(np.float32))


@pytest.mark.parametrize("name", ["5", "16", "37", "open"])  # with and without a whole tile
def test_agrees_with_the_layers_forward(name: str) -> None:
    head, motion = head_of(name), random_motion(45)
    fused = HeadLayer(head).vertices(motion, 0, 45)
    plain = HeadLayer(head, torch.float64).vertices(motion, 0, 45)
    assert np.abs(fused - plain).max() < 1e-6


def test_joints_agree_with_joint_transforms() -> None:
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 1, (9, 5, 3)).astype(np.float32)
    pose[0], pose[1], pose[2] = 0, 1e-4, 1e-3  # both sides of the series' end
    joints = rng.normal(0, 0.1, (5, 3))
    feature = np.zeros((36, CHUNK_FRAMES), np.float32)
    transform = np.zeros((5, 12, CHUNK_FRAMES), np.float32)
    pose_joints(pose, joints, 7, feature, transform)
    rotation = matrix_from_axis_angle(torch.from_numpy(pose.astype(np.float64)))
    expected = joint_transforms(rotation, torch.from_numpy(joints)).reshape(9, 5, 12).numpy()
    assert np.abs(transform[..., 7:16].transpose(2, 0, 1) - expected).max() < 1e-6
    difference = (rotation[:, 1:] - torch.eye(3)).reshape(9, 36).numpy()
    assert np.abs(feature[:, 7:16].T - difference).max() < 1e-6
    assert not feature[:, :7].any()
    assert not feature[:, 16:].any()


def test_sparse_rows_hold_every_weight() -> None:
    weights = head_of("37").skin_weights
    starts, joints, values = sparse_rows(weights)
    back = np.zeros_like(weights)
    back[np.repeat(np.arange(37), np.diff(starts)), joints] = values
    np.testing.assert_array_equal(back, weights)
