# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's lens by its formulas: where points of Blender's world land in the picture.

`test_camera_in_blender` holds the same against what Cycles draws.
"""

from dataclasses import replace

import numpy as np
import pytest
from affekt.addon import axes
from affekt.addon.camera import Format, FrameCamera, Lens, make_camera
from affekt.shared.camera import camera_centre
from affekt.shared.errors import InputError
from fakes.projection import to_screen
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

LENS = Lens(
    kind="PERSP",
    lens_mm=50.0,
    sensor_width_mm=36.0,
    sensor_height_mm=24.0,
    sensor_fit="AUTO",
    ortho_scale=6.0,
    shift_x=0.0,
    shift_y=0.0,
    clip_start=0.1,
    clip_end=1000.0,
)
HD = Format(resolution_x=1920, resolution_y=1080, percentage=100)
TALL = Format(resolution_x=1080, resolution_y=1920, percentage=100)


def view(lens: Lens = LENS, format_: Format = HD, eye=None, head=None) -> FrameCamera:
    unit = np.eye(4)
    return make_camera(lens, format_, unit if eye is None else eye, unit if head is None else head)


def pixel(seen: FrameCamera, place: list[float]) -> tuple[float, float, float]:
    """x, y and depth of a place in Blender's world."""
    world = np.append(np.array(place), 1.0)
    local = np.linalg.solve(seen.world_from_head, world)[:3]
    (x, y), depth = to_screen(seen.camera, local)
    return float(x), float(y), float(depth)


def test_the_default_camera_by_hand():
    """50 mm on 36 mm: at 50 units away 36 units fill the picture's width."""
    assert pixel(view(), [0, 0, -50]) == pytest.approx((960, 540, 50))
    assert pixel(view(), [18, 0, -50]) == pytest.approx((1920, 540, 50))
    assert pixel(view(), [0, 36 * 1080 / 1920 / 2, -50]) == pytest.approx((960, 0, 50))
    camera = view().camera
    assert (camera.near, camera.far, camera.orthographic) == (0.1, 1000.0, False)


@pytest.mark.parametrize(
    ("fit", "format_", "width_mm", "height_mm"),
    [
        ("AUTO", HD, 36, 36 * 1080 / 1920),
        ("AUTO", TALL, 36 * 1080 / 1920, 36),  # the long edge, and still the sensor's width
        ("HORIZONTAL", TALL, 36, 36 * 1920 / 1080),
        ("VERTICAL", HD, 24 * 1920 / 1080, 24),
        ("VERTICAL", TALL, 24 * 1080 / 1920, 24),
    ],
)
def test_the_sensor_fits_the_edge_that_is_asked_for(
    fit: str, format_: Format, width_mm: float, height_mm: float
):
    seen = view(replace(LENS, sensor_fit=fit), format_)
    right, top = pixel(seen, [width_mm / 2, height_mm / 2, -50])[:2]
    assert (right, top) == pytest.approx((format_.resolution_x, 0))


def test_a_shift_is_a_share_of_the_fitted_edge():
    shifted = replace(LENS, shift_x=0.25, shift_y=-0.5)
    x, y, _ = pixel(view(shifted), [0, 0, -50])
    assert (x, y) == pytest.approx((960 - 0.25 * 1920, 540 - 0.5 * 1920))
    x, y, _ = pixel(view(shifted, TALL), [0, 0, -50])
    assert (x, y) == pytest.approx((540 - 0.25 * 1920, 960 - 0.5 * 1920))


def test_wide_pixels_are_fewer():
    """Twice as wide as high: 36 mm are 1920 pixels, and as many mm are twice as many rows."""
    wide = replace(HD, pixel_aspect_x=2.0)
    seen = view(format_=wide)
    assert seen.camera.focal_y == pytest.approx(2 * seen.camera.focal_x)
    assert pixel(seen, [18, 0, -50])[0] == pytest.approx(1920)
    tall = view(format_=replace(HD, pixel_aspect_y=2.0))  # 2160 high now: that edge fits
    assert pixel(tall, [0, 18, -50])[1] == pytest.approx(0)


