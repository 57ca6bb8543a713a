# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes through fragments: the plain sum, exact planes, seams, and any number of threads."""

import numpy as np
import pytest
from affekt.shared.camera import Camera
from affekt.sidecar.raster.mesh import (
    EMPTY,
    MeshFragments,
    interpolate,
    interpolate_corners,
    rasterise_mesh,
)


def scene(seed: int = 3) -> tuple[np.ndarray, np.ndarray, MeshFragments]:
    rng = np.random.default_rng(seed)
    vertices = rng.uniform([-1, -1, 1.5], [1, 1, 4], (24, 3))
    faces = rng.integers(0, 24, (20, 3)).astype(np.int32)
    view = Camera(
        width=40,
        height=35,
        focal_x=35.0,
        focal_y=33.0,
        centre_x=19.0,
        centre_y=16.0,
        camera_from_world=np.eye(4),
    )
    return vertices, faces, rasterise_mesh(vertices, faces, view)


@pytest.mark.parametrize("channels", [1, 2, 3, 9])
def test_equals_the_plain_sum(channels: int):
    vertices, faces, seen = scene()
    values = np.random.default_rng(channels).normal(size=(len(vertices), channels))
    found = interpolate(values, faces, seen)
    for row, column in np.ndindex(*seen.face.shape):
        index = seen.face[row, column]
        expected = seen.barycentric[row, column] @ values[faces[index]] if index != EMPTY else 0.0
        np.testing.assert_allclose(found[row, column], expected, atol=1e-5)
    assert found.dtype == np.float32


def test_places_of_the_vertices_lie_where_the_pixels_look():
    vertices, faces, seen = scene()
    place = interpolate(vertices, faces, seen)
    hit = seen.face != EMPTY
    assert hit.sum() > 200
    np.testing.assert_allclose(place[..., 2][hit], seen.depth[hit], rtol=1e-5)
    row, column = np.nonzero(hit)
    x, y, z = place[hit].T
    np.testing.assert_allclose(35.0 * x / z + 19.0, column + 0.5, atol=1e-3)
    np.testing.assert_allclose(33.0 * y / z + 16.0, row + 0.5, atol=1e-3)


def test_corners_of_one_vertex_may_differ():
    vertices, faces, seen = scene()
    values = np.random.default_rng(1).uniform(size=(len(vertices), 2))
    np.testing.assert_array_equal(
        interpolate_corners(values[faces], seen), interpolate(values, faces, seen)
    )
    own = np.repeat(np.arange(1.0, len(faces) + 1)[:, None, None], 3, 1)  # the face's own number
    found = interpolate_corners(own, seen)[..., 0]
    np.testing.assert_allclose(found, seen.face + 1, rtol=1e-5)  # 0 where nothing is


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch):
    vertices, faces, seen = scene()
    found = []
    for count in ("1", "2", "5"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        found.append(interpolate(vertices, faces, seen))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
