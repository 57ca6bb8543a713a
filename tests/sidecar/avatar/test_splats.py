# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours by the direction of sight."""

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.sidecar.avatar.splats import Splats, seen_colours
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from scipy.special import sph_harm_y


def gaussians(seed: int, known: int, *, count: int = 20) -> Splats:
    rng = np.random.default_rng(seed)
    return Splats(
        means=rng.normal(0, 1, (count, 3)).astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        scales=np.ones((count, 3), np.float32),
        opacities=np.ones(count, np.float32),
        colours=rng.uniform(0, 1, (count, 3)).astype(np.float32),
        harmonics=rng.normal(0, 0.3, (count, known, 3)).astype(np.float32) if known else None,
    )


def view(seed: int) -> Camera:
    rng = np.random.default_rng(seed)
    return look_at(
        target=rng.normal(0, 0.3, 3),
        distance=rng.uniform(2, 6),
        yaw_rad=rng.uniform(-3, 3),
        pitch_rad=rng.uniform(-1.4, 1.4),
        width=32,
        height=32,
        fov_y_rad=0.4,
    )


def plain(values: Splats, directions: np.ndarray) -> np.ndarray:
    """By scipy's complex harmonics: real ones in 3DGS's order carry (-1)^m."""
    polar, azimuth = np.arccos(directions[:, 2]), np.arctan2(directions[:, 1], directions[:, 0])
    colours, term = values.colours.astype(np.float64), 0
    for degree in (1, 2, 3):
        for order in range(-degree, degree + 1):
            if term == values.harmonics.shape[1]:
                break
            wave = sph_harm_y(degree, abs(order), polar, azimuth)
            # scipy's own factor (-1)^m stays: 3DGS's signs have it too.
            part = wave.real if order >= 0 else wave.imag
            real = part * (np.sqrt(2) if order else 1)
            colours = colours + real[:, None] * values.harmonics[:, term]
            term += 1
    return np.maximum(colours, 0)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), known=st.sampled_from([3, 8, 15]))
def test_colours_against_scipy(seed: int, known: int):
    values, camera = gaussians(seed, known), view(seed)
    eye = np.linalg.inv(camera.camera_from_world)[:3, 3]
    sight = values.means - eye
    sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    np.testing.assert_allclose(seen_colours(values, camera), plain(values, sight), atol=2e-5)


def test_a_scaled_camera_sees_the_same_colours():
    """An affine camera, as Blender's of a scaled head, stands where its matrix sends to zero."""
    values, camera = gaussians(1, 15), view(1)
    matrix = camera.camera_from_world.copy()
    matrix[:3] *= 2.5
    scaled = Camera(
        width=32,
        height=32,
        focal_x=9,
        focal_y=9,
        centre_x=16,
        centre_y=16,
        camera_from_world=matrix,
    )
    np.testing.assert_allclose(
        seen_colours(values, scaled), seen_colours(values, camera), atol=1e-5
    )


def test_an_orthographic_camera_has_one_direction():
    values, camera = gaussians(2, 15), view(2)
    flat = Camera(
        width=32,
        height=32,
        focal_x=9,
        focal_y=9,
        centre_x=16,
        centre_y=16,
        orthographic=True,
        camera_from_world=camera.camera_from_world,
    )
    forward = camera.camera_from_world[2, :3]
    expected = plain(values, np.tile(forward, (len(values.means), 1)))
    np.testing.assert_allclose(seen_colours(values, flat), expected, atol=2e-5)


def test_a_lobe_faces_its_way():
    """The third term of degree 1 is -x: a Gaussian seen along +x loses it."""
    values = gaussians(3, 3, count=2)
    values.harmonics[:] = 0
    values.harmonics[:, 2, 0] = 0.2
    values.means[:] = [[5, 0, 0], [-5, 0, 0]]
    camera = Camera(
        width=8, height=8, focal_x=9, focal_y=9, centre_x=4, centre_y=4, camera_from_world=np.eye(4)
    )
    change = seen_colours(values, camera)[:, 0] - values.colours[:, 0]
    np.testing.assert_allclose(change, [-0.0977205, 0.0977205], atol=1e-6)


def test_a_world_that_turns_with_the_camera_keeps_degree_zero():
    values = gaussians(4, 3)
    values.harmonics[:] = 0
    turned = Splats(
        means=Rotation.from_rotvec([0, 1, 0]).apply(values.means).astype(np.float32),
        quaternions=values.quaternions,
        scales=values.scales,
        opacities=values.opacities,
        colours=values.colours,
        harmonics=values.harmonics,
    )
    np.testing.assert_array_equal(seen_colours(turned, view(4)), values.colours)


def test_without_harmonics_colours_are_as_they_are():
    values = gaussians(5, 0)
    assert seen_colours(values, view(5)) is values.colours


@pytest.mark.parametrize("known", [3, 8, 15])
def test_colours_are_never_below_zero(known: int):
    values = gaussians(6, known)
    values.harmonics[:] -= 3
    assert seen_colours(values, view(6)).min() == 0
