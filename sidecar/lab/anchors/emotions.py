# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: C408 (shapes read better as keywords than as quoted keys)
"""How the six emotions look: FACS action units as weights of ARKit's and the open head's shapes.

Tune here: `RECIPES` at emotion weight 1, `GAIN` for a whole emotion, `CEILING` so that no weight
breaks the mesh. A name without Left or Right stands for both. Action units follow Ekman, Friesen
and Hager (2002), "FACS Investigator's Guide".
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS
from .channels import NAMES, columns_of

RECIPES: dict[str, tuple[dict[str, float], ...]] = {
    "happy": (
        # Broad smile with raised cheeks: AU 6 + 12 + 25.
        dict(
            mouthSmile=0.72,
            mouthUpwardRetraction=0.5,
            cheekSquint=1.0,
            eyeSquint=0.35,
            mouthUpperUp=0.2,
            mouthLowerDown=0.15,
            mouthLaughLinesIn=0.4,
            jawOpen=0.06,
            browOuterUp=0.2,
            eyebrowsUp=0.1,
            cheekInnerIncr=0.3,
        ),
        # Delighted, brows up: AU 1 + 2 + 6 + 12 + 26.
        dict(
            mouthSmile=0.65,
            mouthUpwardRetraction=0.7,
            cheekSquint=0.9,
            eyeSquint=0.25,
            mouthUpperUp=0.2,
            mouthLowerDown=0.2,
            mouthLaughLinesIn=0.4,
            jawOpen=0.12,
            browInnerUp=0.3,
            browOuterUp=0.4,
            eyebrowsUp=0.3,
            cheekInnerIncr=0.3,
        ),
        # Warm, lips nearly together: AU 6 + 12 + 14.
        dict(
            mouthSmile=0.8,
            mouthCornerPuller=0.3,
            mouthUpwardRetraction=0.25,
            cheekSquint=1.0,
            eyeSquint=0.4,
            mouthDimple=0.25,
            mouthUpperUp=0.15,
            jawOpen=0.02,
            browInnerUp=0.1,
            cheekInnerIncr=0.3,
        ),
    ),
    "sad": (
        # Grief: AU 1 + 4 + 15 + 17.
        dict(
            browInnerUp=1.15,
            eyebrowsInnerUp=1.2,
            browDown=0.2,
            mouthFrown=1.15,
            mouthDepression=0.3,
            mouthShrugLower=0.45,
            eyeBlink=0.14,
            eyeSquint=0.15,
        ),
        # Heavy and tired: AU 1 + 15 + 43.
        dict(
            browInnerUp=1.05,
            eyebrowsInnerUp=1.0,
            browDown=0.1,
            mouthFrown=1.05,
            mouthDepression=0.2,
            mouthShrugLower=0.3,
            eyeBlink=0.26,
        ),
        # Close to tears: AU 1 + 4 + 11 + 15 + 17, lip pushed up.
        dict(
            browInnerUp=1.1,
            eyebrowsInnerUp=1.25,
            browDown=0.3,
            mouthFrown=1.1,
            mouthDepression=0.35,
            mouthShrugLower=0.6,
            mouthShrugUpper=0.1,
            cheekSquint=0.25,
            eyeSquint=0.28,
            eyeBlink=0.08,
        ),
    ),
    "angry": (
        # Held in: AU 4 + 5 + 7 + 23 + 24.
        dict(
            browDown=1.3,
            eyebrowsDown=1.0,
            eyeSquint=0.45,
            eyeWide=0.45,
            noseSneer=0.5,
            noseDilatation=0.7,
            mouthPress=0.8,
            mouthFrown=0.6,
            mouthRollUpper=0.4,
            mouthRollLower=0.4,
            jawForward=0.3,
        ),
        # Snarl: AU 4 + 7 + 9 + 10 + 25, teeth show.
        dict(
            browDown=1.3,
            eyebrowsDown=1.1,
            eyeSquint=0.5,
            eyeWide=0.35,
            noseSneer=0.95,
            noseDilatation=0.9,
            mouthUpperUp=0.35,
            mouthPartLater=0.35,
            mouthDepressionRetraction=0.4,
            mouthFrown=0.5,
            jawForward=0.35,
        ),
        # Staring: AU 4 + 5 + 17 + 23.
        dict(
            browDown=1.2,
            eyebrowsDown=0.95,
            eyeWide=0.75,
            eyeSquint=0.2,
            noseSneer=0.4,
            noseDilatation=0.7,
            mouthPress=0.6,
            mouthShrugLower=0.3,
            mouthFrown=0.65,
            mouthRollLower=0.3,
            jawForward=0.4,
        ),
    ),
    "fear": (
        # Terror: AU 1 + 2 + 4 + 5 + 20 + 26.
        dict(
            browInnerUp=1.1,
            eyebrowsInnerUp=0.6,
            browOuterUp=0.4,
            eyebrowsUp=0.2,
            browDown=0.25,
            eyeWide=1.15,
            eyeOpenedUp=0.4,
            mouthStretch=0.9,
            mouthRetraction=0.4,
            mouthDepressionRetraction=0.3,
            mouthFrown=0.2,
            jawOpen=0.12,
            neckPlatysma=0.4,
        ),
        # Dread: AU 1 + 4 + 5 + 20.
        dict(
            browInnerUp=1.1,
            eyebrowsInnerUp=0.75,
            browDown=0.4,
            eyeWide=1.0,
            eyeOpenedUp=0.3,
            mouthStretch=0.9,
            mouthRetraction=0.5,
            mouthDepressionRetraction=0.2,
            mouthFrown=0.35,
            jawOpen=0.07,
            neckPlatysma=0.5,
        ),
        # Shrinking back: AU 1 + 2 + 5 + 20 + 25.
        dict(
            browInnerUp=1.1,
            eyebrowsInnerUp=0.5,
            browOuterUp=0.5,
            eyebrowsUp=0.35,
            eyeWide=1.2,
            eyeOpenedUp=0.5,
            mouthStretch=0.8,
            mouthRetraction=0.3,
            mouthDepressionRetraction=0.4,
            jawOpen=0.15,
            neckPlatysma=0.3,
        ),
    ),
    "disgust": (
        # Revolted: AU 4 + 9 + 10 + 15.
        dict(
            noseSneer=1.2,
            noseCompression=0.6,
            noseElevation=0.6,
            mouthElevation=0.55,
            mouthUpperUp=0.5,
            browDown=0.6,
            eyebrowsDown=0.35,
            eyeSquint=0.65,
            cheekSquint=0.7,
            mouthFrown=0.5,
            mouthShrugLower=0.2,
        ),
        # Bad smell: AU 9 + 10 + 17.
        dict(
            noseSneer=1.3,
            noseCompression=0.8,
            noseElevation=0.7,
            mouthElevation=0.3,
            mouthUpperUp=0.4,
            browDown=0.5,
            eyebrowsDown=0.3,
            eyeSquint=0.8,
            cheekSquint=0.6,
            mouthFrown=0.6,
            mouthShrugLower=0.5,
        ),
        # Gagging: AU 4 + 9 + 10 + 16 + 25.
        dict(
            noseSneer=1.2,
            noseCompression=0.7,
            noseElevation=0.6,
            mouthElevation=0.5,
            mouthUpperUp=0.5,
            mouthLowerDown=0.35,
            mouthDepression=0.25,
            browDown=0.65,
            eyebrowsDown=0.4,
            eyeSquint=0.55,
            cheekSquint=0.75,
            jawOpen=0.08,
        ),
    ),
    "surprise": (
        # Open-mouthed: AU 1 + 2 + 5 + 26.
        dict(
            browInnerUp=1.0,
            browOuterUp=1.0,
            eyebrowsUp=0.7,
            eyeWide=1.1,
            eyeOpenedUp=0.4,
            jawOpen=0.42,
            mouthFunnel=0.1,
        ),
        # Startled: AU 1 + 2 + 5 + 25.
        dict(
            browInnerUp=1.0,
            browOuterUp=1.0,
            eyebrowsUp=0.8,
            eyeWide=1.25,
            eyeOpenedUp=0.5,
            jawOpen=0.32,
            mouthLowerDown=0.05,
        ),
        # Amazed: AU 1 + 2 + 5 + 27.
        dict(
            browInnerUp=1.0,
            browOuterUp=1.1,
            eyebrowsUp=0.75,
            eyeWide=1.0,
            eyeOpenedUp=0.35,
            jawOpen=0.5,
            mouthFunnel=0.05,
        ),
    ),
}
"""Weights of each emotion's variants at emotion weight 1. ARKit's shapes suffice to show the
emotion; the open head's own make it clearer."""

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
"""Variants of each emotion in `RECIPES`."""


@cache
def recipe_table() -> Float64Array:
    """(6, 3, 100) weights: `RECIPES` times `GAIN`, in the order of `EMOTIONS` and `NAMES`."""
    table = np.zeros((len(EMOTIONS), VARIANTS, len(NAMES)))
    for emotion, name in enumerate(EMOTIONS):
        for variant, recipe in enumerate(RECIPES[name]):
            for shape, weight in recipe.items():
                table[emotion, variant, columns_of(shape)] = weight * GAIN[name]
    return table


@cache
def ceilings() -> Float64Array:
    """(100,) the largest weight of each shape."""
    limits = np.ones(len(NAMES))
    for name, ceiling in CEILING.items():
        limits[columns_of(name)] = ceiling
    return limits
