# SPDX-License-Identifier: GPL-3.0-or-later
"""What LAM sees of a photo: a vision transformer with registers (DINOv2), of which four layers are
fused into one map of features.

Parameters have the names that the released checkpoint gives them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, layer_norm, scaled_dot_product_attention

from .settings import LamConfig

_EPSILON = 1e-6


def normed(norm: nn.LayerNorm, tokens: Tensor, dtype: torch.dtype) -> Tensor:
    """The norm of tokens, computed in their own precision and given in `dtype`."""
    bias = None if norm.bias is None else norm.bias.to(tokens.dtype)
    weight = None if norm.weight is None else norm.weight.to(tokens.dtype)
    return layer_norm(tokens, norm.normalized_shape, weight, bias, norm.eps).to(dtype)


def in_heads(tokens: Tensor, heads: int) -> Tensor:
    """(B, N, W) -> (B, heads, N, W / heads)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


def from_heads(tokens: Tensor) -> Tensor:
    """(B, heads, N, D) -> (B, N, heads * D)."""
    return tokens.transpose(1, 2).flatten(2)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = (in_heads(part, self.heads) for part in self.qkv(tokens).chunk(3, -1))
        return self.proj(from_heads(scaled_dot_product_attention(query, key, value)))


class _Feed(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(gelu(self.fc1(tokens)))


class _Scale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))


class _Block(nn.Module):
    """A norm before attention and before the feed-forward layers; each of them scaled by
    channel."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, _EPSILON)
        self.attn = _Attention(width, heads)
        self.ls1 = _Scale(width)
        self.norm2 = nn.LayerNorm(width, _EPSILON)
        self.mlp = _Feed(width)
        self.ls2 = _Scale(width)

    def forward(self, tokens: Tensor) -> Tensor:
        dtype = self.attn.proj.weight.dtype
        tokens = tokens + self.ls1.gamma * self.attn(normed(self.norm1, tokens, dtype))
        return tokens + self.ls2.gamma * self.mlp(normed(self.norm2, tokens, dtype))


class _Patches(nn.Module):
    def __init__(self, config: LamConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, config.encoder_width, config.patch, config.patch)


class VisionTransformer(nn.Module):
    """The image's tokens and the blocks that they go through."""

    def __init__(self, config: LamConfig) -> None:
        super().__init__()
        width = config.encoder_width
        self.grid, self.taps = config.grid, config.taps
        self.patch_embed = _Patches(config)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + config.grid**2, width))
        self.register_tokens = nn.Parameter(torch.zeros(1, config.registers, width))
        self.blocks = nn.ModuleList(
            [_Block(width, config.encoder_heads) for _ in range(config.encoder_layers)]
        )
        self.norm = nn.LayerNorm(width, _EPSILON)

    def begin(self, image: Tensor) -> Tensor:
        """(B, 3, S, S) in 0..1 -> (B, 1 + registers + cells, W): the class, the registers, which
        have no place, and the patches row by row."""
        patches = self.patch_embed.proj(image.to(self.patch_embed.proj.weight.dtype))
        cells, batch = patches.shape[-1], len(image)
        tokens = patches.flatten(2).transpose(1, 2).float()
        first, places = self.positions(cells).split([1, cells * cells], 1)
        registers = self.register_tokens.float().expand(batch, -1, -1)
        beginning = (self.cls_token.float() + first).expand(batch, -1, -1)
        return torch.cat([beginning, registers, tokens + places], 1)

    def positions(self, cells: int) -> Tensor:
        """(1, 1 + cells^2, W) the table of positions, resized to the image's cells an edge."""
        table = self.pos_embed.float()
        if cells == self.grid:
            return table
        square = table[:, 1:].unflatten(1, (self.grid, self.grid)).permute(0, 3, 1, 2)
        share = cells / self.grid
        resized = interpolate(square, scale_factor=(share, share), mode="bicubic", antialias=True)
        return torch.cat([table[:, :1], resized.flatten(2).transpose(1, 2)], 1)

    def tapped(self, tokens: Tensor) -> Tensor:
        """(B, cells, W) what is taken of the tokens after a block: normed, the patches alone."""
        first = 1 + self.register_tokens.shape[1]
        return normed(self.norm, tokens, tokens.dtype)[:, first:]


class _Fusion(nn.Module):
    def __init__(self, config: LamConfig) -> None:
        super().__init__()
        width = config.encoder_width
        self.projects = nn.ModuleList([nn.Conv2d(width, width, 1) for _ in config.taps])
        self.output_conv = nn.Conv2d(len(config.taps) * width, config.features, 1)

    def forward(self, taps: list[Tensor]) -> Tensor:
        """Four of (B, N, W) -> (B, N, features)."""
        dtype = self.output_conv.weight.dtype
        maps = [tap.transpose(1, 2).unsqueeze(2).to(dtype) for tap in taps]
        own = [project(one) for project, one in zip(self.projects, maps, strict=True)]
        return self.output_conv(torch.cat(own, 1)).squeeze(2).transpose(1, 2)


class Encoder(nn.Module):
    """A photo -> features of its cells."""

    def __init__(self, config: LamConfig) -> None:
        super().__init__()
        self.model = VisionTransformer(config)
        self.fusion_head = _Fusion(config)
