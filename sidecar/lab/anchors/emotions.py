# SPDX-License-Identifier: GPL-3.0-or-later
"""How the six emotions look: action units of FACS, and their weights on the open head.

`emotions.toml` names units and intensities; what a unit is, `action_units.toml` in `modulation/`
says. Tune letters there, and `CEILING` so that no weight breaks the mesh.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS
from ...modulation.units import DEFINITIONS as ACTION_UNITS
from ...modulation.units import INTENSITIES
from .channels import NAMES, columns_of

FORMS = ("open", "closed")
"""How a variant is performed: with lips that may part, and with lips that are held together."""
OPEN, CLOSED = range(len(FORMS))

AROUSAL = {
    "happy": 0.1,
    "sad": -0.2,
    "angry": 0.16,
    "fear": 0.06,
    "disgust": -0.05,
    "surprise": 0.06,
}
"""How much larger speech movements get at weight 1 (negative: smaller), relative to calm ones."""

CEILING: dict[str, float] = {
    "mouthSmile": 1.15,
    "cheekSquint": 1.6,
    "mouthStretch": 1.9,
    "mouthUpperUp": 1.4,
    "mouthLowerDown": 1.0,
    "mouthFrown": 1.8,
    "mouthElevation": 1.15,
    "mouthLowerlipVolumeDecr": 1.7,
    "jawOpen": 0.95,
    "browInnerUp": 2.0,
    "browDown": 1.9,
    "browOuterUp": 2.0,
    "eyeWide": 1.98,
    "eyeOpenedUp": 1.5,
    "noseSneer": 1.7,
    "eyeBlink": 1.34,
    "mouthClose": 1.0,
    "eyebrowsInnerUp": 1.6,
    "eyebrowsDown": 1.4,
    "eyebrowsUp": 1.3,
    "noseCompression": 1.5,
    "noseElevation": 1.2,
    "noseDilatation": 1.2,
}
"""Largest weight of a shape, from speech and emotion together; 1 for shapes not named here. A third
above the largest of a variant, so that the soft bend leaves what the recipes say."""

LAG_S = {
    "brow": -0.05,
    "lid": -0.08,
    "cheek": 0.03,
    "nose": -0.08,
    "corner": 0.05,
    "lips": 0.06,
    "jaw": 0.08,
}
"""Seconds by which a part of the face lags behind the emotion's curve: lids and nose come first
(Jack, Garrod and Schyns 2014)."""

ENVELOPE_S = {
    "brow": 0.05,
    "lid": 0.05,
    "cheek": 0.08,
    "nose": 0.07,
    "corner": 0.08,
    "lips": 0.08,
    "jaw": 0.1,
}
"""Standard deviation in seconds of the Gaussian that smooths the emotion's curve for each part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to show an emotion. units: intensity (0..1.1) of each action unit, for each of
    `FORMS`."""

    name: str
    units: tuple[dict[int, float], dict[int, float]]


def _read(name: str) -> dict:
    return tomllib.loads(Path(__file__).with_name(name).read_text("utf-8"))


def parse_units(text: str) -> dict[int, float]:
    """Intensity of each unit of a text such as "6E 12D". Raises ValueError for anything else and
    for a unit named twice."""
    units: dict[int, float] = {}
    for word in text.split():
        found = re.fullmatch(r"(\d+)([A-E])", word)
        if found is None or int(found[1]) not in ACTION_UNITS or int(found[1]) in units:
            raise ValueError(f"{word} is no action unit with an intensity, or is there twice")
        units[int(found[1])] = INTENSITIES[found[2]]
    return units


def _read_emotions() -> dict[str, tuple[Variant, ...]]:
    return {
        emotion: tuple(
            Variant(
                name=recipe["name"],
                units=(
                    parse_units(f"{recipe['face']} {recipe['open']}"),
                    parse_units(f"{recipe['face']} {recipe['closed']}"),
                ),
            )
            for recipe in recipes
        )
        for emotion, recipes in _read("emotions.toml").items()
    }


EXPRESSIONS = _read_emotions()
"""The variants of each emotion; the first is its prototype."""

VARIANTS = 4
"""Variants of each emotion in `EXPRESSIONS`."""
_PROTOTYPE_SHARES = (0.7, 0.3, 0.0, 0.0)
_NAMED_BEST = {"angry": (0.3, 0.2, 0.0, 0.5)}
"""What is named more surely than the prototype: lips that hold anger in turn down."""


def prototype_variants() -> Float64Array:
    """(6, 4) shares of each emotion's variants in whoever has no look of their own."""
    return np.array([_NAMED_BEST.get(name, _PROTOTYPE_SHARES) for name in EMOTIONS])


def weights_of(units: dict[int, float]) -> Float64Array:
    """(100,) weights of `NAMES` for action units with their intensities. Units do not add up: each
    is what it is beside the others."""
    weights = np.zeros(len(NAMES))
    for number, intensity in units.items():
        for shape, weight in ACTION_UNITS[number].weights_beside(frozenset(units)).items():
            weights[columns_of(shape)] += weight * intensity
    return weights


@cache
def expression_table() -> Float64Array:
    """(6, 4, 2, 100) weights of every variant in both `FORMS`, in the order of `EMOTIONS` and
    `NAMES`."""
    return np.array(
        [
            [[weights_of(units) for units in variant.units] for variant in EXPRESSIONS[name]]
            for name in EMOTIONS
        ]
    )


@cache
def ceilings() -> Float64Array:
    """(100,) the largest weight of each shape."""
    limits = np.ones(len(NAMES))
    for name, ceiling in CEILING.items():
        limits[columns_of(name)] = ceiling
    return limits
