# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometry network: a transformer over frames that attends to the emotion by cross-attention;
in the paper's ablation, the emotion is concatenated to each frame's token before the first block.

Input and output are normalised; the output is a residual on the take. With all emotion weights 0
the emotion embedding is 0 and no bias follows it, so emotion adds exactly 0 (Feelings paper:
e = m(y) (y^T E), m = 0 for neutral; here y is a curve over time and E is mixed linearly). y says
more than the weights: by which variant an emotion is shown, and whether held lips stay closed. Left
to guess between a snarl and pressed lips, a network learns their mean, which is neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...shared.arrays import Float32Array
from ...shared.emotion import EMOTIONS, kept_shares

NUMBERS = 103
"""Numbers of a frame: 100 expression coefficients, then the jaw's axis-angle in radians."""
EMOTION_ENTRIES = ("attended", "concatenated")
"""How emotion enters: by cross-attention in every block, or concatenated once to the frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Sizes of the network. width: of a token. hidden: width of the feed-forward layers. window:
    frames of a window. emotion: one of `EMOTION_ENTRIES`. variants: how many variants of an
    emotion the network tells apart; with 0 it is told the weights alone."""

    layers: int = 4
    width: int = 256
    heads: int = 4
    hidden: int = 512
    window: int = 64
    emotion: str = "attended"
    variants: int = 0

    @property
    def cues(self) -> int:
        """Numbers a frame that tell the network the emotion; see `emotion_cues`."""
        return len(EMOTIONS) * (self.variants + 1)


def emotion_cues(
    weights: Float32Array, variants: Float32Array | None, keep_closed: Float32Array
) -> Float32Array:
    """(…, 6 V + 6) what the network is told of emotion weights (…, 6): each times its shares of the
    V variants (…, 6, V), then each times its `kept_shares` of keep_closed (…). Without
    variants, the weights (…, 6)."""
    if variants is None:
        return weights
    shown = (weights[..., None] * variants).reshape(*weights.shape[:-1], -1)
    return np.concatenate([shown, weights * kept_shares(keep_closed)], -1, dtype=np.float32)


class Attention(nn.Module):
    """Multi-head attention with a learned bias on the distance in frames between query and key.

    sink: with one more key that has no value, so that queries can attend to nothing."""

    def __init__(self, config: NetworkConfig, *, sink: bool) -> None:
        super().__init__()
        width, heads, window = config.width, config.heads, config.window
        self.heads = heads
        self.query = nn.Linear(width, width)
        # No bias in key, value and output: a zero emotion must stay zero all the way.
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.sink = nn.Parameter(torch.zeros(heads)) if sink else None
        steps = torch.arange(-(window - 1), window).abs() / window
        self.distance_bias = nn.Parameter(-steps * torch.logspace(3, 6, heads, 2)[:, None])
        places = torch.arange(window)
        self.distance: Tensor
        self.register_buffer(
            "distance", places[None, :] - places[:, None] + window - 1, persistent=False
        )

    def forward(self, tokens: Tensor, source: Tensor) -> Tensor:
        """(B, T, C) from queries of tokens (B, T, C) to keys and values of source (B, T, C)."""
        batch, frames, width = tokens.shape
        query, key, value = (
            x.view(batch, frames, self.heads, -1).transpose(1, 2)
            for x in (self.query(tokens), self.key(source), self.value(source))
        )
        # The level that all scores share changes nothing, so nothing keeps it small. In half
        # precision it leaves the scores no digits: slopes become rounding, which raises the level.
        with torch.autocast(tokens.device.type, enabled=False):
            seen = self._look(query.float(), key.float(), value.float())
        return self.output(seen.transpose(1, 2).reshape(batch, frames, width))

    def _look(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(B, H, T, C/H) the values (B, H, T, C/H) that the queries find by the keys."""
        scores = query @ key.transpose(2, 3) * query.shape[3] ** -0.5
        scores = scores + self.distance_bias[:, self.distance]
        if self.sink is not None:
            sink = self.sink[None, :, None, None].expand(len(scores), -1, scores.shape[2], 1)
            scores = torch.cat([scores, sink], 3)
        return scores.softmax(3)[..., : value.shape[2]] @ value


class Block(nn.Module):
    """One transformer block: self-attention over frames, cross-attention to the emotion (unless it
    is concatenated), feed-forward layers; each with a norm before and a residual around it."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.frame_norm = nn.LayerNorm(config.width)
        self.frame_attention = Attention(config, sink=False)
        self.attends = config.emotion == "attended"
        if self.attends:
            self.emotion_norm = nn.LayerNorm(config.width)
            self.emotion_attention = Attention(config, sink=True)
        self.feed_norm = nn.LayerNorm(config.width)
        self.feed = nn.Sequential(
            nn.Linear(config.width, config.hidden),
            nn.GELU(approximate="tanh"),
            nn.Linear(config.hidden, config.width),
        )

    def forward(self, tokens: Tensor, emotion: Tensor) -> Tensor:
        normed = self.frame_norm(tokens)
        tokens = tokens + self.frame_attention(normed, normed)
        if self.attends:
            tokens = tokens + self.emotion_attention(self.emotion_norm(tokens), emotion)
        return tokens + self.feed(self.feed_norm(tokens))


class GeometryNetwork(nn.Module):
    """(B, T, 103) normalised frames and (B, T, cues) -> (B, T, 103) normalised residual."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_frame = nn.Linear(NUMBERS, config.width)
        self.emotions = nn.Parameter(torch.randn(config.cues, config.width) * 0.5)
        self.joins = config.emotion == "concatenated"
        if self.joins:
            self.join = nn.Linear(2 * config.width, config.width)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(config.width)
        self.residual = nn.Linear(config.width, NUMBERS)
        nn.init.zeros_(self.residual.weight)
        nn.init.zeros_(self.residual.bias)

    def forward(self, frames: Tensor, cues: Tensor) -> Tensor:
        tokens = self.embed_frame(frames)
        emotion = cues @ self.emotions  # e_t = sum_k y_tk E_k
        if self.joins:
            tokens = self.join(torch.cat([tokens, emotion.to(tokens.dtype)], 2))
        for block in self.blocks:
            tokens = block(tokens, emotion)
        return self.residual(self.norm(tokens))
