# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of how the six emotions look, in FACS action units said by ARKit's shapes.

Tune here: `RECIPES` at emotion weight 1, `GAIN` for all of an emotion, `CEILING` so that no shape
is pushed until the mesh breaks. A name without side stands for both sides. Action units follow
Ekman, Friesen and Hager (2002), "FACS Investigator's Guide".
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...shared.emotion import EMOTIONS
from ...shared.motion import ARKIT_NAMES

RECIPES: dict[str, tuple[dict[str, float], ...]] = {
    "happy": (
        # Broad smile with raised cheeks: AU 6 + 12 + 25.
        dict(mouthSmile=1.0, cheekSquint=1.0, eyeSquint=0.5, mouthUpperUp=0.4, mouthLowerDown=0.28,
             mouthDimple=0.2, jawOpen=0.1, browOuterUp=0.12),
        # Delighted, brows up: AU 1 + 2 + 6 + 12 + 26.
        dict(mouthSmile=0.95, cheekSquint=0.85, eyeSquint=0.35, mouthUpperUp=0.45,
             mouthLowerDown=0.35, jawOpen=0.17, browInnerUp=0.3, browOuterUp=0.4),
        # Warm, lips nearly together: AU 6 + 12 + 14.
        dict(mouthSmile=1.05, cheekSquint=0.95, eyeSquint=0.6, mouthDimple=0.4, mouthUpperUp=0.2,
             mouthLowerDown=0.12, jawOpen=0.04, browInnerUp=0.1),
    ),
    "sad": (
        # Grief: AU 1 + 4 + 15 + 17.
        dict(browInnerUp=1.4, browDown=0.3, mouthFrown=1.25, mouthShrugLower=0.65, eyeBlink=0.22,
             eyeSquint=0.15, mouthStretch=0.1),
        # Heavy and tired: AU 1 + 15 + 43.
        dict(browInnerUp=1.2, browDown=0.2, mouthFrown=1.1, mouthShrugLower=0.45, eyeBlink=0.36,
             mouthPress=0.15),
        # Close to tears: AU 1 + 4 + 11 + 15 + 17, lip pushed up.
        dict(browInnerUp=1.45, browDown=0.4, mouthFrown=1.2, mouthShrugLower=0.9,
             mouthShrugUpper=0.25, cheekSquint=0.25, eyeSquint=0.3, eyeBlink=0.14),
    ),
    "angry": (
        # Held in: AU 4 + 5 + 7 + 23 + 24.
        dict(browDown=1.5, eyeSquint=0.55, eyeWide=0.35, noseSneer=0.6, mouthPress=0.75,
             mouthFrown=0.6, mouthRollUpper=0.3, mouthRollLower=0.3, jawForward=0.25),
        # Snarl: AU 4 + 7 + 9 + 10 + 25, teeth show.
        dict(browDown=1.5, eyeSquint=0.65, eyeWide=0.2, noseSneer=1.0, mouthUpperUp=0.5,
             mouthLowerDown=0.45, mouthFrown=0.55, mouthStretch=0.25, jawForward=0.3),
        # Staring: AU 4 + 5 + 17 + 23.
        dict(browDown=1.4, eyeWide=0.65, eyeSquint=0.3, noseSneer=0.5, mouthPress=0.55,
             mouthShrugLower=0.4, mouthFrown=0.65, jawForward=0.35),
    ),
    "fear": (
        # Terror: AU 1 + 2 + 4 + 5 + 20 + 26.
        dict(browInnerUp=1.35, browOuterUp=0.7, browDown=0.35, eyeWide=1.3, mouthStretch=1.2,
             mouthLowerDown=0.4, jawOpen=0.18, mouthFrown=0.2),
        # Dread: AU 1 + 4 + 5 + 20.
        dict(browInnerUp=1.4, browOuterUp=0.4, browDown=0.55, eyeWide=1.1, mouthStretch=1.05,
             mouthFrown=0.4, mouthLowerDown=0.3, jawOpen=0.1),
        # Shrinking back: AU 1 + 2 + 5 + 20 + 25.
        dict(browInnerUp=1.3, browOuterUp=0.8, browDown=0.25, eyeWide=1.35, mouthStretch=1.0,
             mouthLowerDown=0.5, mouthUpperUp=0.15, jawOpen=0.22),
    ),
    "disgust": (
        # Revolted: AU 4 + 9 + 10 + 15.
        dict(noseSneer=1.4, mouthUpperUp=0.85, browDown=0.8, eyeSquint=0.7, cheekSquint=0.7,
             mouthFrown=0.5, mouthShrugLower=0.2),
        # Bad smell: AU 9 + 10 + 17.
        dict(noseSneer=1.5, mouthUpperUp=0.65, browDown=0.65, eyeSquint=0.85, cheekSquint=0.6,
             mouthFrown=0.6, mouthShrugLower=0.55),
        # Gagging: AU 4 + 9 + 10 + 16 + 25.
        dict(noseSneer=1.35, mouthUpperUp=0.9, mouthLowerDown=0.5, browDown=0.85, eyeSquint=0.6,
             cheekSquint=0.75, mouthStretch=0.3, jawOpen=0.1),
    ),
    "surprise": (
        # Open-mouthed: AU 1 + 2 + 5 + 26.
        dict(browInnerUp=1.3, browOuterUp=1.3, eyeWide=1.2, jawOpen=0.5, mouthFunnel=0.15),
        # Startled: AU 1 + 2 + 5 + 25.
        dict(browInnerUp=1.4, browOuterUp=1.2, eyeWide=1.35, jawOpen=0.38, mouthLowerDown=0.1),
        # Amazed: AU 1 + 2 + 5 + 27.
        dict(browInnerUp=1.25, browOuterUp=1.4, eyeWide=1.1, jawOpen=0.58, mouthFunnel=0.1),
    ),
}  # fmt: skip
"""ARKit weights of each emotion's variants at weight 1."""

