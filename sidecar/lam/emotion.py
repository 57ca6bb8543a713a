# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion tokens of LAM's decoder, and the gates by which its layers see them.

Mixtures are mixed as embeddings (the Feelings paper's section 3.4), to a mean of the emotions by
their weights: the norms at the blocks' doors take a token's length away, so strength is no length
but the gate's opening. A neutral face has no tokens at all, since a token of zeros is none too few.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...shared.emotion import EMOTIONS
from .decoder import Gate
from .settings import MOST_INTENSITY, EmotionConfig, LamConfig


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feeling:
    """What joins the decoder: tokens (B, n, features), and openings (layers, B) of the layers'
    gates, None for tokens that are concatenated."""

    tokens: Tensor
    openings: Tensor | None

    def gate(self, layer: int) -> Gate | None:
        """The gate of a layer; None where the tokens count as the photo's do."""
        if self.openings is None:
            return None
        return Gate(count=self.tokens.shape[1], opening=self.openings[layer])


class EmotionTokens(nn.Module):
    """(B, emotions) weights -> what joins the decoder. At the start all gates are closed, so that
    the network is LAM; the tokens are normal and at random, since gates only open toward what is
    there to be seen."""

    def __init__(self, config: EmotionConfig, network: LamConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(torch.randn(len(EMOTIONS), config.width))
        self.position = nn.Parameter(torch.randn(config.tokens, config.width) * 0.5)
        self.project = nn.Linear(config.width, network.features)
        self.gates = nn.Parameter(torch.zeros(network.layers))

    def forward(self, weights: Tensor) -> Feeling:
        """weights: (B, emotions) of an emotion at least in each row, or in training of none: such
        a row's gates stay closed. Raises ValueError for one in the form "concatenate"."""
        total = weights.sum(-1, keepdim=True)
        if self.config.mode == "concatenate" and bool((total == 0).any()):
            raise ValueError("a neutral face has no tokens to concatenate")
        mixed = (weights / total.clamp(min=1e-6)) @ self.embedding
        tokens = self.project(mixed.unsqueeze(1) + self.position)
        if self.config.mode == "concatenate":
            return Feeling(tokens=tokens, openings=None)
        return Feeling(tokens=tokens, openings=_opened(self.gates, total[:, 0]))

    def adds_nothing(self) -> bool:
        """Whether the network is LAM whatever the emotion: all gates are closed."""
        return self.config.mode == "gated" and bool((self.gates <= 0).all())


def _opened(gates: Tensor, total: Tensor) -> Tensor:
    """(layers, B) openings. A gate that training pushed below 0 is closed, and may come back."""
    wanted = gates[:, None] * total.clamp(max=MOST_INTENSITY)
    return wanted + (wanted.clamp(min=0) - wanted).detach()
