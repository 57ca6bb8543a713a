# SPDX-License-Identifier: GPL-3.0-or-later
"""How the six emotions look, as weights of ARKit's and the open head's shapes.

Tune the weights in `emotions.toml`, `GAIN` for a whole emotion, `CEILING` so that no weight breaks
the mesh. A name without Left or Right stands for both.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS
from .channels import NAMES, columns_of

EXPRESSIONS: dict[str, list[dict[str, float]]] = tomllib.loads(
    Path(__file__).with_name("emotions.toml").read_text("utf-8")
)
"""Weights of each emotion's variants at emotion weight 1."""

GAIN = {"happy": 1.0, "sad": 1.0, "angry": 1.0, "fear": 1.0, "disgust": 1.0, "surprise": 1.0}
"""Factor on all weights of an emotion."""

AROUSAL = {
    "happy": 0.15,
    "sad": -0.2,
    "angry": 0.25,
    "fear": 0.1,
    "disgust": -0.05,
    "surprise": 0.2,
}
"""How much larger speech movements get at weight 1 (negative: smaller), relative to calm ones."""

CEILING: dict[str, float] = {
    "mouthSmile": 1.15,
    "cheekSquint": 1.2,
    "mouthStretch": 1.4,
    "mouthUpperUp": 1.15,
    "mouthLowerDown": 1.0,
    "mouthFrown": 1.5,
    "jawOpen": 0.9,
    "browInnerUp": 1.75,
    "browDown": 1.75,
    "browOuterUp": 1.7,
    "eyeWide": 1.6,
    "noseSneer": 1.7,
    "eyeBlink": 1.34,
    "mouthClose": 1.0,
    "eyebrowsInnerUp": 1.6,
    "eyebrowsDown": 1.4,
    "eyebrowsUp": 1.3,
    "noseCompression": 1.2,
    "noseElevation": 1.2,
}
"""Largest weight of a shape, from speech and emotion together; 1 for shapes not named here."""

LAG_S = {"brow": -0.05, "eye": -0.02, "nose": 0.0, "cheek": 0.03, "mouth": 0.05, "jaw": 0.05}
"""Seconds by which a part of the face lags behind the emotion's curve: brows come first."""

ENVELOPE_S = {"brow": 0.05, "eye": 0.05, "nose": 0.07, "cheek": 0.08, "mouth": 0.08, "jaw": 0.07}
"""Standard deviation in seconds of the Gaussian that smooths the emotion's curve for each part."""

VARIANTS = 3
"""Variants of each emotion in `EXPRESSIONS`."""


@cache
def expression_table() -> Float64Array:
    """(6, 3, 100) weights: `EXPRESSIONS` times `GAIN`, in the order of `EMOTIONS` and `NAMES`."""
    table = np.zeros((len(EMOTIONS), VARIANTS, len(NAMES)))
    for emotion, name in enumerate(EMOTIONS):
        for variant, weights in enumerate(EXPRESSIONS[name]):
            for shape, weight in weights.items():
                table[emotion, variant, columns_of(shape)] = weight * GAIN[name]
    return table


@cache
def ceilings() -> Float64Array:
    """(100,) the largest weight of each shape."""
    limits = np.ones(len(NAMES))
    for name, ceiling in CEILING.items():
        limits[columns_of(name)] = ceiling
    return limits
