# SPDX-License-Identifier: GPL-3.0-or-later
"""The divided surface, and how LAM moves points on it."""

from __future__ import annotations

import numpy as np
import torch
from affekt.sidecar.lam.surface import (
    LamPose,
    LamSurface,
    divide,
    joint_transforms,
    move_points,
    rotation_matrices,
)


def test_two_triangles() -> None:
    division = divide(np.array([[0, 1, 2], [3, 2, 1]], np.int32), 4)
    assert division.edges.tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    # middles: 4 of 0-1, 5 of 0-2, 6 of 1-2, 7 of 1-3, 8 of 2-3
    assert division.faces.tolist() == [
        [0, 4, 5], [3, 8, 7], [1, 6, 4], [2, 6, 8], [2, 5, 6], [1, 7, 6], [6, 5, 4], [6, 7, 8],
    ]  # fmt: skip
    carried = division.carry(np.array([0.0, 10.0, 4.0, 100.0]))
    assert carried.tolist() == [0, 10, 4, 100, 5, 2, 7, 55, 52]


def test_turns() -> None:
    quarter = rotation_matrices(torch.tensor([[0.0, 0.0, np.pi / 2], [0.0, 0.0, 0.0]]))
    turned = quarter @ torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(
        turned, torch.tensor([[-2.0, 1.0, 3.0], [1.0, 2.0, 3.0]]), atol=1e-6, rtol=0
    )


def pose(**given: torch.Tensor) -> LamPose:
    none = torch.zeros(1, 3)
    rest = dict.fromkeys(("rotation", "neck", "jaw", "translation"), none)
    rest |= {"shape": torch.zeros(1, 1), "expression": torch.zeros(1, 1), "eyes": torch.zeros(1, 6)}
    return LamPose(**(rest | given))


def test_a_joint_turns_about_its_place_under_its_parent() -> None:
    joints = torch.tensor([[[0.0, 0, 0], [0, 1, 0], [0, 1, 1], [1, 2, 0], [-1, 2, 0]]])
    moved = joint_transforms(
        joints,
        pose(neck=torch.tensor([[0.0, 0, np.pi / 2]]), jaw=torch.tensor([[np.pi / 2, 0, 0]])),
    )[0, 2]
    point = torch.tensor([0.0, 3.0, 1.0])  # two above the jaw, which turns it two forward
    torch.testing.assert_close(
        moved[:, :3] @ point + moved[:, 3], torch.tensor([0.0, 1.0, 3.0]), atol=1e-6, rtol=0
    )


def test_points_follow_expression_skin_and_place() -> None:
    """A point half of the jaw's and half of the root's, with an expression that lifts it and, on
    the head below, the jaw's joint."""
    surface = LamSurface(
        template=torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
        directions=torch.tensor([[[0.0, 0.0]] * 3, [[0.0, 0.0], [0.0, 2.0], [0.0, 0.0]]]),
        regressor=torch.tensor([[1.0, 0], [1.0, 0], [0.0, 1.0], [1.0, 0], [1.0, 0]]),
        points=torch.zeros(1, 3),
        point_directions=torch.tensor([[[0.0, 0.0], [0.0, 4.0], [0.0, 0.0]]]),
        skin_weights=torch.tensor([[0.5, 0, 0.5, 0, 0]]),
    )
    moved = move_points(
        surface,
        torch.tensor([[1.0, 0.0, 0.0]]),
        pose(
            expression=torch.tensor([[0.5]]),
            jaw=torch.tensor([[0.0, 0.0, np.pi / 2]]),
            translation=torch.tensor([[0.0, 0.0, 7.0]]),
        ),
    )
    # at rest (1, 2, 0); the jaw's joint at (0, 2, 0); turned by a quarter (0, 3, 0); the mean of
    # both, and the translation
    torch.testing.assert_close(moved[0, 0], torch.tensor([0.5, 2.5, 7.0]), atol=1e-6, rtol=0)
