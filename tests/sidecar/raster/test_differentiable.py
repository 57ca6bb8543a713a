# SPDX-License-Identifier: GPL-3.0-or-later
"""Gradients against torch's own through the plain twin, and a fit that must succeed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from affekt.shared.camera import Camera, camera_centre, look_at
from affekt.sidecar.raster.differentiable import rasterise_tensors
from affekt.sidecar.raster.gaussians import Gaussians, GaussianTensors, rasterise_gaussians
from fakes.splatting import splat
from torch import Tensor

NAMES = ("means", "quaternions", "scales", "opacities", "colours")


def view(width: int = 44, height: int = 37, distance: float = 2.0) -> Camera:
    return look_at(
        target=np.zeros(3),
        distance=distance,
        yaw_rad=0.3,
        pitch_rad=-0.2,
        width=width,
        height=height,
        fov_y_rad=0.6,
    )


def scene(count: int, seed: int, channels: int = 3) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    arrays = (
        rng.uniform(-0.5, 0.5, (count, 3)),
        2 * rng.normal(size=(count, 4)),
        np.exp(rng.uniform(-6, -2, (count, 3))),
        rng.uniform(0.02, 1, count),
        rng.uniform(0, 1, (count, channels)),
    )
    return [torch.tensor(a.astype(np.float32), dtype=torch.float64) for a in arrays]


def record(*tensors: Tensor) -> GaussianTensors:
    return GaussianTensors(**dict(zip(NAMES, tensors, strict=True)))


def gradients(draw, inputs: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
    """Of a random weighting of all that is drawn."""
    leaves = [a.clone().requires_grad_() for a in inputs]
    loss = sum(
        (torch.where(picture.isfinite(), picture, 0.0) * weight).sum()
        for picture, weight in zip(draw(*leaves), weights, strict=True)
    )
    return list(torch.autograd.grad(loss, leaves, materialize_grads=True))


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize(
    ("count", "channels", "distance"), [(80, 3, 2.0), (60, 0, 2.0), (40, 22, 1.0), (120, 1, 0.5)]
)
def test_gradients_equal_the_twins(
    count: int, channels: int, distance: float, orthographic: bool, antialiased: bool
):
    camera = view(distance=distance)
    if orthographic:
        camera = replace(camera, orthographic=True, focal_x=40.0, focal_y=42.0)
    inputs = scene(count, count, channels)
    sure = ~splat(record(*inputs), camera, antialiased=antialiased).doubtful
    assert sure.double().mean() > 0.9
    shapes = [(*sure.shape, channels), sure.shape, sure.shape]
    random = torch.Generator().manual_seed(0)
    weights = [
        torch.randn(shape, generator=random, dtype=torch.float64)
        * sure.reshape(*sure.shape, *[1] * (len(shape) - 2))
        for shape in shapes
    ]

    def draw_twin(*leaves: Tensor) -> tuple[Tensor, ...]:
        twin = splat(record(*leaves), camera, antialiased=antialiased)
        return twin.colour, twin.alpha, twin.depth

    def draw(*leaves: Tensor) -> tuple[Tensor, ...]:
        return rasterise_tensors(record(*leaves), camera, antialiased=antialiased)

    expected, found = gradients(draw_twin, inputs, weights), gradients(draw, inputs, weights)
    for name, a, b in zip(NAMES, expected, found, strict=True):
        assert float((a - b).norm()) <= 3e-4 * float(a.norm()) + 1e-9, name
        assert name == "colours" or float(a.norm()) > 0


def test_the_twins_gradients_are_right():
    """The control: torch's finite differences of the twin, where no cut is near."""
    camera = view(width=6, height=5)
    inputs = [a.clone().requires_grad_() for a in scene(3, 2)]
    with torch.no_grad():
        inputs[0] *= 0.2
        inputs[2].clamp_(min=0.3)
        inputs[3].clamp_(0.2, 0.6)

    def draw(*leaves: Tensor) -> tuple[Tensor, ...]:
        twin = splat(record(*leaves), camera, antialiased=True)
        assert twin.depth.isfinite().all()
        return twin.colour, twin.alpha, twin.depth

    assert torch.autograd.gradcheck(draw, inputs, atol=1e-4)


