# SPDX-License-Identifier: GPL-3.0-or-later
"""The gsplat path against the CPU rasteriser. Four ways under one set of tests:

- stand_in: a function with gsplat's signature, by the plain twin; always runs;
- gsplat_on_cpu: the installed gsplat's own Python, its kernels replaced by its torch reference;
  wherever gsplat is installed;
- card: gsplat's kernels; only where there is a card. `pytest tests/sidecar/raster -k cuda -s`
  does all there is and prints the figures.
"""

import contextlib
import inspect
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.camera import Camera, look_at
from affekt.shared.errors import InputError
from affekt.sidecar.raster import cuda
from affekt.sidecar.raster.cuda import CudaRasteriser
from affekt.sidecar.raster.device import choose_rasteriser
from affekt.sidecar.raster.gaussians import GaussianImage, Gaussians, rasterise_gaussians
from fakes import gsplat as stand_in
from fakes.gsplat_on_cpu import composited_pairs, gsplat_on_cpu
from fakes.splatting import chosen

CPU = torch.device("cpu")
STEP = 1 / 255


def rasteriser_of(rasterization) -> CudaRasteriser:
    return CudaRasteriser(rasterization=rasterization, torch_device=CPU, reason="a test")


# gsplat's first use builds its kernels.
BUILDS = pytest.mark.timeout(1800)


@pytest.fixture(params=["stand_in", "gsplat_on_cpu", pytest.param("card", marks=BUILDS)])
def rasteriser(request) -> Iterator[CudaRasteriser]:
    with contextlib.ExitStack() as stack:
        if request.param == "stand_in":
            yield rasteriser_of(stand_in.rasterization)
        elif request.param == "gsplat_on_cpu":
            pytest.importorskip("gsplat", reason="gsplat is not installed")
            yield rasteriser_of(stack.enter_context(gsplat_on_cpu()))
        else:
            yield card()


def card() -> CudaRasteriser:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    pytest.importorskip("gsplat", reason="gsplat is not installed")
    return choose_rasteriser("cuda")


def view(**changes) -> Camera:
    camera = look_at(
        target=np.zeros(3),
        distance=2.0,
        yaw_rad=0.3,
        pitch_rad=-0.2,
        width=72,
        height=40,
        fov_y_rad=0.6,
    )
    return replace(camera, **changes)


