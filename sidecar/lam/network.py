# SPDX-License-Identifier: GPL-3.0-or-later
"""LAM's network: a photo and the points of a person's head -> a Gaussian at each point.

"LAM: Large Avatar Model for One-shot Animatable Gaussian Head" (He et al. 2025), in plain torch, in
which every parameter has the name and the shape of the released checkpoint's. Streams of tokens and
norms are in single precision whatever the precision of the matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..steps import finish
from .decoder import Decoder
from .emotion import Feeling
from .encoder import Encoder
from .gaussian_head import Attributes, GaussianHead, PointEmbedding
from .settings import LamConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer that begins: the index-th (from 0) of count."""

    stage: Literal["encoder", "decoder"]
    index: int
    count: int


FeatureSteps = Generator[Layer, None, Tensor]
Result = TypeVar("Result")
AttributeSteps = Generator[Layer, None, Attributes]


class LamNetwork(nn.Module):
    """LAM. `keep_activations` False computes layers again for their gradients, instead of keeping
    what they need."""

    def __init__(self, config: LamConfig) -> None:
        super().__init__()
        self.config = config
        self.keep_activations = True
        self.encoder = Encoder(config)
        self.pcl_embed = PointEmbedding(config)
        self.transformer = Decoder(config)
        self.renderer = GaussianHead(config)

    def forward(self, image: Tensor, points: Tensor, feeling: Feeling | None = None) -> Attributes:
        """image (B, 3, S, S) sRGB in 0..1, points (B, N, 3) metres."""
        return finish(self.decode(finish(self.encode(image)), points, feeling))

    def encode(self, image: Tensor) -> FeatureSteps:
        """The photo's features (B, cells, F), a layer at a time."""
        model = self.encoder.model
        tokens, taps = model.begin(image), []
        for index, block in enumerate(model.blocks):
            yield Layer(stage="encoder", index=index, count=len(model.blocks))
            tokens = self._run(block, tokens)
            if index in model.taps:
                taps.append(model.tapped(tokens))
        return self.encoder.fusion_head(taps)

    def decode(
        self, features: Tensor, points: Tensor, feeling: Feeling | None = None
    ) -> AttributeSteps:
        """The points' Gaussians, a layer at a time. Without a feeling the network is LAM, to the
        last bit."""
        tokens = yield from self.attend(features, points, feeling)
        return self.renderer(tokens)

    def attend(
        self, features: Tensor, points: Tensor, feeling: Feeling | None = None
    ) -> Generator[Layer, None, Tensor]:
        """(B, N, W) what each point has learned, a layer at a time."""
        decoder = self.transformer
        if feeling is not None:
            features = torch.cat([features, feeling.tokens.to(features.dtype)], 1)
        tokens, photo = self.pcl_embed(points.float()), decoder.begin(features)
        for index, block in enumerate(decoder.layers):
            yield Layer(stage="decoder", index=index, count=len(decoder.layers))
            gate = None if feeling is None else feeling.gate(index)
            tokens, photo = self._run(block, tokens, photo, gate)
        norm = decoder.norm
        return nn.functional.layer_norm(
            tokens, norm.normalized_shape, norm.weight.float(), norm.bias.float(), norm.eps
        )

    def _run(self, block: Callable[..., Result], *args: object) -> Result:
        if self.keep_activations or not torch.is_grad_enabled():
            return block(*args)
        return cast("Result", checkpoint(block, *args, use_reentrant=False))
