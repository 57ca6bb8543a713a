# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a point has learned to its Gaussian, and how points are embedded before."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from .settings import FREQUENCIES, MOST_OFFSET_M, MOST_SCALE_M, LamConfig

_MOST_LOG = 15.0
_PARTS = {"shs": 3, "scaling": 3, "xyz": 3, "opacity": 1, "rotation": 4}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attributes:
    """A Gaussian for each of N points, of B photos. colours (B, N, 3) sRGB 0..1; scales (B, N, 3)
    metres; offsets (B, N, 3) metres from the point; opacities (B, N, 1) 0..1; quaternions
    (B, N, 4) unit, w, x, y, z."""

    colours: Tensor
    scales: Tensor
    offsets: Tensor
    opacities: Tensor
    quaternions: Tensor


class PointEmbedding(nn.Module):
    """Points (B, N, 3) in metres -> tokens (B, N, W). Always in single precision: the highest
    frequency turns 64 times a metre."""

    def __init__(self, config: LamConfig) -> None:
        super().__init__()
        self.mlp = nn.Linear(6 * FREQUENCIES + 3, config.width)
        self.norm = nn.LayerNorm(config.width, 1e-5)

    def forward(self, points: Tensor) -> Tensor:
        steps = torch.arange(FREQUENCIES, dtype=torch.float32, device=points.device)
        angles = (points.unsqueeze(-1) * (math.pi * 2**steps)).flatten(2)
        return self.norm(self.mlp(torch.cat([angles.sin(), angles.cos(), points], -1)))


class _Layers(nn.Module):
    def __init__(self, config: LamConfig) -> None:
        super().__init__()
        sizes = (config.width, config.hidden, config.hidden, config.width)
        linear = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
        self.layers = nn.ModuleList([linear[0], nn.SiLU(), linear[1], nn.SiLU(), linear[2]])

    def forward(self, tokens: Tensor) -> Tensor:
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens


class _Outputs(nn.Module):
    def __init__(self, config: LamConfig) -> None:
        super().__init__()
        self.out_layers = nn.ModuleDict(
            {name: nn.Linear(config.width, size) for name, size in _PARTS.items()}
        )


class GaussianHead(nn.Module):
    """Tokens (B, N, W) -> Gaussians, in single precision."""

    def __init__(self, config: LamConfig) -> None:
        super().__init__()
        self.mlp_net = _Layers(config)
        self.gs_net = _Outputs(config)

    def forward(self, tokens: Tensor) -> Attributes:
        tokens = self.mlp_net(tokens)
        out = {name: layer(tokens) for name, layer in self.gs_net.out_layers.items()}
        logarithms = out["scaling"].clamp(max=_MOST_LOG)  # else a gradient of 0 times infinity
        return Attributes(
            colours=out["shs"].sigmoid(),
            scales=logarithms.exp().clamp(0, MOST_SCALE_M),
            offsets=(out["xyz"].sigmoid() - 0.5) * (2 * MOST_OFFSET_M),
            opacities=out["opacity"].sigmoid(),
            quaternions=normalize(out["rotation"], dim=-1, eps=1e-12),
        )
