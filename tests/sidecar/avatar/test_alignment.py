# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces of a mesh, and which of them are eyeballs; the labels themselves are in test_regions."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.sidecar.avatar.alignment import find_eyeballs, fit_sphere, mesh_pieces, open_alignment
from fakes.head import small_head


def ball(x: float, y: float, z: float, radius: float = 0.012, count: int = 60) -> np.ndarray:
    points = np.random.default_rng(count).normal(size=(count, 3))
    return np.array([x, y, z]) + radius * points / np.linalg.norm(points, axis=1, keepdims=True)


def test_a_sphere_through_points_on_its_front() -> None:
    points = ball(0.03, -0.02, 0.4, 0.5, 400)
    front = points[points[:, 2] > 0.45]
    centre, radius, spread = fit_sphere(front)
    np.testing.assert_allclose(centre, [0.03, -0.02, 0.4], atol=1e-9)
    assert radius == pytest.approx(0.5)
    assert spread == pytest.approx(0, abs=1e-9)


def test_the_spread_is_a_share_of_the_radius() -> None:
    rough = np.concatenate([ball(0, 0, 0, 0.9, 4000), ball(0, 0, 0, 1.1, 4000)])
    assert fit_sphere(rough)[2] == pytest.approx(0.1, abs=0.01)
    assert fit_sphere(10 * rough)[2] == pytest.approx(0.1, abs=0.01)


def test_pieces_are_numbered_from_the_largest() -> None:
    faces = np.array([[0, 1, 2], [3, 4, 5], [5, 4, 6], [7, 8, 9]], np.int32)
    assert mesh_pieces(faces, 10).tolist() == [1, 1, 1, 0, 0, 0, 0, 2, 2, 2]


def eyes_among(*balls: np.ndarray) -> tuple[int, int] | None:
    """The skin is piece 0."""
    skin = np.random.default_rng(0).uniform(-0.2, 0.2, (200, 3))
    points = np.concatenate([skin, *balls])
    pieces = np.repeat(np.arange(len(balls) + 1), [len(skin), *map(len, balls)])
    return find_eyeballs(points, pieces.astype(np.int32))


LEFT, RIGHT = ball(0.033, 0.01, 0.08), ball(-0.031, 0.01, 0.08)


def test_the_left_eye_is_at_greater_x() -> None:
    assert eyes_among(LEFT, RIGHT) == (1, 2)
    assert eyes_among(RIGHT, LEFT) == (2, 1)


@pytest.mark.parametrize(
    "other",
    [
        ball(-0.031, 0.01, 0.08, 0.006),  # too small
        ball(-0.031, 0.01, 0.08, 0.023),  # too large
        ball(-0.031, 0.01, 0.08, count=30),  # too few points
        ball(0.006, 0.01, 0.08),  # 27 mm from the left one
        ball(-0.09, 0.01, 0.08),  # 123 mm
        np.random.default_rng(1).uniform(-0.012, 0.012, (60, 3)) - [0.031, 0, 0],  # not round
    ],
)
def test_what_is_no_second_eye(other: np.ndarray) -> None:
    assert eyes_among(LEFT, other) is None


def test_of_several_pairs_the_most_level_one() -> None:
    """Earrings are balls, too; what is beside counts as height and depth do."""
    high, behind = ball(-0.031, 0.05, 0.08), ball(-0.031, 0.01, 0.03)
    assert eyes_among(high, LEFT, RIGHT, behind) == (2, 3)
    assert eyes_among(high, LEFT, behind) == (2, 1)
    ahead, low = ball(-0.031, 0.01, 0.2), ball(-0.031, -0.1, 0.08)
    assert eyes_among(LEFT, ahead, low, RIGHT) == (1, 4)


def test_the_open_head_lies_on_itself() -> None:
    head = small_head()
    found = open_alignment(head)
    np.testing.assert_array_equal(found.label, head.region)
    np.testing.assert_array_equal(found.place, head.template)
    np.testing.assert_array_equal(found.vertex, np.arange(len(head.template)))
    np.testing.assert_array_equal(found.distance, np.zeros(len(head.template)))
    assert found.open_from_metres == 1
