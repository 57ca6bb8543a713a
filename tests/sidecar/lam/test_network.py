# SPDX-License-Identifier: GPL-3.0-or-later
"""LAM's network against its plain twin, which needs no data; and how emotion enters it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from affekt.sidecar.lam.decoder import Gate, gated_attention
from affekt.sidecar.lam.emotion import EmotionTokens, Feeling
from affekt.sidecar.lam.gaussian_head import Attributes
from affekt.sidecar.lam.network import LamNetwork, Layer
from affekt.sidecar.lam.settings import LAM_20K, EmotionConfig, EmotionMode
from affekt.sidecar.steps import finish
from fakes.lam_twin import SMALL, decoded, encoded, gaussians, random_network
from torch import Tensor

POINTS, TOKENS = 37, 3


@pytest.fixture(scope="module")
def network() -> LamNetwork:
    return random_network()


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def points() -> Tensor:
    return 0.1 * torch.randn(1, POINTS, 3, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return torch.randn(1, TOKENS, SMALL.features, generator=torch.Generator().manual_seed(3))


def same(found: Attributes, wanted: dict[str, Tensor]) -> None:
    for name, values in wanted.items():
        torch.testing.assert_close(getattr(found, name)[0], values, atol=2e-5, rtol=0)


def test_photo_to_gaussians(network: LamNetwork, image: Tensor, points: Tensor) -> None:
    state = network.state_dict()
    features = encoded(state, SMALL, image[0])
    torch.testing.assert_close(finish(network.encode(image))[0], features, atol=2e-5, rtol=0)
    out = decoded(state, SMALL, features, points[0], 0, torch.zeros(3))
    same(network(image, points), gaussians(state, out))


@pytest.mark.parametrize("openings", [(1.0, 1.0, 1.0), (0.3, 1.4, 0.05), (2e-4, 0.0, 0.6)])
def test_gates(
    network: LamNetwork, image: Tensor, points: Tensor, tokens: Tensor, openings: tuple[float, ...]
) -> None:
    features = finish(network.encode(image))
    felt = Feeling(tokens=tokens, openings=torch.tensor(openings)[:, None])
    found = finish(network.attend(features, points, felt))
    together = torch.cat([features, tokens], 1)[0]
    wanted = decoded(
        network.state_dict(), SMALL, together, points[0], TOKENS, torch.tensor(openings)
    )
    torch.testing.assert_close(found[0], wanted, atol=5e-5, rtol=0)


def test_open_gates_are_concatenation(
    network: LamNetwork, image: Tensor, points: Tensor, tokens: Tensor
) -> None:
    features = finish(network.encode(image))
    plain = finish(network.attend(features, points, Feeling(tokens=tokens, openings=None)))
    gated = Feeling(tokens=tokens, openings=torch.ones(SMALL.layers, 1))
    found = finish(network.attend(features, points, gated))
    torch.testing.assert_close(found, plain, atol=2e-5, rtol=0)
    without = finish(network.attend(features, points))
    assert (plain - without).abs().max() > 0.05  # else the equality above says nothing


def test_gated_attention_by_hand() -> None:
    """Two keys of equal score: the emotion's counts half, so it gets a third."""
    query, key = torch.zeros(1, 1, 1, 8), torch.zeros(1, 1, 2, 8)
    value = torch.zeros(1, 1, 2, 8)
    value[..., 0, 0], value[..., 1, 0] = 3.0, 9.0
    seen = gated_attention(query, key, value, Gate(count=1, opening=torch.tensor([0.5])))
    assert seen[0, 0, 0, 0].item() == pytest.approx(5.0)


@pytest.mark.parametrize("opening", [0.0, 4e-4, 0.3])
def test_the_gate_has_its_gradient(opening: float) -> None:
    generator = torch.Generator().manual_seed(4)
    query, key, value = (
        torch.randn(1, 2, n, 8, generator=generator, dtype=torch.float64) for n in (5, 9, 9)
    )

    def total(opened: Tensor) -> Tensor:
        return gated_attention(query, key, value, Gate(count=2, opening=opened)).square().sum()

    given = torch.tensor([opening], requires_grad=True)
    (gradient,) = torch.autograd.grad(total(given), given)
    step = 1e-3
    rise = total(torch.tensor([opening + step])) - total(torch.tensor([opening]))
    assert gradient.item() == pytest.approx(rise.item() / step, rel=2e-2)


@pytest.fixture(params=["gated", "concatenate"])
def emotion(request: pytest.FixtureRequest) -> EmotionTokens:
    mode: EmotionMode = request.param
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        return EmotionTokens(EmotionConfig(mode=mode, tokens=TOKENS, width=16), SMALL)


