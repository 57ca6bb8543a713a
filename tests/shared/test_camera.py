# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras: what is refused, and where they stand."""

import numpy as np
import pytest
from affekt.shared.camera import Camera, camera_axis, camera_centre, fit_camera, look_at
from affekt.shared.errors import InputError
from fakes.projection import to_screen
from hypothesis import given
from hypothesis import strategies as st

seeds = st.integers(0, 2**32 - 1)


def camera(**changes: object) -> Camera:
    fields = {
        "width": 40,
        "height": 30,
        "focal_x": 35.0,
        "focal_y": 33.0,
        "centre_x": 19.0,
        "centre_y": 16.0,
        "camera_from_world": np.eye(4),
    }
    return Camera(**{**fields, **changes})


def affine(seed: int) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3] = np.random.default_rng(seed).normal(size=(3, 4))
    matrix[:3, :3] += 2 * np.eye(3)
    return matrix


def bent(row: int, values: tuple[float, ...]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[row] = values
    return matrix


@pytest.mark.parametrize(
    ("edge_px", "size", "lens"),
    [
        (20, (20, 15), (17.5, 16.5, 9.5, 8.0)),
        (400, (40, 30), (35.0, 33.0, 19.0, 16.0)),  # never larger than it is
        (1, (1, 1), (0.875, 1.1, 0.475, 16 / 30)),  # a row at least
        # 3 rows for 2.25: lines meet the edges of both pictures at the same shares of them.
        (3, (3, 2), (2.625, 2.2, 1.425, 16 / 15)),
    ],
)
def test_a_smaller_picture_shows_the_same_view(
    edge_px: int, size: tuple[int, int], lens: tuple[float, ...]
):
    small = fit_camera(camera(near=0.25), edge_px)
    assert (small.width, small.height) == size
    found = (small.focal_x, small.focal_y, small.centre_x, small.centre_y)
    assert found == pytest.approx(lens)
    assert small.near == 0.25


@pytest.mark.parametrize(
    "changes",
    [
        {"focal_x": 0.0},
        {"focal_y": -35.0},
        {"focal_x": np.nan},
        {"centre_y": np.inf},
        {"near": 2.0, "far": 1.0},
        {"near": 1.0, "far": 1.0},
        {"near": 0.0},
        {"near": -1.0},
        {"far": np.inf},
        {"orthographic": True, "near": 3.0, "far": -3.0},
        {"camera_from_world": np.eye(3)},
        {"camera_from_world": np.full((4, 4), np.nan)},
        {"camera_from_world": bent(3, (0, 0, 0, 2))},
        {"camera_from_world": bent(1, (0, 0, 0, 1))},
        {"camera_from_world": bent(1, (1, 0, 1e-12, 0))},
    ],
)
def test_what_cannot_see_is_refused(changes: dict):
    with pytest.raises(InputError) as raised:
        camera(**changes)
    assert raised.value.code == "option.camera"


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0},
        {"height": -1},
        {"width": 8193},
        {"height": 8193},
        {"width": 8192, "height": 4051},
    ],
)
def test_sizes_that_cannot_be_made_are_refused(changes: dict):
    with pytest.raises(InputError) as raised:
        camera(**changes)
    assert raised.value.code == "option.size"


def test_the_largest_picture_can_be_made():
    assert camera(width=8192, height=4050).height == 4050


def test_what_a_camera_is_unless_it_is_said():
    view = camera()
    assert (view.near, view.far, view.orthographic) == (0.01, 100.0, False)
    assert camera(width=1, height=1).width == 1
    assert camera(focal_x=1e-3, focal_y=0.5).focal_x == 1e-3
    assert camera(orthographic=True, near=-1.0, far=0.0).far == 0.0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"far": np.nan}, "The camera's lens has a value that is no number."),
        ({"focal_y": 0.0}, "The camera's focal length is not above 0."),
        ({"near": 2.0, "far": 2.0}, "The camera's clipping starts behind its end."),
        ({"near": 0.0}, "A perspective camera's clipping must start in front of it."),
        ({"camera_from_world": np.eye(4)[:3]}, "The camera's matrix is not 4 x 4 numbers."),
        (
            {"camera_from_world": bent(3, (0, 0.1, 0, 1))},
            "The last row of the camera's matrix is not 0, 0, 0, 1.",
        ),
        ({"camera_from_world": bent(2, (0, 0, 0, 5))}, "The camera's matrix squeezes the world"),
        ({"camera_from_world": bent(2, (0, 1, 1e-10, 5))}, "The camera's matrix squeezes the"),
    ],
)
def test_why_it_cannot_see_is_said(changes: dict, sentence: str):
    with pytest.raises(InputError) as raised:
        camera(**changes)
    assert raised.value.message.startswith(sentence)


