# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for any scene, drawn at random with everything odd in it."""

from dataclasses import replace

import numpy as np
import pytest
from affekt.shared.camera import Camera, look_at
from affekt.sidecar.raster.gaussians import GaussianImage, Gaussians, rasterise_gaussians
from affekt.sidecar.raster.parallel import thread_count
from affekt.sidecar.raster.project import HIDDEN, depth_order
from fakes.splatting import chosen, splat
from hypothesis import given, settings
from hypothesis import strategies as st

ODDITIES = (
    "none",
    "tied",
    "behind",
    "at the near plane",
    "huge",
    "tiny",
    "not a number",
    "flat",
    "empty",
    "off screen",
    "thin",
)
NEAR = 0.5


@st.composite
def cameras(draw: st.DrawFn) -> Camera:
    """Any size from 1 x 1, off-centre, perspective or orthographic, through a turned, scaled,
    sheared and mirrored world."""
    width, height = draw(st.integers(1, 45)), draw(st.integers(1, 45))
    camera = look_at(
        target=np.zeros(3),
        distance=2.0,
        yaw_rad=draw(st.floats(-3, 3)),
        pitch_rad=draw(st.floats(-1, 1)),
        width=width,
        height=height,
        fov_y_rad=0.7,
    )
    affine = np.eye(4)
    affine[:3, :3] += draw(st.sampled_from([0.0, 0.3])) * np.array(
        [[0.5, 0.2, 0], [0, -0.4, 0.1], [0.3, 0, 0.6]]
    )
    lens = {}
    if draw(st.booleans()):
        lens = {"orthographic": True, "focal_x": 0.9 * height, "focal_y": 0.8 * height}
    return replace(
        camera,
        camera_from_world=camera.camera_from_world @ affine,
        near=NEAR,
        centre_x=camera.centre_x + draw(st.sampled_from([0.0, -3.3])),
        **lens,
    )


