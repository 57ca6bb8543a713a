# SPDX-License-Identifier: GPL-3.0-or-later
"""Points on the screen, against the camera's equations written down plainly."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera
from affekt.sidecar.raster.project import to_pixels
from fakes.projection import pixel_centres, to_screen, unproject
from hypothesis import given
from hypothesis import strategies as st


def random_view(seed: int, *, orthographic: bool) -> Camera:
    matrix = np.eye(4)
    matrix[:3] = np.random.default_rng(seed).normal(size=(3, 4))
    matrix[:3, :3] += 2 * np.eye(3)
    return Camera(
        width=40,
        height=30,
        focal_x=35.0,
        focal_y=33.0,
        centre_x=19.0,
        centre_y=16.0,
        near=0.1,
        camera_from_world=matrix,
        orthographic=orthographic,
    )


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_pixels_come_back_from_the_world(seed: int, orthographic: bool):
    view = random_view(seed, orthographic=orthographic)
    pixels = pixel_centres(view).reshape(-1, 2)
    depth = np.random.default_rng(seed).uniform(0.5, 5, len(pixels))
    found = to_pixels(unproject(view, pixels, depth), view)
    np.testing.assert_allclose(found[:, :2], pixels, atol=1e-4)
    np.testing.assert_allclose(found[:, 2], depth, rtol=1e-5)


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_equals_its_twin_in_front_and_knows_nothing_of_the_rest(seed: int, orthographic: bool):
    view = random_view(seed, orthographic=orthographic)
    points = np.random.default_rng(seed).normal(0, 3, (200, 3))
    (pixels, depth), found = to_screen(view, points), to_pixels(points, view)
    seen = depth >= view.near
    np.testing.assert_allclose(found[seen, :2], pixels[seen], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(found[seen, 2], depth[seen], rtol=1e-5)
    assert np.isnan(found[~seen]).all()


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_has_no_place(broken: float):
    view = replace(random_view(0, orthographic=False), camera_from_world=np.eye(4))
    points = np.array([[0, 0, 1], [broken, 0, 1], [0, broken, 1], [0, 0, broken]])
    found = to_pixels(points, view)
    np.testing.assert_allclose(found[0], [19, 16, 1])
    assert np.isnan(found[1:]).all()