def test_forward_is_the_rasterisers():
    inputs = [a.float() for a in scene(50, 3)]
    colour, alpha, depth = rasterise_tensors(record(*inputs), view())
    arrays = {name: a.numpy() for name, a in zip(NAMES, inputs, strict=True)}
    expected = rasterise_gaussians(Gaussians(**arrays), view())
    np.testing.assert_array_equal(colour.numpy(), expected.colour)
    np.testing.assert_array_equal(alpha.numpy(), expected.alpha)
    np.testing.assert_array_equal(depth.numpy(), expected.depth)


def test_what_is_not_drawn_has_no_gradient():
    inputs = scene(6, 4)
    inputs[0][0] += 900
    inputs[0][1] = torch.nan
    inputs[3][2] = 0
    inputs[2][3] = torch.inf
    weights = [torch.ones(37, 44, 3), torch.ones(37, 44), torch.ones(37, 44)]
    for name, gradient in zip(
        NAMES,
        gradients(lambda *a: rasterise_tensors(record(*a), view()), inputs, weights),
        strict=True,
    ):
        assert gradient.isfinite().all(), name
        assert not gradient[:4].any(), name
        assert gradient[4:].any(), name


def test_threads_change_no_bit_of_a_gradient(monkeypatch: pytest.MonkeyPatch):
    inputs = scene(150, 5)
    weights = [torch.ones(200, 210, 3), torch.ones(200, 210), torch.ones(200, 210)]
    camera = view(width=210, height=200)
    found = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(gradients(lambda *a: rasterise_tensors(record(*a), camera), inputs, weights))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert torch.equal(a, b)


def test_two_hundred_gaussians_learn_a_picture():
    """Two discs on a ramp: the squared error falls to less than a tenth."""
    camera = view(width=64, height=64)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    wanted = torch.stack([0.5 + 0.4 * x, (x + 0.3).square() + y.square() < 0.2, 0.5 - 0.4 * y], 2)
    wanted[((x - 0.5).square() + (y - 0.4).square()) < 0.1] = torch.tensor([1.0, 1.0, 0.0])
    random = torch.Generator().manual_seed(0)
    means = (torch.rand(200, 3, generator=random) - 0.5) * torch.tensor([1.2, 1.2, 0.2])
    turns = torch.randn(200, 4, generator=random)
    sizes, strengths = torch.full((200, 3), -3.2), torch.zeros(200)
    colours = torch.full((200, 3), 0.5)
    leaves = [a.requires_grad_() for a in (means, turns, sizes, strengths, colours)]
    learner = torch.optim.Adam(leaves, lr=0.03)
    losses = []
    for _ in range(120):
        given = record(means, turns, sizes.exp(), strengths.sigmoid(), colours)
        colour, _, _ = rasterise_tensors(given, camera)
        loss = (colour - wanted).square().mean()
        losses.append(float(loss.detach()))
        learner.zero_grad()
        loss.backward()
        learner.step()
    assert losses[-1] < 0.1 * losses[0], (losses[0], losses[-1])


def test_what_lies_behind_a_closed_pixel_has_no_gradient():
    """Six veils that let 5 % through, one behind the other: the fourth would leave less than 1e-4,
    so it and those behind it are not drawn, and nothing is asked of them."""
    camera = look_at(
        target=np.zeros(3), distance=4.0, yaw_rad=0, pitch_rad=0, width=5, height=5, fov_y_rad=0.1
    )
    towards = camera_centre(camera) / 4.0
    means = np.array([towards * (0.5 - 0.1 * i) for i in range(6)])
    inputs = [
        torch.tensor(a, dtype=torch.float64)
        for a in (
            means,
            np.tile([1.0, 0, 0, 0], (6, 1)),
            np.full((6, 3), 50.0),
            np.full(6, 0.95),
            np.linspace(0.2, 0.7, 18).reshape(6, 3),
        )
    ]
    leaves = [a.requires_grad_() for a in inputs]
    colour, alpha, depth = rasterise_tensors(record(*leaves), camera, antialiased=False)
    (colour[2, 2, 1] + alpha[2, 2] + depth[2, 2]).backward()
    for name, leaf in zip(NAMES, leaves, strict=True):
        assert leaf.grad is not None
        assert torch.count_nonzero(leaf.grad[3:]) == 0, name
    green = leaves[4].grad[:, 1]
    assert green.numpy() == pytest.approx([0.95, 0.0475, 0.002375, 0, 0, 0], abs=2e-6)
    assert float(leaves[3].grad[:3].abs().min()) > 0