def test_strength_is_the_gate_and_not_the_token(emotion: EmotionTokens) -> None:
    weights = torch.tensor([[0.0, 0.2, 0, 0.6, 0, 0], [0.0, 0.1, 0, 0.3, 0, 0]])
    emotion.gates.data.copy_(torch.tensor([0.5, -0.2, 1.0]))
    felt = emotion(weights)
    torch.testing.assert_close(felt.tokens[0], felt.tokens[1])
    if emotion.config.mode == "gated":
        wanted = torch.tensor([[0.4, 0.2], [0.0, 0.0], [0.8, 0.4]])
        torch.testing.assert_close(felt.openings, wanted)
    else:
        assert felt.openings is None


def test_strength_ends_at_its_most(emotion: EmotionTokens) -> None:
    emotion.gates.data.fill_(1)
    felt = emotion(torch.tensor([[2.0, 0, 3.0, 0, 0, 0]]))
    if felt.openings is not None:
        assert felt.openings.max().item() == pytest.approx(1.5)


def test_at_first_all_gates_are_closed_and_only_they_learn(
    network: LamNetwork, image: Tensor, points: Tensor
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        emotion = EmotionTokens(EmotionConfig(tokens=TOKENS, width=16), SMALL)
    assert emotion.adds_nothing()
    features = finish(network.encode(image))
    made = finish(network.decode(features, points, emotion(torch.eye(6)[1:2])))
    plain = finish(network.decode(features, points))
    torch.testing.assert_close(made.colours, plain.colours, atol=2e-5, rtol=0)
    made.colours.square().sum().backward()
    assert emotion.gates.grad is not None
    assert (emotion.gates.grad.abs() > 1e-4).all()
    assert emotion.embedding.grad is not None
    assert emotion.embedding.grad.abs().max() < 1e-6
    emotion.gates.data.fill_(-0.1)  # pushed too far: it is closed, and comes back
    emotion.gates.grad = None
    finish(network.decode(features, points, emotion(torch.eye(6)[1:2]))).colours.sum().backward()
    assert emotion.adds_nothing()
    assert (emotion.gates.grad.abs() > 1e-6).all()


def test_layers_are_told_in_their_order(network: LamNetwork, image: Tensor, points: Tensor) -> None:
    told: list[Layer] = []
    finish(network.decode(finish(network.encode(image), told.append), points), told.append)
    assert [(one.stage, one.index, one.count) for one in told] == [
        *(("encoder", k, 5) for k in range(5)),
        *(("decoder", k, 3) for k in range(3)),
    ]


def test_activations_may_be_computed_again(image: Tensor, points: Tensor) -> None:
    """The gradients are the same."""
    gradients = []
    for keep in (True, False):
        network = random_network().requires_grad_(True)
        network.keep_activations = keep
        network(image, points).colours.square().sum().backward()
        gradients.append(network.encoder.model.blocks[0].attn.qkv.weight.grad)
    torch.testing.assert_close(*gradients)


def test_half_precision_keeps_to_the_streams(image: Tensor, points: Tensor) -> None:
    """Matrices in bfloat16: close to single precision, and Gaussians in single precision."""
    from affekt.sidecar.lam.checkpoint import lower_precision

    full, half = random_network(), lower_precision(random_network())
    made, wanted = half(image, points), full(image, points)
    assert half.transformer.layers[0].attn.to_q.weight.dtype == torch.bfloat16
    assert made.colours.dtype == made.offsets.dtype == torch.float32
    assert (made.colours - wanted.colours).abs().mean() < 0.03
    assert (made.offsets - wanted.offsets).abs().mean() < 2e-3


def test_parameters_are_those_of_the_released_network() -> None:
    data = os.environ.get("AFFEKT_TEST_DATA")
    path = Path(data or "").parent / "reference" / "lam_state_dict.json"
    if data is None or not path.is_file():
        pytest.skip("no lam_state_dict.json in reference/ beside AFFEKT_TEST_DATA")
    listed = json.loads(path.read_text())["parameters"]
    with torch.device("meta"):
        network = LamNetwork(LAM_20K)
    ours = {name: list(values.shape) for name, values in network.named_parameters()}
    assert ours == {name: shape for name, (shape, _) in listed.items()}


def test_size_of_the_released_network() -> None:
    with torch.device("meta"):
        network = LamNetwork(LAM_20K)
    sizes = [values.numel() for values in network.parameters()]
    assert (len(sizes), sum(sizes)) == (691, 557_642_254)
