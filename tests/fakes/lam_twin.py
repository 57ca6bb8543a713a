# SPDX-License-Identifier: GPL-3.0-or-later
"""LAM's network once more, plain and slow: formulas on a state dict, whole matrices of scores, and
an emotion's tokens by their log-sum-exp. And small networks with random weights."""

from __future__ import annotations

import math

import torch
from affekt.sidecar.lam.network import LamNetwork
from affekt.sidecar.lam.settings import LamConfig
from torch import Tensor
from torch.nn.functional import conv2d, interpolate

State = dict[str, Tensor]

SMALL = LamConfig(
    encoder_width=24,
    encoder_layers=5,
    encoder_heads=2,
    taps=(0, 2, 3, 4),
    patch=4,
    registers=3,
    grid=7,
    features=20,
    width=32,
    heads=4,
    layers=3,
    hidden=12,
    image_side=20,
)


def random_network(config: LamConfig = SMALL, seed: int = 5) -> LamNetwork:
    """A network in which every part matters: norms' weights about 1, all others at random."""
    generator = torch.Generator().manual_seed(seed)
    network = LamNetwork(config)
    for name, parameter in network.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if ("norm" in name and name.endswith("weight")) or name.endswith("gamma"):
            values = 1 + 0.2 * values
        elif parameter.dim() > 1 and "token" not in name and "pos_embed" not in name:
            values = values * (1.5 / math.sqrt(parameter[0].numel()))
        else:
            values = 0.3 * values
        parameter.data.copy_(values)
    network.renderer.gs_net.out_layers["scaling"].bias.data.fill_(-5)
    return network.requires_grad_(False).eval()


def layer_norm(tokens: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    mean = tokens.mean(-1, keepdim=True)
    variance = ((tokens - mean) ** 2).mean(-1, keepdim=True)
    out = (tokens - mean) / torch.sqrt(variance + eps)
    return out if weight is None or bias is None else out * weight + bias


def linear(state: State, name: str, tokens: Tensor) -> Tensor:
    return tokens @ state[f"{name}.weight"].flatten(1).T + state[f"{name}.bias"]


def norm(state: State, name: str, tokens: Tensor, eps: float) -> Tensor:
    return layer_norm(tokens, state[f"{name}.weight"], state[f"{name}.bias"], eps)


def exact_gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def tanh_gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def split(tokens: Tensor, heads: int) -> Tensor:
    """(N, W) -> (heads, N, D)."""
    return tokens.reshape(len(tokens), heads, -1).transpose(0, 1)


def join(tokens: Tensor) -> Tensor:
    return tokens.transpose(0, 1).flatten(1)


def look(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """What is seen, and the log-sum-exp of the scores (heads, N, 1)."""
    scores = query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])
    return scores.softmax(-1) @ value, scores.logsumexp(-1, keepdim=True)


def encoded(state: State, config: LamConfig, image: Tensor) -> Tensor:
    """(3, S, S) -> (cells, features)."""
    at = "encoder.model."
    patches = conv2d(
        image[None],
        state[at + "patch_embed.proj.weight"],
        state[at + "patch_embed.proj.bias"],
        config.patch,
    )[0]
    cells = patches.shape[-1]
    table = state[at + "pos_embed"][0]
    square = table[1:].reshape(config.grid, config.grid, -1).permute(2, 0, 1)[None]
    resized = interpolate(
        square, scale_factor=(cells / config.grid,) * 2, mode="bicubic", antialias=True
    )[0]
    places = resized.flatten(1).T
    tokens = torch.cat(
        [state[at + "cls_token"][0] + table[:1], state[at + "register_tokens"][0],
         patches.flatten(1).T + places]
    )  # fmt: skip
    seen = []
    for block in range(config.encoder_layers):
        own = f"{at}blocks.{block}."
        mixed = linear(state, own + "attn.qkv", norm(state, own + "norm1", tokens, 1e-6))
        query, key, value = (split(part, config.encoder_heads) for part in mixed.chunk(3, 1))
        out = linear(state, own + "attn.proj", join(look(query, key, value)[0]))
        tokens = tokens + out * state[own + "ls1.gamma"]
        hidden = exact_gelu(
            linear(state, own + "mlp.fc1", norm(state, own + "norm2", tokens, 1e-6))
        )
        tokens = tokens + linear(state, own + "mlp.fc2", hidden) * state[own + "ls2.gamma"]
        if block in config.taps:
            tapped = norm(state, at + "norm", tokens, 1e-6)[1 + config.registers :]
            seen.append(linear(state, f"encoder.fusion_head.projects.{len(seen)}", tapped))
    return linear(state, "encoder.fusion_head.output_conv", torch.cat(seen, 1))


