# SPDX-License-Identifier: GPL-3.0-or-later
"""The appearance network: a person's skin at rest and an emotion -> how that person's skin folds.

As in the Feelings paper's equation 6, emotion tokens are appended to the identity's tokens along
the token dimension, and a transformer sees both. It runs once for each avatar and emotion and gives
maps on the face's chart; a frame only weighs them (`wrinkles`): at rest nothing is left of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pixel_shuffle, pixel_unshuffle, scaled_dot_product_attention

from .face_chart import EDGE
from .skin_maps import MAPS, STATES
from .skin_zones import FOLDS

PATCH = 16
"""Texels of a token's square."""
OUTPUTS = len(FOLDS) + 1
"""Heights of the folds, and how much the emotion reddens the skin."""
_HEIGHT_MM = 0.25
"""What an output of 1 means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkinNetworkConfig:
    """layers, width, heads, hidden: of the transformer; emotion_tokens: how many an emotion has;
    channels: of the decoder at 32, 64 and 128 texels an edge."""

    layers: int = 4
    width: int = 128
    heads: int = 4
    hidden: int = 512
    emotion_tokens: int = 4
    channels: tuple[int, int, int] = (64, 32, 24)


class _Block(nn.Module):
    """Attention of all tokens to all, then feed-forward layers; a norm before each."""

    def __init__(self, config: SkinNetworkConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm = nn.LayerNorm(config.width)
        self.mixed = nn.Linear(config.width, 3 * config.width)
        self.output = nn.Linear(config.width, config.width)
        self.feed_norm = nn.LayerNorm(config.width)
        self.feed = nn.Sequential(
            nn.Linear(config.width, config.hidden),
            nn.GELU(approximate="tanh"),
            nn.Linear(config.hidden, config.width),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        mixed = self.mixed(self.norm(tokens)).view(batch, count, 3, self.heads, -1)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.output(seen.transpose(1, 2).reshape(batch, count, width))
        return tokens + self.feed(self.feed_norm(tokens))


class SkinNetwork(nn.Module):
    """(B, maps, E, E) identity maps and (B,) states -> (B, outputs, E, E), heights in mm.

    common: (folds, E, E) mm, the heights that people have in common, on which it draws a person's
    own; so skin that shows nothing at rest folds as everybody's does."""

    def __init__(self, config: SkinNetworkConfig) -> None:
        super().__init__()
        self.config = config
        width, (coarse, middle, fine) = config.width, config.channels
        count = (EDGE // PATCH) ** 2
        self.embed = nn.Conv2d(len(MAPS), width, PATCH, PATCH)
        self.place = nn.Parameter(torch.randn(count, width) * 0.02)
        self.emotions = nn.Parameter(torch.randn(STATES, config.emotion_tokens, width) * 0.5)
        self.blocks = nn.ModuleList([_Block(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(width)
        # What is faint and thin in the skin reaches the maps on ways of its own.
        self.see_fine = nn.Conv2d(4 * len(MAPS), fine, 3, padding=1)
        self.see_middle = nn.Conv2d(fine, middle, 3, 2, 1)
        self.see_coarse = nn.Conv2d(middle, coarse, 3, 2, 1)
        self.draw_coarse = nn.Conv2d(width + coarse, coarse, 3, padding=1)
        self.draw_middle = nn.Conv2d(coarse + middle, middle, 3, padding=1)
        self.draw_fine = nn.Conv2d(middle + fine, fine, 3, padding=1)
        self.keep = nn.Linear(width, len(FOLDS))
        self.output = nn.Conv2d(fine, 4 * OUTPUTS, 3, padding=1)
        self.common: Tensor
        self.register_buffer("common", torch.zeros(len(FOLDS), EDGE, EDGE))
        for last in (self.keep, self.output):
            for parameter in last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, maps: Tensor, states: Tensor) -> Tensor:
        fine = gelu(self.see_fine(pixel_unshuffle(maps, 2)))
        middle = gelu(self.see_middle(fine))
        coarse = gelu(self.see_coarse(middle))
        tokens = drawn = self._tokens(maps, states)
        for seen, draw in (
            (coarse, self.draw_coarse),
            (middle, self.draw_middle),
            (fine, self.draw_fine),
        ):
            wider = nn.functional.interpolate(drawn, scale_factor=2.0, mode="nearest")
            drawn = gelu(draw(torch.cat([wider, seen], 1)))
        own = _HEIGHT_MM * pixel_shuffle(self.output(drawn), 2)
        common = self.common * (1 + self._kept(tokens))
        return torch.cat([own[:, : len(FOLDS)] + common, own[:, len(FOLDS) :]], 1)

    def _kept(self, tokens: Tensor) -> Tensor:
        """(B, folds, E, E) how much more or less than everybody this person has of what people
        have in common."""
        share = self.keep(tokens.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return nn.functional.interpolate(share, (EDGE, EDGE), mode="bilinear")

    def _tokens(self, maps: Tensor, states: Tensor) -> Tensor:
        """(B, width, E / patch, E / patch) what the transformer makes of identity and emotion."""
        patches = self.embed(maps)
        identity = patches.flatten(2).transpose(1, 2) + self.place
        tokens = torch.cat([identity, self.emotions[states]], 1)  # [Phi(I); T(e)]
        for block in self.blocks:
            tokens = block(tokens)
        kept = self.norm(tokens[:, : identity.shape[1]])
        return kept.transpose(1, 2).reshape(patches.shape)
