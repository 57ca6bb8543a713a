# SPDX-License-Identifier: GPL-3.0-or-later
"""The sizes of LAM's network (He et al. 2025), and of the emotion tokens that join it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

IDENTITY, EXPRESSION = 300, 100
"""Components of FLAME's identity and expression that LAM uses."""
FREQUENCIES = 8
"""Of the sines and cosines that embed a point, for each axis."""
MOST_OFFSET_M = 0.1
"""A Gaussian lies at most so far from its point of the head, along each axis."""
MOST_SCALE_M = 0.01
"""The largest standard deviation of a Gaussian."""
MOST_INTENSITY = 1.5
"""How far an emotion's strength may go."""

EmotionMode = Literal["gated", "concatenate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LamConfig:
    """Sizes of the network; the defaults are those of LAM-20K.

    encoder_*: of the image transformer; taps: after which of its blocks (from 0) features are
    taken; grid: cells of the stored position table's edge; registers: tokens without a place;
    features: channels of an image token; width, heads, layers: of the decoder; hidden: of the
    Gaussian head; image_side: pixels; points: of the head's surface."""

    encoder_width: int = 1024
    encoder_layers: int = 24
    encoder_heads: int = 16
    taps: tuple[int, int, int, int] = (4, 11, 17, 23)
    patch: int = 14
    registers: int = 4
    grid: int = 37
    features: int = 1024
    width: int = 1024
    heads: int = 16
    layers: int = 10
    hidden: int = 512
    image_side: int = 504


LAM_20K = LamConfig()
POINTS = 20_018
"""Points of LAM-20K: FLAME's 5,023 vertices and the middles of its 14,995 edges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmotionConfig:
    """mode: "gated" lets the points see the tokens as far as each layer's gate is open, times the
    emotion's strength; "concatenate" appends them to the image's tokens, as the Feelings paper's
    equation 6 does, and has no strength. tokens: how many an emotion has; width: of its
    embedding."""

    mode: EmotionMode = "gated"
    tokens: int = 8
    width: int = 1024