GAIN = {"happy": 1.0, "sad": 1.0, "angry": 1.0, "fear": 1.0, "disgust": 1.0, "surprise": 1.0}
"""Strength of a whole emotion."""

AROUSAL = {"happy": 0.15, "sad": -0.3, "angry": 0.25, "fear": 0.1, "disgust": -0.05,
           "surprise": 0.2}  # fmt: skip
"""How much larger (or smaller) speech gets at weight 1, as a share of its calm size."""

CEILING: dict[str, float] = {
    "mouthSmile": 1.15, "cheekSquint": 1.2, "mouthStretch": 1.4, "mouthUpperUp": 1.15,
    "mouthLowerDown": 1.0, "mouthFrown": 1.5, "jawOpen": 0.9, "browInnerUp": 1.75,
    "browDown": 1.75, "browOuterUp": 1.7, "eyeWide": 1.6, "noseSneer": 1.7, "eyeBlink": 1.0,
    "mouthClose": 0.9,
}  # fmt: skip
"""Largest weight that a shape may reach by all causes together; unnamed shapes: 1."""

LAG_S = {"brow": -0.05, "eye": -0.02, "nose": 0.0, "cheek": 0.03, "mouth": 0.05, "jaw": 0.05}
"""When a part of the face follows the emotion's curve: brows lead, the mouth comes last."""

ENVELOPE_S = {"brow": 0.05, "eye": 0.05, "nose": 0.07, "cheek": 0.08, "mouth": 0.08, "jaw": 0.07}
"""How softly a part follows: standard deviation of the smoothing."""

VARIANTS = 3
"""Variants of each emotion in `RECIPES`."""


def sides(name: str) -> list[int]:
    """Columns in `ARKIT_NAMES` of `name`, or of its Left and Right. Raises KeyError."""
    names = [name] if name in ARKIT_NAMES else [f"{name}Left", f"{name}Right"]
    if any(n not in ARKIT_NAMES for n in names):
        raise KeyError(name)
    return [ARKIT_NAMES.index(n) for n in names]


@cache
def recipe_table() -> NDArray[np.float64]:
    """(6, 3, 52): `RECIPES` with `GAIN`, in `EMOTIONS` and `ARKIT_NAMES` order."""
    table = np.zeros((len(EMOTIONS), VARIANTS, len(ARKIT_NAMES)))
    for emotion, name in enumerate(EMOTIONS):
        for variant, recipe in enumerate(RECIPES[name]):
            for shape, weight in recipe.items():
                table[emotion, variant, sides(shape)] = weight * GAIN[name]
    return table


@cache
def ceilings() -> NDArray[np.float64]:
    """(52,) the largest weight of each shape."""
    limits = np.ones(len(ARKIT_NAMES))
    for name, ceiling in CEILING.items():
        limits[sides(name)] = ceiling
    return limits


@cache
def parts() -> tuple[str, ...]:
    """The part of the face (a key of `LAG_S`) of each ARKit shape; the tongue is the mouth's."""
    return tuple(
        next((part for part in LAG_S if name.startswith(part)), "mouth") for name in ARKIT_NAMES
    )