def embedded(state: State, points: Tensor) -> Tensor:
    angles = torch.cat(
        [points[:, axis : axis + 1] * math.pi * 2.0 ** torch.arange(8) for axis in range(3)], 1
    )
    wide = torch.cat([angles.sin(), angles.cos(), points], 1)
    return norm(state, "pcl_embed.norm", linear(state, "pcl_embed.mlp", wide), 1e-5)


def rms(state: State, name: str, values: Tensor) -> Tensor:
    return values / torch.sqrt((values**2).mean(-1, keepdim=True) + 1e-6) * state[name + ".weight"]


def decoded(
    state: State, config: LamConfig, features: Tensor, points: Tensor, count: int, openings: Tensor
) -> Tensor:
    """(N, W). features: (cells + count, F), the emotion's tokens last; openings: (layers,)."""
    tokens, photo = embedded(state, points), linear(state, "transformer.linear_cond_proj", features)
    plain = len(points) + len(features) - count
    for layer in range(config.layers):
        last = layer == config.layers - 1
        at = f"transformer.layers.{layer}."
        x = norm(state, at + "norm1", tokens, 1e-5)
        c = norm(state, at + "norm1_context", photo, 1e-5)
        of_points = [split(linear(state, f"{at}attn.to_{k}", x), config.heads) for k in "qkv"]
        of_photo = [split(linear(state, f"{at}attn.add_{k}_proj", c), config.heads) for k in "qkv"]
        for k, which in enumerate("qk"):
            of_points[k] = rms(state, f"{at}attn.norm_{which}", of_points[k])
            of_photo[k] = rms(state, f"{at}attn.norm_added_{which}", of_photo[k])
        query, key, value = (torch.cat(p, 1) for p in zip(of_points, of_photo, strict=True))
        seen, mass = look(query, key[:, :plain], value[:, :plain])
        if count:
            own, own_mass = look(query, key[:, plain:], value[:, plain:])
            opening = torch.full((1, query.shape[1], 1), float(openings[layer]))
            opening[:, plain:] = 1  # the emotion's own see everything
            share = opening * torch.exp(own_mass - mass)
            seen = (seen + share * own) / (1 + share)
        seen = join(seen)
        tokens = tokens + linear(state, at + "attn.to_out.0", seen[: len(points)])
        hidden = linear(state, at + "ff.net.0.proj", layer_norm(tokens, None, None, 1e-6))
        tokens = tokens + linear(state, at + "ff.net.2", tanh_gelu(hidden))
        if not last:
            photo = photo + linear(state, at + "attn.to_add_out", seen[len(points) :])
            hidden = linear(
                state, at + "ff_context.net.0.proj", layer_norm(photo, None, None, 1e-6)
            )
            photo = photo + linear(state, at + "ff_context.net.2", tanh_gelu(hidden))
    return norm(state, "transformer.norm", tokens, 1e-6)


def gaussians(state: State, tokens: Tensor) -> dict[str, Tensor]:
    for layer in (0, 2, 4):
        tokens = linear(state, f"renderer.mlp_net.layers.{layer}", tokens)
        if layer < 4:
            tokens = tokens / (1 + torch.exp(-tokens))
    names = ("shs", "scaling", "xyz", "opacity", "rotation")
    out = {name: linear(state, f"renderer.gs_net.out_layers.{name}", tokens) for name in names}
    return {
        "colours": 1 / (1 + torch.exp(-out["shs"])),
        "scales": torch.exp(out["scaling"]).clamp(max=0.01),
        "offsets": (1 / (1 + torch.exp(-out["xyz"])) - 0.5) * 0.2,
        "opacities": 1 / (1 + torch.exp(-out["opacity"])),
        "quaternions": out["rotation"] / out["rotation"].norm(dim=-1, keepdim=True),
    }
