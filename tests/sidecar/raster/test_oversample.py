# SPDX-License-Identifier: GPL-3.0-or-later
"""A head that goes away keeps its area and does not flicker; a near one is untouched."""

from dataclasses import fields, replace

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.sidecar.raster.gaussians import GaussianImage, Gaussians, rasterise_gaussians
from affekt.sidecar.raster.oversample import average, choose_samples, magnify, rasterise_oversampled
from fakes.splatting import chosen


def view(distance: float, edge: int = 64) -> Camera:
    return look_at(
        target=np.zeros(3),
        distance=distance,
        yaw_rad=0.3,
        pitch_rad=-0.2,
        width=edge,
        height=edge,
        fov_y_rad=0.4,
    )


def shell(count: int = 4000, spread: float = 0.004) -> Gaussians:
    """An opaque ball of 0.1 m, lighter towards the top."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(count, 3))
    means *= 0.1 / np.linalg.norm(means, axis=1, keepdims=True)
    colours = np.repeat(0.5 + 4 * means[:, 1:2], 2, 1)
    return Gaussians(
        means=means.astype(np.float32),
        quaternions=rng.normal(size=(count, 4)).astype(np.float32),
        scales=np.full((count, 3), spread, np.float32),
        opacities=np.full(count, 0.8, np.float32),
        colours=colours.astype(np.float32),
    )


def oversampled(scene: Gaussians, camera: Camera, **options) -> GaussianImage:
    return rasterise_oversampled(rasterise_gaussians, scene, camera, **options)


def areas(draw, distances) -> np.ndarray:
    """Alpha times the distance squared: what a head keeps as it goes away."""
    return np.array([draw(view(d)).alpha.sum(dtype=float) * d**2 for d in distances])


def test_a_small_head_keeps_its_area_and_a_plain_one_does_not():
    scene, distances = shell(), np.geomspace(1, 30, 40)
    held = areas(lambda camera: oversampled(scene, camera), distances)
    assert np.ptp(held) < 0.1 * held[0]
    assert np.abs(np.diff(np.log(held))).max() < 0.04
    # The control: both of gsplat's modes fail here.
    plain = areas(lambda camera: rasterise_gaussians(scene, camera), distances)
    assert plain[-1] > 1.5 * plain[0]
    faint = areas(lambda camera: rasterise_gaussians(scene, camera, antialiased=True), distances)
    assert faint[-1] < 0.5 * faint[0]


def test_a_small_head_does_not_flicker_as_it_moves():
    scene = shell()
    totals = [
        oversampled(scene, replace(view(20.0), centre_x=32 + x)).alpha.sum()
        for x in np.linspace(0, 1, 11)
    ]
    assert np.ptp(totals) < 0.03 * np.mean(totals)


@pytest.mark.parametrize("antialiased", [False, True])
def test_a_near_head_is_drawn_as_ever(antialiased: bool):
    scene, camera = shell(200, 0.02), view(1.0)
    assert choose_samples(scene, camera)[0] == 1
    found = oversampled(scene, camera, antialiased=antialiased)
    wanted = rasterise_gaussians(scene, camera, antialiased=antialiased)
    for name in ("colour", "alpha", "depth"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


def test_only_the_part_that_shows_the_head_is_drawn():
    """In place, and as the whole picture would have been."""
    scene, camera = shell(), replace(view(10.0), centre_x=50.0, centre_y=14.0)
    samples, box = choose_samples(scene, camera)
    left, top, right, bottom = box
    assert samples > 1
    assert (right - left) * (bottom - top) < 0.3 * camera.width * camera.height
    found = oversampled(scene, camera)
    whole = magnify(camera, (0, 0, camera.width, camera.height), samples)
    wanted = average(rasterise_gaussians(scene, whole), samples)
    np.testing.assert_allclose(found.colour, wanted.colour, atol=1e-5)
    np.testing.assert_allclose(found.alpha, wanted.alpha, atol=1e-5)
    np.testing.assert_allclose(found.depth, wanted.depth, rtol=1e-5)
    seen = found.depth[np.isfinite(found.depth)]
    assert 9.8 < seen.min() < seen.max() < 10.2


@pytest.mark.parametrize("samples", [2, 3])
def test_average_against_its_plain_twin(samples: int):
    rng = np.random.default_rng(samples)
    height, width = 18 * samples, 5 * samples
    alpha = np.where(rng.random((height, width)) < 0.5, rng.random((height, width)), 0)
    alpha[: 2 * samples] = 0
    depth = np.where(alpha > 0, 1 + rng.random((height, width)), np.inf)
    colour = rng.random((height, width, 4))
    fine = GaussianImage(
        colour=colour.astype(np.float32),
        alpha=alpha.astype(np.float32),
        depth=depth.astype(np.float32),
    )
    found = average(fine, samples)

    def cells(values: np.ndarray) -> np.ndarray:
        blocks = values.reshape(18, samples, 5, samples, -1)
        return blocks.transpose(0, 2, 1, 3, 4).reshape(18, 5, samples**2, -1).astype(float)

    np.testing.assert_allclose(found.colour, cells(fine.colour).mean(2), rtol=1e-6)
    np.testing.assert_allclose(found.alpha, cells(fine.alpha)[..., 0].mean(2), rtol=1e-6)
    weight, far = cells(fine.alpha)[..., 0], cells(fine.depth)[..., 0]
    for row, column in np.ndindex(18, 5):
        seen = weight[row, column] > 0
        mean = np.inf
        if seen.any():
            mean = np.average(far[row, column][seen], weights=weight[row, column][seen])
        assert found.depth[row, column] == pytest.approx(mean, rel=1e-6)


def test_orthographic():
    scene = shell()
    camera = replace(view(5.0), orthographic=True, focal_x=40.0, focal_y=40.0)
    assert choose_samples(scene, camera)[0] > 1
    large = replace(camera, focal_x=240.0, focal_y=240.0)
    expected = rasterise_gaussians(scene, large).alpha.sum() / 36
    assert oversampled(scene, camera).alpha.sum() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("zoom", [1.0, 2.0])
def test_samples_and_box_of_two_gaussians(zoom: float):
    """At 10 m with a focal length of 100 the middle deviation of 21 mm is 0.21 pixels, which five
    samples make wider than one; the box reaches four of them and 4 pixels further than centres at
    (10, 12.6) and (25, 17.4). Pixels are wider than high, and their width counts. One behind the
    camera and one beyond its end do not count. A camera that makes the world twice as large sees a
    world of half the size as it is."""
    means = np.array([[-1.0, -0.3, 10], [0.5, 0.3, 10], [5, 5, -10], [30, 20, 200]]) / zoom
    scene = Gaussians(
        means=means.astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (4, 1)),
        scales=np.array(
            [[0.03, 0.001, 0.021], [0.021, 0.03, 0.001], [1, 1, 1], [1, 1, 1]], np.float32
        )
        / np.float32(zoom),
        opacities=np.ones(4, np.float32),
        colours=np.ones((4, 3), np.float32),
    )
    camera = Camera(
        width=40,
        height=30,
        focal_x=100.0,
        focal_y=80.0,
        centre_x=20.0,
        centre_y=15.0,
        camera_from_world=np.diag([zoom, zoom, zoom, 1]),
        far=100.0,
    )
    assert choose_samples(chosen(scene, slice(2)), camera) == (5, (5, 7, 30, 23))
    assert choose_samples(chosen(scene, np.array([0, 1, 2, 3])), camera) == (5, (5, 7, 30, 23))


@pytest.mark.parametrize("is_wide", [True, False])
def test_the_box_ends_where_a_wide_or_a_tall_picture_does(is_wide: bool):
    """Gaussians of 0.21 pixels, so five samples, at (50, 10) and (58, 17) of 60 by 20 pixels, or
    the other way round: 4.84 pixels about them, within the picture."""
    means = np.array([[2.0, 0.0, 10.0], [2.8, 0.7, 10.0]])[:, [0, 1, 2] if is_wide else [1, 0, 2]]
    scene = replace(shell(2, 0.021), means=means.astype(np.float32))
    camera = Camera(
        width=60 if is_wide else 20,
        height=20 if is_wide else 60,
        focal_x=100.0,
        focal_y=100.0,
        centre_x=30.0 if is_wide else 10.0,
        centre_y=10.0 if is_wide else 30.0,
        camera_from_world=np.eye(4),
    )
    box = (45, 5, 60, 20) if is_wide else (5, 45, 20, 60)
    assert choose_samples(scene, camera) == (5, box)


def test_the_camera_of_a_box():
    camera = replace(
        view(5.0), width=40, height=30, focal_x=100.0, focal_y=90.0, centre_x=20.0, centre_y=16.0
    )
    fine = magnify(camera, (5, 7, 30, 23), 3)
    assert (fine.width, fine.height) == (75, 48)
    assert (fine.focal_x, fine.focal_y, fine.centre_x, fine.centre_y) == (300, 270, 45, 27)


def test_memory_is_bounded():
    """However fine the Gaussians and large the picture."""
    means = np.random.default_rng(0).uniform(-3, 3, (500, 3)).astype(np.float32)
    scene = replace(shell(500, 1e-9), means=means)
    for camera in (view(10.0, 4000), view(400.0), view(10.0, 1)):
        samples, (left, top, right, bottom) = choose_samples(scene, camera)
        assert 1 <= samples <= 64
        assert samples == 1 or (right - left) * (bottom - top) * samples**2 <= 2048 * 2048
        assert 0 <= left < right <= camera.width
        assert 0 <= top < bottom <= camera.height


def test_a_long_thin_row_stays_a_picture():
    """Few pixels, and yet an edge that no picture may have."""
    means = np.linspace([-3, 0, 0], [3, 0, 0], 50, dtype=np.float32)
    scene = replace(shell(50, 1e-6), means=means)
    camera = replace(view(10.0), width=6000, focal_x=8000.0, centre_x=3000.0)
    samples, box = choose_samples(scene, camera)
    assert magnify(camera, box, samples).width <= 8192


def test_nothing_to_see():
    assert not oversampled(chosen(shell(), slice(0)), view(5.0)).alpha.any()
    broken = {
        entry.name: np.full_like(getattr(shell(20), entry.name), np.nan)
        for entry in fields(Gaussians)
    }
    assert not oversampled(Gaussians(**broken), view(5.0)).alpha.any()
