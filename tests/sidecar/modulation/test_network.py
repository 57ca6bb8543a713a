# SPDX-License-Identifier: GPL-3.0-or-later
"""The network as it is trained; `test_inference.py` asks what it computes afterwards."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from affekt.sidecar.modulation.network import (
    EMOTION_ENTRIES,
    NUMBERS,
    Attention,
    GeometryNetwork,
    NetworkConfig,
)


def test_a_level_that_all_scores_share_leaves_the_slopes_in_half_precision():
    # Softmax does not see the level; bfloat16 rounded all scores to steps of it, and the slopes
    # then agreed by a cosine of -0.2. Whole trainings were lost.
    torch.manual_seed(0)
    attention = Attention(NetworkConfig(width=64, heads=4), sink=False)
    with torch.no_grad():
        attention.query.bias.fill_(30)
        attention.key.weight.add_(0.2)
    tokens, wanted = torch.randn(2, 4, 64, 64)
    tokens += 0.5
    slopes: list[torch.Tensor] = []
    for half in (True, False):
        attention.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            seen = attention(tokens, tokens)
        (seen.float() - wanted).abs().mean().backward()
        assert attention.query.weight.grad is not None
        slopes.append(attention.query.weight.grad.flatten().clone())
    assert torch.cosine_similarity(slopes[0], slopes[1], 0) > 0.9


SMALL = NetworkConfig(layers=2, width=6, heads=3, hidden=5, window=4, variants=1)


@pytest.mark.parametrize("emotion", EMOTION_ENTRIES)
def test_the_network_is_its_formula(emotion: str):
    """Another Affekt reads the weights of this one: what they are multiplied with cannot change."""
    network = uneven_network(replace(SMALL, emotion=emotion))
    rng = np.random.default_rng(7)
    frames, cues = rng.normal(size=(2, 4, NUMBERS)), rng.random((2, 4, SMALL.cues))
    with torch.no_grad():
        found = network(torch.tensor(frames).float(), torch.tensor(cues).float()).numpy()
    wanted = np.stack(
        [plain_network(network, *window) for window in zip(frames, cues, strict=True)]
    )
    assert np.abs(wanted).max() > 0.5
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_an_untrained_networks_heads_look_near_and_far():
    """A distance of a whole window takes off 8, 8 * 8^.5 and 64, by head."""
    attention = Attention(SMALL, sink=True)
    bias = attention.distance_bias.detach().numpy()
    assert bias.shape == (3, 7)
    np.testing.assert_allclose(bias[0], [-6, -4, -2, 0, -2, -4, -6])
    np.testing.assert_allclose(bias[:, 0], [-6, -6 * np.sqrt(8), -48], rtol=1e-5)
    assert attention.sink is not None
    assert attention.sink.tolist() == [0, 0, 0]


def uneven_network(config: NetworkConfig) -> GeometryNetwork:
    """No two weights alike, none of them 0."""
    network, rng = GeometryNetwork(config).eval(), np.random.default_rng(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.tensor(rng.normal(0, 0.6, parameter.shape)))
    return network


def plain_network(network: GeometryNetwork, frames: np.ndarray, cues: np.ndarray) -> np.ndarray:
    """(T, 103) from frames (T, 103) and cues (T, K), in double precision."""
    w = {name: p.detach().double().numpy() for name, p in network.named_parameters()}
    tokens = frames @ w["embed_frame.weight"].T + w["embed_frame.bias"]
    emotion = cues @ w["emotions"]
    if network.joins:
        tokens = np.hstack([tokens, emotion]) @ w["join.weight"].T + w["join.bias"]
    for layer in range(network.config.layers):
        own = f"blocks.{layer}."
        of_block = {n.removeprefix(own): v for n, v in w.items() if n.startswith(own)}
        tokens = plain_block(of_block, tokens, emotion, network.config)
    return plain_norm(w, "norm", tokens) @ w["residual.weight"].T + w["residual.bias"]


def plain_block(
    w: dict[str, np.ndarray], tokens: np.ndarray, emotion: np.ndarray, config: NetworkConfig
) -> np.ndarray:
    normed = plain_norm(w, "frame_norm", tokens)
    tokens = tokens + plain_attention(w, "frame_attention", normed, normed, config)
    if config.emotion == "attended":
        normed = plain_norm(w, "emotion_norm", tokens)
        tokens = tokens + plain_attention(w, "emotion_attention", normed, emotion, config)
    inner = plain_norm(w, "feed_norm", tokens) @ w["feed.0.weight"].T + w["feed.0.bias"]
    inner = 0.5 * inner * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))
    return tokens + inner @ w["feed.2.weight"].T + w["feed.2.bias"]


def plain_norm(w: dict[str, np.ndarray], name: str, rows: np.ndarray) -> np.ndarray:
    away = rows - rows.mean(1, keepdims=True)
    unit = away / np.sqrt((away**2).mean(1, keepdims=True) + 1e-5)
    return unit * w[f"{name}.weight"] + w[f"{name}.bias"]


def plain_attention(
    w: dict[str, np.ndarray],
    name: str,
    tokens: np.ndarray,
    source: np.ndarray,
    config: NetworkConfig,
) -> np.ndarray:
    """Each head, frame and key in turn; the sink is one more key whose value is 0."""
    w = {n.removeprefix(f"{name}."): v for n, v in w.items() if n.startswith(f"{name}.")}
    query = tokens @ w["query.weight"].T + w["query.bias"]
    key, value = source @ w["key.weight"].T, source @ w["value.weight"].T
    size, last = config.width // config.heads, config.window - 1
    out = np.zeros_like(query)
    for head in range(config.heads):
        mine = slice(head * size, head * size + size)
        for here in range(len(tokens)):
            scores = [
                query[here, mine] @ key[there, mine] / np.sqrt(size)
                + w["distance_bias"][head, there - here + last]
                for there in range(len(source))
            ]
            shares = np.exp([*scores, w["sink"][head]] if "sink" in w else scores)
            shares /= shares.sum()
            out[here, mine] = shares[: len(source)] @ value[:, mine]
    return out @ w["output.weight"].T