def test_a_shift_up_counts_in_rows_that_are_lower_or_higher_than_wide():
    """Half the fitted edge is 960 pixels across: as high as 1920 rows that are half as high, or as
    480 that are twice as high."""
    lens = replace(LENS, sensor_fit="HORIZONTAL", shift_x=0.25, shift_y=0.5)
    wide = view(lens, replace(HD, pixel_aspect_x=2.0))
    assert pixel(wide, [0, 0, -50])[:2] == pytest.approx((960 - 480, 540 + 1920))
    tall = view(lens, replace(HD, pixel_aspect_y=2.0))
    assert pixel(tall, [0, 0, -50])[:2] == pytest.approx((960 - 480, 540 + 480))
    # Fitted to the height, the edge is 1080 rows of two pixels' width.
    tall = view(replace(lens, sensor_fit="VERTICAL"), replace(HD, pixel_aspect_y=2.0))
    assert pixel(tall, [0, 0, -50])[:2] == pytest.approx((960 - 540, 540 + 540))


def test_a_percentage_cuts_fractions_of_pixels_off():
    camera = view(format_=Format(resolution_x=333, resolution_y=199, percentage=50)).camera
    assert (camera.width, camera.height) == (166, 99)
    assert camera.focal_x == pytest.approx(166 * 50 / 36)


def test_an_orthographic_scale_is_the_fitted_edge():
    seen = view(replace(LENS, kind="ORTHO", shift_x=0.1))
    assert seen.camera.orthographic
    for z in (-1, -80):
        assert pixel(seen, [3, 0, z]) == pytest.approx((1920 - 192, 540, -z))


@pytest.mark.parametrize(
    ("fit", "format_", "edge"),
    [("AUTO", TALL, 1920), ("HORIZONTAL", TALL, 1080), ("VERTICAL", HD, 1080)],
)
def test_an_orthographic_scale_is_that_edges(fit: str, format_: Format, edge: int):
    camera = view(replace(LENS, kind="ORTHO", sensor_fit=fit, ortho_scale=4.0), format_).camera
    assert camera.focal_x == camera.focal_y == edge / 4


def test_a_cropping_region_keeps_the_same_view():
    whole, cropped = view(), view(format_=replace(HD, crop=(0.25, 0.75, 0.1, 0.6)))
    assert (cropped.camera.width, cropped.camera.height) == (960, 540)
    x, y, depth = pixel(whole, [1, 2, -30])
    assert pixel(cropped, [1, 2, -30]) == pytest.approx((x - 480, y - 0.4 * 1080, depth))


@given(st.integers(0, 2**32 - 1))
def test_the_cameras_scale_does_not_count_and_all_else_does(seed: int):
    rng = np.random.default_rng(seed)
    eye, head = np.eye(4), np.eye(4)
    eye[:3, :3] = Rotation.random(random_state=rng).as_matrix()
    eye[:3, 3], head[:3] = rng.normal(size=3), rng.normal(size=(3, 4)) + 2 * np.eye(3, 4)
    scaled = eye @ np.diag([*rng.uniform(0.01, 50, 3), 1.0])
    one, other = view(eye=eye, head=head), view(eye=scaled, head=head)
    np.testing.assert_allclose(
        one.camera.camera_from_world, other.camera.camera_from_world, atol=1e-9
    )
    place = eye @ [0.4, 0.2, -3, 1]  # in front of the camera, to the right and above
    assert pixel(one, place[:3].tolist()) == pytest.approx(pixel(view(), [0.4, 0.2, -3]), rel=1e-6)
    centre = one.world_from_head @ np.append(camera_centre(one.camera), 1)
    np.testing.assert_allclose(centre[:3], eye[:3, 3], atol=1e-6)


def test_heads_stand_as_the_add_on_builds_them():
    """A point in the head's own axes is where `axes.to_blender` puts the vertex."""
    point = np.array([0.1, 1.6, 0.2])
    np.testing.assert_allclose(
        view().world_from_head @ [*point, 1], [*axes.to_blender(point), 1], atol=1e-12
    )


@pytest.mark.parametrize("kind", ["PANO", "CUSTOM"])
def test_cameras_without_a_plain_lens_are_refused(kind: str):
    with pytest.raises(InputError, match=kind) as raised:
        view(replace(LENS, kind=kind))
    assert raised.value.code == "camera.type"
    assert "Perspective" in raised.value.remedy


def test_what_cannot_be_undone_is_refused():
    with pytest.raises(InputError) as raised:
        view(eye=np.diag([1.0, 1, 0, 1]))
    assert raised.value.code == "camera.flat"
    with pytest.raises(InputError) as raised:
        view(head=np.diag([1.0, 1, 0, 1]))
    assert raised.value.code == "option.camera"
    with pytest.raises(InputError) as raised:
        view(format_=Format(resolution_x=4, resolution_y=4, percentage=1))
    assert raised.value.code == "option.size"
