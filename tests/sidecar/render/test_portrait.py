# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a portrait's camera stands, by examples that were worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera, camera_centre
from affekt.sidecar.avatar.avatar import Avatar
from affekt.sidecar.render.portrait import (
    PORTRAIT_FOV_RAD,
    ViewAngles,
    default_camera,
    face_camera,
    frame_points,
)
from fakes.head import small_head

LOW, HIGH = np.array([-0.1, 1.5, -0.3]), np.array([0.3, 2.1, 0.1])
"""A box 0.4 m wide, 0.6 m high and 0.4 m deep, whose middle is (0.1, 1.8, -0.1)."""
BOX = np.stack([LOW, HIGH, [0.0, 1.6, 0.0]])


def distance(camera: Camera, point: tuple[float, ...]) -> float:
    """Of the camera to a point, after checking that it looks at that point."""
    seen = camera.camera_from_world @ [*point, 1]
    np.testing.assert_allclose(seen[:2], 0, atol=1e-9)
    return float(seen[2])


@pytest.mark.parametrize(
    ("size", "visible_m"),
    [
        ((400, 400), 0.66),  # its height with a twentieth above and below
        ((800, 400), 0.66),
        ((200, 400), 0.88),  # twice its width, 0.44: a narrow picture steps back
    ],
)
def test_how_far_away_it_stands(size: tuple[int, int], visible_m: float) -> None:
    camera = frame_points(BOX, *size)
    away = 0.5 * visible_m / math.tan(0.12) + 0.22  # half of the depth with its margins
    assert distance(camera, (0.1, 1.8, -0.1)) == pytest.approx(away)
    assert (camera.width, camera.height) == size
    assert camera.focal_y == camera.focal_x == pytest.approx(200 / math.tan(0.12))
    np.testing.assert_allclose(camera_centre(camera), [0.1, 1.8, -0.1 + away])


def test_from_the_side_a_box_is_as_wide_as_it_is_deep() -> None:
    points = BOX * [1, 1, 2]  # 0.8 m deep, with its middle at z = -0.2
    view = ViewAngles(yaw_rad=math.pi / 2, fov_y_rad=0.5)
    camera = frame_points(points, 300, 300, view)
    away = 0.5 * 0.88 / math.tan(0.25) + 0.22
    assert distance(camera, (0.1, 1.8, -0.2)) == pytest.approx(away)
    np.testing.assert_allclose(camera_centre(camera), [0.1 + away, 1.8, -0.2], atol=1e-9)


def test_from_above_it_stands_higher() -> None:
    camera = frame_points(BOX, 300, 300, ViewAngles(pitch_rad=0.5))
    centre = camera_centre(camera)
    np.testing.assert_allclose((centre[1] - 1.8) / (centre[2] + 0.1), math.tan(0.5))
    assert centre[1] > 1.8


def test_a_single_point_is_seen_from_a_little_way_off() -> None:
    camera = frame_points(np.array([[1.0, 2.0, 3.0]]), 10, 10)
    assert distance(camera, (1, 2, 3)) == pytest.approx(0.0005 / math.tan(0.12))


def test_a_head_is_seen_but_for_the_edge_of_its_neck() -> None:
    head = small_head()
    low, high = head.template.min(0), head.template.max(0)
    low[1] += 0.12 * (high[1] - low[1])
    camera, wanted = default_camera(head, 320, 200), frame_points(np.stack([low, high]), 320, 200)
    np.testing.assert_array_equal(camera.camera_from_world, wanted.camera_from_world)
    assert ViewAngles().fov_y_rad == PORTRAIT_FOV_RAD == 0.24


def gaussians(avatar: Avatar, places: np.ndarray, opacities: list[float]) -> Avatar:
    """Gaussians that never move."""
    count = len(places)
    return replace(
        avatar,
        surface=None,
        binding="none",
        follow="still",
        anchors=np.zeros(count, np.int32),
        offsets=places.astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.full((count, 3), 0.01, np.float32),
        opacities=np.array(opacities, np.float32),
        colours=np.zeros((count, 3), np.float32),
        harmonics=None,
        shape=None,
        template_change=None,
    )


def test_of_gaussians_alone_those_count_that_are_solid(avatar: Avatar) -> None:
    places = np.array([LOW, HIGH, [9.0, 9.0, 9.0]])
    view = default_camera(gaussians(avatar, places, [0.35, 1.0, 0.3]), 400, 400)
    wanted = frame_points(np.stack([LOW, HIGH]), 400, 400)
    np.testing.assert_allclose(view.camera_from_world, wanted.camera_from_world, atol=1e-5)
    all_thin = default_camera(gaussians(avatar, places, [0.2, 0.1, 0.3]), 400, 400)
    assert distance_to(all_thin, (4.45, 5.25, 4.35)) > 30


def distance_to(camera: Camera, point: tuple[float, ...]) -> float:
    return float((camera.camera_from_world @ [*point, 1])[2])


def test_an_avatar_is_seen_to_its_hairs_end_and_not_to_its_meshs_lower_edge(avatar: Avatar) -> None:
    low, high = avatar.vertices.min(0).astype(float), avatar.vertices.max(0).astype(float)
    solid = avatar.means[avatar.opacities > 0.3]
    high[1] = max(high[1], float(np.quantile(solid[:, 1], 0.998)))
    middle = 0.5 * (low + high)
    middle[1] += 0.06 * (high[1] - low[1])  # half of the eighth or so that is left out below
    camera = default_camera(avatar, 400, 400)
    seen = camera.camera_from_world @ [*middle, 1]
    np.testing.assert_allclose(seen[:2], 0, atol=1e-5)
    none_solid = replace(avatar, opacities=np.full_like(avatar.opacities, 0.1))
    middle[1] = 0.56 * avatar.vertices[:, 1].max() + 0.44 * avatar.vertices[:, 1].min()
    seen = default_camera(none_solid, 400, 400).camera_from_world @ [*middle, 1]
    np.testing.assert_allclose(seen[:2], 0, atol=1e-5)


def test_the_face_of_the_open_head() -> None:
    camera = face_camera(300, 200)
    assert (camera.width, camera.height) == (300, 200)
    np.testing.assert_allclose(camera_centre(camera), [0, -0.008, 0.85], atol=1e-12)
    assert camera.focal_y == pytest.approx(100 / math.tan(0.1675))