def make_scene(seed: int, count: int, channels: int, oddity: str, camera: Camera) -> Gaussians:
    """count Gaussians about the origin, every third of them odd."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(-0.5, 0.5, (count, 3))
    quaternions = rng.normal(size=(count, 4))
    scales = np.exp(rng.uniform(-6, -1.5, (count, 3)))
    opacities = rng.uniform(0, 1, count)
    colours = rng.uniform(0, 1, (count, channels))
    odd = np.arange(count) % 3 == 0
    forward = camera.camera_from_world[2, :3] / np.sum(camera.camera_from_world[2, :3] ** 2)
    if oddity == "tied":
        means[odd], quaternions[odd] = means[:1], quaternions[:1]
    elif oddity == "behind":
        means[odd] -= 4 * forward
    elif oddity == "at the near plane":
        z = means @ camera.camera_from_world[2, :3] + camera.camera_from_world[2, 3]
        means += ((NEAR + rng.normal(0, 0.02, count) - z) * odd)[:, None] * forward
    elif oddity == "huge":
        scales[odd] *= 1e4
    elif oddity == "tiny":
        scales[odd] *= 1e-12
    elif oddity == "not a number":
        for place in (means, quaternions, scales, opacities, colours):
            if place.size:
                place[rng.integers(count)] = rng.choice([np.nan, np.inf, -np.inf])
    elif oddity == "flat":
        scales[odd, rng.integers(3)] = 0
        scales[: count // 4] = 0
    elif oddity == "empty":
        opacities[odd] = 0
    elif oddity == "off screen":
        means[odd] *= 30
    elif oddity == "thin":
        scales[odd] *= [1e-3, 1, 30]
    return Gaussians(
        means=means.astype(np.float32),
        quaternions=quaternions.astype(np.float32),
        scales=scales.astype(np.float32),
        opacities=opacities.astype(np.float32),
        colours=colours.astype(np.float32),
    )


scenes = st.tuples(
    st.integers(0, 2**32 - 1),
    st.integers(0, 60),
    st.sampled_from([0, 1, 3, 22]),
    st.sampled_from(ODDITIES),
)


@settings(max_examples=150)
@given(scene=scenes, camera=cameras(), antialiased=st.booleans())
def test_any_scene_equals_its_twin(scene, camera: Camera, antialiased: bool):
    gaussians = make_scene(*scene, camera)
    found = rasterise_gaussians(gaussians, camera, antialiased=antialiased)
    twin = splat(gaussians, camera, antialiased=antialiased)
    sure = ~twin.doubtful.numpy()
    np.testing.assert_allclose(found.colour[sure], twin.colour.numpy()[sure], atol=2e-5)
    np.testing.assert_allclose(found.alpha[sure], twin.alpha.numpy()[sure], atol=2e-5)
    np.testing.assert_allclose(found.depth[sure], twin.depth.numpy()[sure], rtol=1e-4)


@settings(max_examples=60)
@given(scene=scenes, camera=cameras(), antialiased=st.booleans())
def test_values_stay_within_what_was_drawn(scene, camera: Camera, antialiased: bool):
    gaussians = make_scene(*scene, camera)
    found = rasterise_gaussians(gaussians, camera, antialiased=antialiased)
    assert found.alpha.min() >= 0
    assert found.alpha.max() <= 1
    assert np.isfinite(found.colour).all()
    assert (found.colour >= 0).all()
    assert (found.colour <= found.alpha[..., None] * 1.00001 + 1e-6).all()
    np.testing.assert_array_equal(np.isinf(found.depth), found.alpha == 0)
    seen = found.depth[found.alpha > 0]
    if seen.size:
        means = gaussians.means[np.isfinite(gaussians.means).all(1)]
        z = means @ camera.camera_from_world[2, :3] + camera.camera_from_world[2, 3]
        z = z[(z >= camera.near) & (z <= camera.far)]
        assert seen.min() >= z.min() * (1 - 1e-4)
        assert seen.max() <= z.max() * (1 + 1e-4)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), camera=cameras(), oddity=st.sampled_from(ODDITIES))
def test_threads_change_no_bit(seed: int, camera: Camera, oddity: str):
    camera = replace(camera, width=camera.width * 5, height=camera.height * 5)
    gaussians = make_scene(seed, 200, 3, oddity, camera)
    pictures = []
    for threads in (1, 2, 3, 7):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OMP_NUM_THREADS", str(threads))
            assert thread_count() == threads
            pictures.append(rasterise_gaussians(gaussians, camera))
    for other in pictures[1:]:
        assert_same_bits(pictures[0], other)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), camera=cameras(), antialiased=st.booleans())
def test_only_the_order_of_equally_deep_ones_matters(seed: int, camera: Camera, antialiased: bool):
    """A shuffle that keeps the order among the tied ones changes no bit."""
    gaussians = make_scene(seed, 60, 3, "tied", camera)
    keys = np.random.default_rng(seed).random(60)
    keys[::3] = np.sort(keys[::3])
    shuffled = chosen(gaussians, np.argsort(keys))
    assert_same_bits(
        rasterise_gaussians(gaussians, camera, antialiased=antialiased),
        rasterise_gaussians(shuffled, camera, antialiased=antialiased),
    )


def test_of_equally_deep_ones_the_first_given_lies_in_front():
    camera = look_at(
        target=np.zeros(3),
        distance=2.0,
        yaw_rad=0.0,
        pitch_rad=0.0,
        width=9,
        height=9,
        fov_y_rad=0.5,
    )
    pair = Gaussians(
        means=np.zeros((2, 3)),
        quaternions=np.tile([1.0, 0, 0, 0], (2, 1)),
        scales=np.full((2, 3), 0.3),
        opacities=np.array([0.9, 0.9]),
        colours=np.eye(2),
    )
    found = rasterise_gaussians(pair, camera)
    np.testing.assert_allclose(found.colour[4, 4], [0.9, 0.09], atol=1e-3)


@settings(max_examples=50)
@given(depths=st.lists(st.one_of(st.just(0), st.integers(0, 2**32 - 1)), max_size=80))
def test_the_radix_sort_is_a_stable_sort(depths: list[int]):
    keys = np.array(depths, np.uint32)
    order = np.argsort(keys, kind="stable")
    np.testing.assert_array_equal(depth_order(keys), order[keys[order] != HIDDEN])


def assert_same_bits(one: GaussianImage, other: GaussianImage) -> None:
    for name in ("colour", "alpha", "depth"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("orthographic", [False, True])
def test_a_camera_may_stand_in_the_crowd(orthographic: bool):
    """An orthographic one also sees what lies behind its own place, if near is below 0."""
    camera = look_at(
        target=np.zeros(3),
        distance=0.1,
        yaw_rad=0.2,
        pitch_rad=0.1,
        width=40,
        height=30,
        fov_y_rad=1.0,
    )
    if orthographic:
        camera = replace(camera, orthographic=True, focal_x=40.0, focal_y=40.0, near=-5.0)
    gaussians = make_scene(3, 60, 3, "none", camera)
    found, twin = rasterise_gaussians(gaussians, camera), splat(gaussians, camera)
    sure = ~twin.doubtful.numpy()
    np.testing.assert_allclose(found.colour[sure], twin.colour.numpy()[sure], atol=2e-5)
    if orthographic:
        assert found.depth.min() < 0