def test_a_size_that_cannot_be_made_is_named():
    with pytest.raises(InputError) as raised:
        camera(width=9000, height=7)
    assert raised.value.message == "A picture of 9000 x 7 pixels cannot be made."
    assert raised.value.remedy == "Choose 1 to 8192 pixels an edge, and at most 33 megapixels."


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_scaled_and_mirrored_worlds_are_allowed(scale: float):
    matrix = np.diag([scale, -scale, scale, 1.0])
    assert camera(camera_from_world=matrix).camera_from_world is matrix
    assert camera(orthographic=True, near=-5.0).near == -5.0


@given(seeds)
def test_the_centre_is_at_depth_0_and_the_axis_leads_away_from_it(seed: int):
    view = camera(camera_from_world=affine(seed), orthographic=True)
    pixel, depth = to_screen(view, camera_centre(view) + np.outer([0, 1, 2.5], camera_axis(view)))
    np.testing.assert_allclose(pixel, np.tile([19, 16], (3, 1)), atol=1e-6)
    np.testing.assert_allclose(depth, [0, 1, 2.5], atol=1e-9)


def test_a_portraits_camera_stands_where_it_is_asked_to():
    view = look_at(
        target=np.array([0.1, 1.6, 0.0]),
        distance=2.0,
        yaw_rad=np.pi / 2,
        pitch_rad=0.0,
        width=64,
        height=48,
        fov_y_rad=0.5,
    )
    np.testing.assert_allclose(camera_centre(view), [2.1, 1.6, 0.0], atol=1e-12)
    pixel, depth = to_screen(view, np.array([0.1, 1.6, 0.0]))
    np.testing.assert_allclose(pixel, [32, 24])
    assert depth == pytest.approx(2.0)
    above, _ = to_screen(view, np.array([0.1, 1.7, 0.0]))
    assert above[1] < 24


def test_a_portraits_camera_sees_its_angle_from_the_lower_to_the_upper_edge():
    """Whatever the width. tan(0.5 * 0.5) * 2 m above and below the target are the edges."""
    edge_m = 2 * np.tan(0.25)
    for width in (64, 20):
        view = look_at(
            target=np.array([0.1, 1.6, 0.0]), distance=2.0, width=width, height=48, fov_y_rad=0.5
        )
        assert view.focal_x == view.focal_y == pytest.approx(93.99, abs=0.01)
        above, _ = to_screen(view, np.array([0.1, 1.6 + edge_m, 0.0]))
        below, _ = to_screen(view, np.array([0.1, 1.6 - edge_m, 0.0]))
        beside, _ = to_screen(view, np.array([0.1 + edge_m / 3, 1.6, 0.0]))
        np.testing.assert_allclose(above, [width / 2, 0], atol=1e-9)
        np.testing.assert_allclose(below, [width / 2, 48], atol=1e-9)
        np.testing.assert_allclose(beside, [width / 2 + 8, 24], atol=1e-9)


def test_a_portraits_camera_stands_above_and_to_the_heads_left():
    """30 degrees to +x and 20 up, 2 m away; what is above and to +x is up and right for it."""
    view = look_at(
        target=np.array([0.1, 1.6, -0.2]),
        distance=2.0,
        yaw_rad=np.radians(30),
        pitch_rad=np.radians(20),
        width=64,
        height=48,
        fov_y_rad=0.5,
    )
    # 2 cos 20 sin 30, 2 sin 20, 2 cos 20 cos 30.
    away = np.array([0.93969, 0.68404, 1.62760])
    np.testing.assert_allclose(camera_centre(view), np.array([0.1, 1.6, -0.2]) + away, atol=1e-5)
    np.testing.assert_allclose(camera_axis(view), -away / 2, atol=1e-5)
    above, _ = to_screen(view, np.array([0.1, 1.7, -0.2]))
    beside, _ = to_screen(view, np.array([0.2, 1.6, -0.2]))
    np.testing.assert_allclose(above[0], 32, atol=1e-9)
    assert above[1] < 24 < beside[1] + 24
    assert beside[0] > 32
    turn = view.camera_from_world[:3, :3]  # from above it sees nothing smaller than from the front
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
