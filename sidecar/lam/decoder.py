# SPDX-License-Identifier: GPL-3.0-or-later
"""Where points of the head ask the photo: blocks of joint attention over both (the MM-DiT block of
Esser et al. 2024, without its conditioning).

Emotion tokens are more tokens of the photo's stream, at its end, with its weights. In the form
"concatenate" that is all. In the gated form points and photo see an emotion's tokens as

    out = (o + r o_e) / (1 + r),    r = g exp(l_e - l)

with o, l attention to all others and its log-sum-exp, and o_e, l_e that to the emotion's: g = 1 is
plain concatenation, g = 0 is LAM.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, rms_norm, scaled_dot_product_attention

from .encoder import from_heads, in_heads, normed
from .settings import LamConfig

_NORM_EPSILON, _FEED_EPSILON, _HEAD_EPSILON = 1e-5, 1e-6, 1e-6
_EXTRA = 8
"""Channels that carry the gate through attention; kernels want a multiple of 8, and one is used."""
_LEAST_GATE = 1e-3
"""Below it the gate's share is taken off again, since the logarithm of nothing is none."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gate:
    """How a layer's points and photo see the last `count` tokens of the photo's stream. opening:
    (B,), at least 0; it may want a gradient, at 0 too."""

    count: int
    opening: Tensor


class _HeadNorm(nn.Module):
    """The root mean square over a head's channels, with weights that the heads share."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, values: Tensor) -> Tensor:
        weight = self.weight.to(values.dtype)
        return rms_norm(values, weight.shape, weight, _HEAD_EPSILON)


class JointAttention(nn.Module):
    """Attention of points and photo to both, each with projections of its own. The last block's
    photo is only looked at."""

    def __init__(self, width: int, heads: int, *, last: bool) -> None:
        super().__init__()
        self.heads = heads
        self.norm_q, self.norm_k, self.norm_added_q, self.norm_added_k = (
            _HeadNorm(width // heads) for _ in range(4)
        )
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.add_q_proj, self.add_k_proj, self.add_v_proj = (
            nn.Linear(width, width) for _ in range(3)
        )
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.to_add_out = None if last else nn.Linear(width, width)

    def forward(
        self, points: Tensor, photo: Tensor, gate: Gate | None
    ) -> tuple[Tensor, Tensor | None]:
        """points (B, N, W), photo (B, C, W), both normed -> what is added to each."""
        count = points.shape[1]
        query = self.norm_q(in_heads(self.to_q(points), self.heads))
        key = self.norm_k(in_heads(self.to_k(points), self.heads))
        value = in_heads(self.to_v(points), self.heads)
        key = torch.cat([key, self.norm_added_k(in_heads(self.add_k_proj(photo), self.heads))], 2)
        value = torch.cat([value, in_heads(self.add_v_proj(photo), self.heads)], 2)
        if self.to_add_out is not None:
            of_photo = self.norm_added_q(in_heads(self.add_q_proj(photo), self.heads))
            query = torch.cat([query, of_photo], 2)
        if gate is None:
            seen = from_heads(scaled_dot_product_attention(query, key, value))
        else:
            seen = from_heads(gated_attention(query, key, value, gate))
        of_points = self.to_out[0](seen[:, :count])
        return of_points, None if self.to_add_out is None else self.to_add_out(seen[:, count:])


def gated_attention(query: Tensor, key: Tensor, value: Tensor, gate: Gate) -> Tensor:
    """(B, H, Q, D) attention in which the last keys count times the gate.

    key, value: (B, H, K, D), the emotion's tokens last; query: (B, H, Q, D), of which those from K
    - count on, if there are any, are the emotion's own, which see everything. Every kernel that
    computes attention computes this: a channel more in query and key adds log g to the emotion's
    scores, and one more in the values tells the mass that they get, from which what a gate below
    the smallest logarithm takes off, and the gate's gradient, follow."""
    channels, gated = query.shape[-1], key.shape[2] - gate.count
    opening = gate.opening.view(-1, 1, 1).to(torch.float32)
    shown = opening.detach().clamp(min=_LEAST_GATE)
    more = [tensor.new_zeros((*tensor.shape[:-1], _EXTRA)) for tensor in (query, key, value)]
    more[0][:, :, :gated, 0] = 1
    more[1][:, :, gated:, 0] = shown.log() * channels**0.5
    more[2][:, :, gated:, 0] = 1
    wide = [torch.cat(pair, -1) for pair in zip((query, key, value), more, strict=True)]
    found = scaled_dot_product_attention(wide[0], wide[1], wide[2], scale=channels**-0.5)
    seen, mass = found[..., :channels], found[..., channels : channels + 1]
    part = (opening / shown).unsqueeze(-1)
    if not part.requires_grad and bool((part == 1).all()):
        return seen
    asking = query[:, :, :gated]
    own = scaled_dot_product_attention(asking, key[:, :, gated:], value[:, :, gated:])
    rows = asking.shape[2]
    less = (1 - part) * mass[:, :, :rows]
    mixed = (seen[:, :, :rows] - less * own) / (1 - less)
    return torch.cat([mixed.to(seen.dtype), seen[:, :, rows:]], 2)


class _Widen(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 4 * width)

    def forward(self, tokens: Tensor) -> Tensor:
        return gelu(self.proj(tokens), approximate="tanh")


class _Feed(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([_Widen(width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, tokens: Tensor) -> Tensor:
        return self.net[2](self.net[0](tokens))


class JointBlock(nn.Module):
    """One block of the decoder. The last one gives no photo."""

    def __init__(self, width: int, heads: int, *, last: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, _NORM_EPSILON)
        self.norm1_context = nn.LayerNorm(width, _NORM_EPSILON)
        self.attn = JointAttention(width, heads, last=last)
        self.norm2 = nn.LayerNorm(width, _FEED_EPSILON, elementwise_affine=False)
        self.ff = _Feed(width)
        self.norm2_context = (
            None if last else nn.LayerNorm(width, _FEED_EPSILON, elementwise_affine=False)
        )
        self.ff_context = None if last else _Feed(width)

    def forward(self, points: Tensor, photo: Tensor, gate: Gate | None) -> tuple[Tensor, Tensor]:
        dtype = self.attn.to_q.weight.dtype
        own, of_photo = self.attn(
            normed(self.norm1, points, dtype), normed(self.norm1_context, photo, dtype), gate
        )
        points = points + own
        points = points + self.ff(normed(self.norm2, points, dtype))
        if of_photo is None or self.norm2_context is None or self.ff_context is None:
            return points, photo
        photo = photo + of_photo
        return points, photo + self.ff_context(normed(self.norm2_context, photo, dtype))


class Decoder(nn.Module):
    """Points (B, N, W) and the photo's features -> what each point has learned."""

    def __init__(self, config: LamConfig) -> None:
        super().__init__()
        self.linear_cond_proj = nn.Linear(config.features, config.width)
        self.layers = nn.ModuleList(
            [
                JointBlock(config.width, config.heads, last=layer == config.layers - 1)
                for layer in range(config.layers)
            ]
        )
        self.norm = nn.LayerNorm(config.width, 1e-6)

    def begin(self, features: Tensor) -> Tensor:
        """(B, C, features) -> (B, C, W) the photo's stream."""
        return self.linear_cond_proj(features.to(self.linear_cond_proj.weight.dtype)).float()
