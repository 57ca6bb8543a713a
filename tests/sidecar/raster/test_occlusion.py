# SPDX-License-Identifier: GPL-3.0-or-later
"""Directions of light, what a mesh hides from them, and means over neighbours; what it does to a
picture is in test_shade."""

import numpy as np
import pytest
from affekt.sidecar.raster.occlusion import (
    cone_directions,
    neighbour_mean,
    sphere_directions,
    visibility,
)


def test_directions_over_the_sphere_are_even() -> None:
    """Each cap of a tenth of the sphere has a tenth of them."""
    found = sphere_directions(1000)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(found.mean(0), 0, atol=2e-3)
    np.testing.assert_allclose(found[[0, 249, 999], 2], [0.999, 0.501, -0.999], atol=1e-12)
    for axis in (*np.eye(3), -np.eye(3)[0], np.array([0.6, 0, -0.8])):
        assert (found @ axis > 0.8).mean() == pytest.approx(0.1, abs=0.008)


def test_a_lamp_is_as_wide_as_it_is_said_to_be() -> None:
    """A disc of tan 20 degrees at distance 1: half of the light lies within 0.7071 of it."""
    axis = np.array([3.0, -1, 0.5])
    found = cone_directions(axis, np.radians(20), 400)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-12)
    away = np.tan(np.arccos(found @ (axis / np.linalg.norm(axis))))
    edge = np.tan(np.radians(20))
    assert 0.99 * edge < away.max() < edge
    assert np.median(away) == pytest.approx(np.sqrt(0.5) * edge, rel=0.01)
    middle = found.mean(0) / np.linalg.norm(found.mean(0))
    np.testing.assert_allclose(middle, axis / np.linalg.norm(axis), atol=5e-3)


def square(half: float, height: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """A square that looks up, its middle on the y axis."""
    side = np.linspace(-half, half, steps)
    x, z = np.meshgrid(side, side, indexing="ij")
    points = np.stack([x, np.full_like(x, height), z], -1).reshape(-1, 3)
    corner = np.arange(steps * steps).reshape(steps, steps)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    faces = np.stack([a, b, c, a, c, d], -1).reshape(-1, 3)
    return points, faces.astype(np.int32)


def test_a_roof_hides_the_floor_from_where_it_stands() -> None:
    """Half a metre above: from straight above what lies under it, and from +x and above what lies
    half a metre towards -x; not from below, nor the roof itself."""
    floor, faces = square(1.0, 0.0, 41)
    roof, roofs = square(0.25, 0.5, 2)
    points, mesh = np.concatenate([floor, roof]), np.concatenate([faces, roofs + len(floor)])
    slanted = np.array([1.0, 1, 0]) / np.sqrt(2)
    seen = visibility(points, mesh.astype(np.int32), np.stack([[0.0, 1, 0], slanted]))
    assert seen.dtype == np.float32
    for row, middle in zip(seen, (0.0, -0.5), strict=True):
        away = np.abs(floor[:, [0, 2]] - [middle, 0]).max(1)
        assert (row[: len(floor)][away < 0.2] == 0).all()
        assert (row[: len(floor)][away > 0.3] > 0.9).all()
        assert (row[len(floor) :] > 0.9).all()
    # More directions than there are pieces of work: each is looked along by itself.
    often = visibility(points, mesh.astype(np.int32), np.stack([[0.0, 1, 0], slanted] * 40))
    np.testing.assert_array_equal(often, np.tile(seen, (40, 1)))
    below = visibility(points, mesh[:, ::-1].copy(), np.array([[0.0, -1, 0]]))[0]
    assert (below[: len(floor)] > 0.9).all()
    assert (below[len(floor) :] == 0).all()


def test_the_mean_over_neighbours_by_hand() -> None:
    """Vertex 1 and 2 border two faces, and so count twice for one another."""
    values = np.array([[1, 10], [2, 0], [4, 0], [8, 20], [5, 7]], np.float32)
    faces = np.array([[0, 1, 2], [2, 1, 3]], np.int32)
    wanted = [
        [(1 + 2 + 4) / 3, 10 / 3],
        [(2 + 1 + 4 + 4 + 8) / 5, 30 / 5],
        [(4 + 1 + 2 + 2 + 8) / 5, 30 / 5],
        [(8 + 4 + 2) / 3, 20 / 3],
        [5, 7],
    ]
    np.testing.assert_allclose(neighbour_mean(values, faces), wanted, rtol=1e-6)
