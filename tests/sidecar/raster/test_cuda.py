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
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.camera import Camera, look_at
from affekt.shared.errors import InputError
from affekt.sidecar.raster import cuda
from affekt.sidecar.raster.cuda import CudaRasteriser, frames_per_call, split_calls
from affekt.sidecar.raster.device import CpuRasteriser, GaussianFrame, choose_rasteriser
from affekt.sidecar.raster.gaussians import GaussianImage, rasterise_gaussians
from fakes import gsplat as stand_in
from fakes.gsplat_on_cpu import composited_pairs, gsplat_on_cpu

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


def scene(count: int = 150, seed: int = 0, channels: int = 3) -> GaussianFrame:
    rng = np.random.default_rng(seed)
    return GaussianFrame(
        means=rng.uniform(-0.5, 0.5, (count, 3)).astype(np.float32),
        quaternions=rng.normal(size=(count, 4)).astype(np.float32),
        scales=np.exp(rng.uniform(-6, -2, (count, 3))).astype(np.float32),
        opacities=rng.uniform(0, 1, count).astype(np.float32),
        colours=rng.random((count, channels)).astype(np.float32),
        camera=view(),
    )


def arrays(frame: GaussianFrame) -> tuple:
    return (
        frame.means,
        frame.quaternions,
        frame.scales,
        frame.opacities,
        frame.colours,
        frame.camera,
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


SCENES = {
    "plain": scene(),
    "one channel": scene(channels=1),
    "no channel": scene(channels=0),
    "a pass of channels": scene(channels=31),
    "a pass and its depth": scene(channels=32),
    "three passes": scene(60, channels=70),
    "crowded": replace(scene(500, 1), camera=view(width=33, height=47)),
    "off the axis": replace(scene(seed=2), camera=view(centre_x=3.0, centre_y=35.0, focal_y=40.0)),
    "near and far": replace(scene(seed=3), camera=view(near=1.9, far=2.1)),
    "inside the cloud": replace(
        scene(seed=4), camera=replace(view(), camera_from_world=np.eye(4), near=0.05)
    ),
    "orthographic": replace(
        scene(seed=5), camera=view(orthographic=True, focal_x=50.0, focal_y=60.0)
    ),
    "orthographic, behind too": replace(
        scene(seed=5),
        camera=view(
            orthographic=True, focal_x=50.0, focal_y=60.0, near=-5.0, camera_from_world=np.eye(4)
        ),
    ),
    "scaled": replace(scene(seed=6), camera=view(camera_from_world=affine(scale=1.3))),
    "sheared": replace(scene(seed=7), camera=view(camera_from_world=affine(shear=0.4))),
    "no Gaussians": scene(0),
    "nothing in sight": replace(scene(), camera=view(far=0.5)),
}


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("name", SCENES)
def test_equals_cpu(rasteriser: CudaRasteriser, name: str, antialiased: bool):
    frame = SCENES[name]
    found = rasteriser(*arrays(frame), antialiased=antialiased)
    wanted = rasterise_gaussians(*arrays(frame), antialiased=antialiased)
    apart = differences(found, wanted)
    print(f"{name}: colour {apart['colour']:.1e}, alpha {apart['alpha']:.1e}")
    assert_equal_images(found, wanted)
    if name not in ("no Gaussians", "nothing in sight"):
        assert wanted.alpha.max() > 0.5


def test_values_that_are_no_numbers_are_left_out(rasteriser: CudaRasteriser):
    """As on the CPU; gsplat alone would fill tiles with them."""
    frame = scene(40)
    means, quaternions, scales, opacities = (
        array.copy() for array in (frame.means, frame.quaternions, frame.scales, frame.opacities)
    )
    opacities[:] = 0.7
    means[0], means[1], quaternions[2], quaternions[3] = np.nan, np.inf, np.nan, 0
    scales[4], scales[5], opacities[6], scales[7] = np.nan, np.inf, np.nan, 1e30
    bad = replace(frame, means=means, quaternions=quaternions, scales=scales, opacities=opacities)
    assert_equal_images(rasteriser(*arrays(bad)), rasterise_gaussians(*arrays(bad)))
    clean = {
        name: getattr(bad, name)[7:]  # a vast one is drawn
        for name in ("means", "quaternions", "scales", "opacities", "colours")
    }
    assert_equal_images(rasteriser(*arrays(bad)), rasterise_gaussians(*clean.values(), view()))


def test_values_that_are_no_numbers_are_sent_as_invisible():
    """gsplat's kernels drop a Gaussian for its opacity before they look at anything that may be
    no number, but for depth; its reference is kinder, so that pictures alone do not tell."""
    frame, spy = scene(8), Spy()
    damaged = {}
    for place, name in enumerate(("means", "quaternions", "scales", "opacities")):
        damaged[name] = getattr(frame, name).copy()
        damaged[name][2 * place], damaged[name][2 * place + 1] = np.nan, np.inf
    rasteriser_of(spy)(*arrays(replace(frame, **damaged)))
    assert not spy.calls[0]["opacities"].any()


def test_double_precision_and_strides_are_taken(rasteriser: CudaRasteriser):
    frame = scene(50)
    means = np.asfortranarray(frame.means.astype(np.float64))
    colours = np.repeat(frame.colours, 2, 1)[:, ::2]
    found = rasteriser(*arrays(replace(frame, means=means, colours=colours)))
    assert_equal_images(found, rasterise_gaussians(*arrays(frame)))


def mixed_frames() -> list[GaussianFrame]:
    """Sizes, counts and kinds change in the middle; colours and opacities are shared."""
    first = scene(60)
    moved = [replace(first, means=first.means + np.float32(0.02 * i)) for i in range(4)]
    turned = [replace(first, camera=replace(view(), centre_x=20.0 + 5 * i)) for i in range(3)]
    small = [replace(first, camera=view(width=24, height=24, centre_x=12.0, centre_y=12.0))]
    others = (view(near=1.9), view(near=1.9, far=2.1), view(orthographic=True, focal_x=50.0))
    kinds = [replace(first, camera=camera) for camera in others]
    return [*moved, *small, *turned, *kinds, scene(20, 3), scene(20, 4, channels=5), *moved[:1]]


def test_a_batch_equals_its_frames_alone(rasteriser: CudaRasteriser):
    frames = mixed_frames()
    for found, frame in zip(rasteriser.batch(frames), frames, strict=True):
        alone = rasteriser(*arrays(frame))
        for name in ("colour", "alpha", "depth"):
            np.testing.assert_allclose(
                getattr(found, name), getattr(alone, name), atol=1e-6, err_msg=name
            )


def test_the_cpu_has_batches_too():
    frames = mixed_frames()[:6]
    images = CpuRasteriser(reason="").batch(frames, antialiased=True)
    for found, frame in zip(images, frames, strict=True):
        wanted = rasterise_gaussians(*arrays(frame), antialiased=True)
        np.testing.assert_array_equal(found.colour, wanted.colour)


def test_no_frames(rasteriser: CudaRasteriser):
    assert rasteriser.batch([]) == []


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
    for antialiased, frame in itertools.product((False, True), frames):
        found = rasteriser(*arrays(frame), antialiased=antialiased)
        wanted = rasterise_gaussians(*arrays(frame), antialiased=antialiased)
        apart = differences(found, wanted)
        kind = "antialiased" if antialiased else "classic"
        print(
            f"{name}, {size} x {size}, {kind}: colour {255 * apart['colour']:.3f}/255, alpha "
            f"{255 * apart['alpha']:.3f}/255, depth {1e3 * apart['depth']:.3f} mm, pixels beyond "
            f"1/255: {apart['share']:.1e}, beyond 0.1/255: {apart['tenth']:.1e}"
        )
        record_property(kind, apart)
        assert_equal_images(found, wanted)


def real_frames(real_data: Path, name: str, size: int = 512) -> list[GaussianFrame]:
    """Two poses."""
    from affekt.sidecar.avatar.drive import Actor
    from affekt.sidecar.avatar.read import read_avatar
    from affekt.sidecar.render.framing import default_camera
    from fakes.plain_drive import arkit_motion

    avatar = read_avatar(real_data / "lam_avatars" / f"{name}.zip")
    weights = np.random.default_rng(3).uniform(0, 0.5, (2, 52))
    actor = Actor(avatar, arkit_motion(weights, (0.1, 0.4, 0.0)))
    camera = default_camera(avatar, size, size)
    return [
        GaussianFrame(
            means=g.means,
            quaternions=g.quaternions,
            scales=g.scales,
            opacities=g.opacities,
            colours=g.colours,
            camera=camera,
        )
        for g in (actor.pose(index).gaussians for index in range(2))
    ]


@BUILDS
def test_a_resident_avatar_on_the_card(real_data: Path):
    """Animated and drawn on the card in one batch; equal to the actor drawn on the CPU."""
    from affekt.sidecar.avatar.drive import Actor
    from affekt.sidecar.avatar.read import read_avatar
    from affekt.sidecar.avatar.resident import place_on, take_on
    from affekt.sidecar.render.framing import default_camera
    from fakes.plain_drive import arkit_motion

    rasteriser = card()
    avatar = read_avatar(real_data / "lam_avatars" / "statue.zip")
    weights = np.random.default_rng(0).uniform(0, 0.4, (8, 52))
    motion, camera = arkit_motion(weights, (0.1, 0.3, 0.0)), default_camera(avatar, 512, 512)
    batch = place_on(avatar, rasteriser.torch_device).pose(
        *take_on(motion, rasteriser.torch_device)
    )
    drawn = rasteriser.draw(batch, [camera] * 8)
    for index in range(8):
        g = Actor(avatar, motion).pose(index).gaussians
        found = GaussianImage(
            colour=drawn.colour[index].cpu().numpy(),
            alpha=drawn.alpha[index].cpu().numpy(),
            depth=drawn.depth[index].cpu().numpy(),
        )
        wanted = rasterise_gaussians(
            g.means, g.quaternions, g.scales, g.opacities, g.colours, camera
        )
        assert_equal_images(found, wanted)


@BUILDS
def test_bench_on_the_card():
    """Prints what it costs; asserts no time."""
    from ...bench.gpu import run_gpu_bench

    card()
    run_gpu_bench()


# What is sent, and in how many calls.


class Spy:
    """The stand-in, noting what each call was given; may run out of memory."""

    def __init__(self, most_frames: int = 10**9) -> None:
        self.most_frames = most_frames
        self.calls: list[dict] = []

    def __call__(self, **given):
        inspect.signature(stand_in.rasterization).bind(**given)
        self.calls.append(given)
        if len(given["means"]) > self.most_frames:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return stand_in.rasterization(**given)


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


def test_frames_of_one_kind_go_in_one_call():
    spy = Spy()
    rasteriser_of(spy).batch(mixed_frames())
    assert [len(call["means"]) for call in spy.calls] == [4, 1, 3, 1, 1, 1, 1, 1, 1]


def test_what_frames_share_is_sent_once():
    """Moved heads: means differ, the rest is one array expanded."""
    spy = Spy()
    rasteriser_of(spy).batch(mixed_frames()[:4])
    (call,) = spy.calls
    assert call["means"].stride(0) > 0
    for name in ("quats", "colors"):
        assert call[name].shape[0] == 4
        assert call[name].stride(0) == 0, name


def test_out_of_memory_halves_the_batch():
    spy = Spy(most_frames=2)
    frames = [replace(scene(20), means=scene(20).means + i) for i in range(5)]
    images = rasteriser_of(spy).batch(frames)
    assert [len(call["means"]) for call in spy.calls] == [5, 2, 3, 1, 2]
    for found, frame in zip(images, frames, strict=True):
        np.testing.assert_array_equal(found.alpha, rasteriser_of(Spy())(*arrays(frame)).alpha)


def test_out_of_memory_with_one_frame_is_said():
    with pytest.raises(InputError) as caught:
        rasteriser_of(Spy(most_frames=0)).batch([scene(5), scene(5)])
    assert caught.value.code == "option.device_memory"


def test_what_would_not_fit_is_refused_first():
    huge = np.zeros((1, 200), np.float32)
    frame = replace(scene(1), colours=huge, camera=view(width=7680, height=4320))
    spy = Spy()
    with pytest.raises(InputError) as caught:
        rasteriser_of(spy).batch([scene(1), frame])
    assert caught.value.code == "option.size"
    assert not spy.calls


@pytest.mark.parametrize(
    ("width", "height", "gaussians", "channels"),
    list(
        itertools.product([16, 512, 7680], [16, 2048], [1, 20_018, 2_000_000], [0, 3, 31, 32, 60])
    ),
)
def test_a_call_stays_within_gsplat_and_the_card(
    width: int, height: int, gaussians: int, channels: int
):
    free = 8 << 30
    frames = frames_per_call(
        width=width, height=height, gaussians=gaussians, channels=channels, free_bytes=free
    )
    assert frames >= 1
    assert frames * -(-width // 16) * -(-height // 16) <= 1 << 30
    floats = width * height * (channels + 2) + gaussians * (channels + 11)
    assert frames == 1 or 4 * floats * frames <= free // 2
    # Offsets into pixels and into Gaussians are counted in 32 bits.
    assert frames * max(width * height * (channels + 1), gaussians * 4) < 1 << 32


def test_a_call_takes_half_of_what_is_free():
    def at(free_bytes: int) -> int:
        return frames_per_call(width=16, height=16, gaussians=20, channels=3, free_bytes=free_bytes)

    most = cuda.MAX_CALL_BYTES
    assert at(most) < at(2 * most - (1 << 24)) < at(2 * most) == at(20 * most)


def test_less_memory_makes_smaller_calls_of_the_same_frames():
    frames = [replace(scene(10), means=scene(10).means + i) for i in range(7)]
    one = cuda.frames_per_call(width=72, height=40, gaussians=10, channels=3, free_bytes=1 << 40)
    assert one > 7
    few = list(split_calls(frames, 1 << 20))
    assert max(map(len, few)) < 7
    assert flattened(few) == flattened(split_calls(frames, 1 << 40)) == [id(f) for f in frames]


def flattened(calls: Iterator[Sequence[GaussianFrame]] | list) -> list[int]:
    return [id(frame) for call in calls for frame in call]


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
