# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes from composited channels, pixel by pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera
from affekt.sidecar.render import resolve

ALPHA = np.array([[0.5, 0.0], [1.0, 0.25]], np.float32)


def stack(*channels: list[list[float]]) -> np.ndarray:
    return np.ascontiguousarray(np.stack([np.array(c, np.float32) for c in channels], 2))


CHANNELS = stack([[9, 9], [9, 9]], [[0.2, 7], [0.6, 0.1]], [[0.1, 7], [0.3, 0.05]])


def test_channels_over_alpha() -> None:
    found = resolve.divide(CHANNELS, slice(1, 3), ALPHA).run()
    np.testing.assert_allclose(found, [[[0.4, 0.2], [0, 0]], [[0.6, 0.3], [0.4, 0.2]]])


def test_masks_and_what_they_leave() -> None:
    found = resolve.complete_masks(CHANNELS, slice(1, 3), ALPHA).run()
    wanted = [[[0.2, 0.2, 0.1], [0, 0, 0]], [[0.1, 0.6, 0.3], [0.1, 0.1, 0.05]]]
    np.testing.assert_allclose(found, wanted, atol=1e-7)
    over = resolve.complete_masks(CHANNELS, slice(1, 3), np.full((2, 2), 0.2, np.float32)).run()
    assert over[0, 0].tolist() == pytest.approx([0, 0.2, 0.1])  # never less than nothing


def test_unit_vectors() -> None:
    vectors = stack([[5, 5], [5, 5]], [[3, 0], [0, -2]], [[0, 0], [0, 0]], [[4, 0], [1e-13, 0]])
    found = resolve.directions(vectors, slice(1, 4)).run()
    wanted = [[[0.6, 0, 0.8], [0, 0, 0]], [[0, 0, 0], [-1, 0, 0]]]
    np.testing.assert_allclose(found, wanted, atol=1e-7)


def test_depth_over_weight() -> None:
    found = resolve.mean_depth(stack([[1, 2], [3, 4]], [[2, 0], [4, 8]]), 0, 1).run()
    assert found.tolist() == [[0.5, np.inf], [0.75, 0.5]]


def test_an_id_from_half_on() -> None:
    alpha = np.array([[0.49, 0.5], [0.51, 1]], np.float32)
    assert resolve.where_covered(alpha, 7).run().tolist() == [[0, 7], [7, 7]]


@pytest.mark.parametrize("orthographic", [False, True])
def test_the_point_of_a_pixel(orthographic: bool) -> None:
    """Column 2 and row 1 of a lens of 10 by 20: the pixel's middle is 1.5 right of the centre and 2
    below it. The camera stands at (0, 0, -1); the head is at (100, 0, 0) and twice as large."""
    pose = np.eye(4)
    pose[2, 3] = 1
    camera = Camera(
        width=3,
        height=2,
        focal_x=10.0,
        focal_y=20.0,
        centre_x=1.0,
        centre_y=-0.5,
        camera_from_world=pose,
        orthographic=orthographic,
    )
    depth = np.full((2, 3), np.inf, np.float32)
    depth[1, 2] = 4
    world = np.diag([2.0, 2, 2, 1])
    world[0, 3] = 100
    found = resolve.places(depth, camera, world).run()
    reach = 1 if orthographic else 4
    np.testing.assert_allclose(found[1, 2], [100 + 0.3 * reach, 0.2 * reach, 6], rtol=1e-6)
    found[1, 2] = 0
    assert not found.any()


def test_normals_stay_perpendicular() -> None:
    """Where x is doubled, the normal of a slope of 45 degrees leans less in x; its length stays."""
    axes = np.diag([2.0, 1, 1, 1])
    axes[:3, 3] = 5  # a place is no direction
    found = resolve.turn_normals(np.array([[3.0, 3, 0], [0, 0, 0]], np.float32), axes)
    wanted = np.sqrt(18) * np.array([1, 2, 0]) / np.sqrt(5)
    np.testing.assert_allclose(found, [wanted, [0, 0, 0]], rtol=1e-6)


def test_gaussians_that_face_away_hardly_count() -> None:
    """A camera at the origin that looks along z. The first faces it, the second faces away, the
    third too but has two sides; the fourth looks along z, beside the camera: only where all rays
    are parallel does it face away."""
    points = np.array([[0, 0, 2], [0, 0, 3], [0, 0, 4], [1, 0, -5]], np.float32)
    normals = np.array([[0, 0, -1], [0, 0, 1], [0, 0, 1], [0, 0, 1]], np.float32)
    two_sided = np.array([False, False, True, False])
    pose = np.eye(4)
    pose[2, 3] = 0.5
    camera = Camera(
        width=2,
        height=2,
        focal_x=1.0,
        focal_y=1.0,
        centre_x=1.0,
        centre_y=1.0,
        camera_from_world=pose,
    )
    found = resolve.weigh_facing(normals, points, camera, two_sided)
    np.testing.assert_allclose(found.weight, [1, 0.02, 1, 1])
    np.testing.assert_allclose(found.side, [1, 0.02, -1, 1])
    np.testing.assert_allclose(found.depth, [2.5, 3.5, 4.5, -4.5])
    parallel = replace(camera, orthographic=True)
    found = resolve.weigh_facing(normals, points, parallel, two_sided)
    np.testing.assert_allclose(found.weight, [1, 0.02, 1, 0.02])