def affine(*, shear: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """A head that is scaled, or even sheared, in Blender."""
    linear = np.eye(4)
    linear[:3, :3] *= [[scale], [scale], [scale]]
    linear[0, 1] += shear
    linear[2, 2] *= 1 + shear
    return view().camera_from_world @ linear


def scene(count: int = 150, seed: int = 0, channels: int = 3) -> Gaussians:
    rng = np.random.default_rng(seed)
    return Gaussians(
        means=rng.uniform(-0.5, 0.5, (count, 3)).astype(np.float32),
        quaternions=rng.normal(size=(count, 4)).astype(np.float32),
        scales=np.exp(rng.uniform(-6, -2, (count, 3))).astype(np.float32),
        opacities=rng.uniform(0, 1, count).astype(np.float32),
        colours=rng.random((count, channels)).astype(np.float32),
    )


def differences(found: GaussianImage, wanted: GaussianImage) -> dict[str, float]:
    """Largest differences, of depth where both see much; and the shares of pixels
    beyond 1 / 255 and beyond a tenth of it."""
    colour = np.abs(found.colour - wanted.colour).max(-1, initial=0)
    alpha = np.abs(found.alpha - wanted.alpha)
    solid = (wanted.alpha > 0.5) & (found.alpha > 0.5)
    depth = np.abs(np.where(solid, found.depth, 0) - np.where(solid, wanted.depth, 0))
    return {
        "colour": float(colour.max()),
        "alpha": float(alpha.max()),
        "depth": float(depth.max()),
        "share": float((np.maximum(colour, alpha) > STEP).mean()),
        "tenth": float((np.maximum(colour, alpha) > 0.1 * STEP).mean()),
    }


def assert_equal_images(found: GaussianImage, wanted: GaussianImage) -> None:
    """Within 1 / 255, but for the few pixels where rounding decides at the alpha cut; there one
    Gaussian's share is 1 / 255 at most, and what it hid is seen."""
    for name in ("colour", "alpha", "depth"):
        array = getattr(found, name)
        assert array.shape == getattr(wanted, name).shape
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
    apart = differences(found, wanted)
    assert apart["share"] <= 1e-3, apart
    assert apart["colour"] <= 2.5 * STEP, apart
    assert apart["alpha"] <= 2.5 * STEP, apart
    assert apart["depth"] <= 2e-3, apart
    np.testing.assert_array_equal(np.isinf(found.depth), found.alpha == 0)
    assert ((found.alpha > 0) == (wanted.alpha > 0)).mean() > 0.999


FLAT = {"orthographic": True, "focal_x": 50.0, "focal_y": 60.0}
SCENES: dict[str, tuple[Gaussians, Camera]] = {
    "plain": (scene(), view()),
    "one channel": (scene(channels=1), view()),
    "no channel": (scene(channels=0), view()),
    "a pass of channels": (scene(channels=31), view()),
    "a pass and its depth": (scene(channels=32), view()),
    "three passes": (scene(60, channels=70), view()),
    "crowded": (scene(500, 1), view(width=33, height=47)),
    "off the axis": (scene(seed=2), view(centre_x=3.0, centre_y=35.0, focal_y=40.0)),
    "near and far": (scene(seed=3), view(near=1.9, far=2.1)),
    "inside the cloud": (scene(seed=4), view(camera_from_world=np.eye(4), near=0.05)),
    "orthographic": (scene(seed=5), view(**FLAT)),
    "orthographic, behind too": (
        scene(seed=5),
        view(near=-5.0, camera_from_world=np.eye(4), **FLAT),
    ),
    "scaled": (scene(seed=6), view(camera_from_world=affine(scale=1.3))),
    "sheared": (scene(seed=7), view(camera_from_world=affine(shear=0.4))),
    "no Gaussians": (scene(0), view()),
    "nothing in sight": (scene(), view(far=0.5)),
}


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("name", SCENES)
def test_equals_cpu(rasteriser: CudaRasteriser, name: str, antialiased: bool):
    found = rasteriser(*SCENES[name], antialiased=antialiased)
    wanted = rasterise_gaussians(*SCENES[name], antialiased=antialiased)
    apart = differences(found, wanted)
    print(f"{name}: colour {apart['colour']:.1e}, alpha {apart['alpha']:.1e}")
    assert_equal_images(found, wanted)
    if name not in ("no Gaussians", "nothing in sight"):
        assert wanted.alpha.max() > 0.5


def test_values_that_are_no_numbers_are_left_out(rasteriser: CudaRasteriser):
    """As on the CPU; gsplat alone would fill tiles with them."""
    bad = scene(40)
    means, quaternions, scales, opacities = (bad.means, bad.quaternions, bad.scales, bad.opacities)
    opacities[:] = 0.7
    means[0], means[1], quaternions[2], quaternions[3] = np.nan, np.inf, np.nan, 0
    scales[4], scales[5], opacities[6], scales[7] = np.nan, np.inf, np.nan, 1e30
    assert_equal_images(rasteriser(bad, view()), rasterise_gaussians(bad, view()))
    clean = chosen(bad, slice(7, None))  # a vast one is drawn
    assert_equal_images(rasteriser(bad, view()), rasterise_gaussians(clean, view()))


def test_values_that_are_no_numbers_are_sent_as_invisible():
    """gsplat's kernels drop a Gaussian for its opacity before they look at anything that may be
    no number, but for depth; its reference is kinder, so that pictures alone do not tell."""
    damaged, spy = scene(8), Spy()
    for place, name in enumerate(("means", "quaternions", "scales", "opacities")):
        values = getattr(damaged, name)
        values[2 * place], values[2 * place + 1] = np.nan, np.inf
    rasteriser_of(spy)(damaged, view())
    assert not spy.calls[0]["opacities"].any()


def test_double_precision_and_strides_are_taken(rasteriser: CudaRasteriser):
    plain = scene(50)
    means = np.asfortranarray(plain.means.astype(np.float64))
    odd = replace(plain, means=means, colours=np.repeat(plain.colours, 2, 1)[:, ::2])
    assert_equal_images(rasteriser(odd, view()), rasterise_gaussians(plain, view()))


@pytest.mark.parametrize("name", ["statue", "barbara"])
def test_a_real_avatar(
    rasteriser: CudaRasteriser, name: str, real_data: Path, request, record_property
):
    """20,018 Gaussians of a real avatar in a real pose; the figures are printed."""
    if "stand_in" in request.node.name:
        pytest.skip("the stand-in composites whole pictures: minutes")
    # gsplat's reference in torch takes a minute for pictures as large as a card draws them.
    size = 160 if "gsplat_on_cpu" in request.node.name else 512
    frames = real_frames(real_data, name, size)
    for antialiased, shot in itertools.product((False, True), frames):
        found = rasteriser(*shot, antialiased=antialiased)
        wanted = rasterise_gaussians(*shot, antialiased=antialiased)
        apart = differences(found, wanted)
        kind = "antialiased" if antialiased else "classic"
        print(
            f"{name}, {size} x {size}, {kind}: colour {255 * apart['colour']:.3f}/255, alpha "
            f"{255 * apart['alpha']:.3f}/255, depth {1e3 * apart['depth']:.3f} mm, pixels beyond "
            f"1/255: {apart['share']:.1e}, beyond 0.1/255: {apart['tenth']:.1e}"
        )
        record_property(kind, apart)
        assert_equal_images(found, wanted)


def real_frames(real_data: Path, name: str, size: int = 512) -> list[tuple[Gaussians, Camera]]:
    """Two poses."""
    from affekt.sidecar.avatar.drive import Actor
    from affekt.sidecar.avatar.read import read_avatar
    from affekt.sidecar.render.portrait import default_camera
    from fakes.plain_drive import arkit_motion

    avatar = read_avatar(real_data / "lam_avatars" / f"{name}.zip")
    weights = np.random.default_rng(3).uniform(0, 0.5, (2, 52))
    actor = Actor(avatar, arkit_motion(weights, (0.1, 0.4, 0.0)))
    camera = default_camera(avatar, size, size)
    return [(actor.pose(index).gaussians, camera) for index in range(2)]


@BUILDS
def test_bench_on_the_card():
    """Prints what it costs; asserts no time."""
    from ...bench.gpu import run_gpu_bench

    card()
    run_gpu_bench()


# What is sent.


class Spy:
    """The stand-in, noting what each call was given; may run out of memory."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.is_full = is_full
        self.calls: list[dict] = []

    def __call__(self, **given):
        inspect.signature(stand_in.rasterization).bind(**given)
        self.calls.append(given)
        if self.is_full:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return stand_in.rasterization(**given)


def test_what_single_precision_cannot_hold_is_sent_as_infinite():
    """Without a word of numpy's: such a Gaussian is left out."""
    sent = cuda._send_array(np.array([[1e300, -1e300, 0.5]]), torch.device("cpu"))
    assert sent.dtype == torch.float32
    assert sent.tolist() == [[np.inf, -np.inf, 0.5]]


def test_a_cameras_two_focal_lengths_and_its_middle_keep_their_places():
    camera = replace(view(), focal_x=50.0, focal_y=60.0, centre_x=7.0, centre_y=9.0)
    pose, lens = cuda.camera_matrices(camera)
    assert lens.tolist() == [[[[50, 0, 7], [0, 60, 9], [0, 0, 1]]]]
    np.testing.assert_allclose(pose[0, 0], camera.camera_from_world, rtol=1e-6)


def test_gsplat_takes_what_is_sent():
    """The stand-in's signature is that of the installed gsplat, down to defaults and order."""
    gsplat = pytest.importorskip("gsplat", reason="gsplat is not installed")
    theirs = inspect.signature(gsplat.rasterization).parameters
    ours = inspect.signature(stand_in.rasterization).parameters
    assert list(theirs) == list(ours)
    for name, parameter in theirs.items():
        assert parameter.kind == ours[name].kind
        if name != "rolling_shutter":
            assert parameter.default == ours[name].default, name


def test_a_full_card_is_said():
    with pytest.raises(InputError) as caught:
        rasteriser_of(Spy(is_full=True))(scene(5), view())
    assert caught.value.code == "option.device_memory"


def test_a_picture_that_would_not_fit_is_refused_first():
    spy = Spy()
    with pytest.raises(InputError) as caught:
        rasteriser_of(spy)(scene(1, channels=200), view(width=7680, height=4320))
    assert caught.value.code == "option.size"
    assert not spy.calls


def test_pixel_pairs_stop_where_a_pixel_is_closed():
    """The one part of gsplat_on_cpu that is neither gsplat's nor covered by an equality alone."""
    means, conics = torch.full((4, 2), 8.5), torch.tensor([[0.0, 0.0, 0.0]]).repeat(4, 1)
    opacities = torch.tensor([0.999, 0.001, 0.99, 0.5])
    gaussian, pixel, image = composited_pairs(
        means, conics, opacities, 16, 16, torch.zeros(1, 1, 1).long(), torch.arange(4)
    )
    assert len(pixel) == 16 * 16  # the third would leave 1e-5
    assert not image.any()
    assert set(gaussian.tolist()) == {0}
