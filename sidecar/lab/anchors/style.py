# SPDX-License-Identifier: GPL-3.0-or-later
"""How one person moves: a few hidden traits that shape speech, nonverbal motion and emotion alike.

The traits can be seen in a take (how wide the mouth moves, which half of the face moves more, how
busy the brows are), so a model can infer from it how this person would look in another emotion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS
from ....shared.motion import ARKIT_NAMES
from .channels import NAMES, parts, side_of
from .emotions import VARIANTS, prototype_variants

_RESTING = frozenset(
    name
    for name in ARKIT_NAMES
    if not name.startswith(("eyeLook", "jaw", "tongue", "cheekPuff"))
    and name not in ("mouthLeft", "mouthRight", "mouthClose")
)
"""Shapes whose weights differ a little between resting faces."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Style:
    """How one person moves. speech_gain, jaw_gain, round_gain: factors on the size of articulation.
    rate: words a minute. gains: (100,) factors on each shape in emotion. asymmetry: -1..1, above 0
    the right half of the face moves more; speech_asymmetry: (100,) factors of it on speech.
    variants: (6, 4) shares of each emotion's variants. brow_beat, brow_outer: weight of the inner
    brows on a stress, and the outer brows' share of it. blink_every_s, blink_s: mean interval and
    length of blinks. rest: (100,) weights of the resting face. stress_gain: how much stronger
    emotion is on stressed syllables."""

    speech_gain: float
    jaw_gain: float
    round_gain: float
    rate: int
    gains: Float64Array
    asymmetry: float
    speech_asymmetry: Float64Array
    variants: Float64Array
    brow_beat: float
    brow_outer: float
    blink_every_s: float
    blink_s: float
    rest: Float64Array
    stress_gain: float


def make_style(rng: np.random.Generator) -> Style:
    """The style of a random person; the same generator state gives the same style."""
    expressive, open_mouth, lively = rng.normal(0, 1, 3).clip(-2, 2)
    asymmetry = float(np.clip(rng.normal(0, 0.13), -0.3, 0.3))
    gains = 1.05 + 0.05 * expressive + rng.normal(0, 0.05, len(NAMES))
    return Style(
        speech_gain=float(1 + 0.12 * expressive + 0.05 * rng.normal()),
        jaw_gain=float(1 + 0.16 * open_mouth + 0.05 * rng.normal()),
        round_gain=float(1 + 0.1 * rng.normal()),
        rate=int(rng.integers(130, 190)),
        gains=symmetric(gains).clip(0.85, 1.25),
        asymmetry=asymmetry,
        speech_asymmetry=asymmetry_gains(asymmetry),
        variants=random_variants(rng),
        brow_beat=float(np.clip(0.28 + 0.16 * lively, 0.02, 0.6)),
        brow_outer=float(rng.uniform(0.2, 1)),
        blink_every_s=float(np.clip(3.4 - 0.8 * lively + 0.4 * rng.normal(), 1.4, 6)),
        blink_s=float(rng.uniform(0.2, 0.3)),
        rest=_rest(rng),
        stress_gain=float(np.clip(0.1 + 0.06 * lively, 0, 0.25)),
    )


def calm_style() -> Style:
    """The average style, symmetric and without habits; the demo and the tests use it."""
    ones = np.ones(len(NAMES))
    return Style(
        speech_gain=1.0,
        jaw_gain=1.0,
        round_gain=1.0,
        rate=160,
        gains=ones,
        asymmetry=0.0,
        speech_asymmetry=ones,
        variants=prototype_variants(),
        brow_beat=0.25,
        brow_outer=0.5,
        blink_every_s=3.0,
        blink_s=0.24,
        rest=np.zeros(len(NAMES)),
        stress_gain=0.1,
    )


def asymmetry_gains(asymmetry: float) -> Float64Array:
    """(100,) factors: 1 + asymmetry on right shapes, 1 - asymmetry on left ones; gaze and blinks
    keep 1."""
    free = [not name.startswith(("eyeLook", "eyeBlink")) for name in NAMES]
    return 1 + asymmetry * np.array([side_of(name) for name in NAMES]) * free


def random_variants(rng: np.random.Generator) -> Float64Array:
    """(6, 4) shares of each emotion's variants: mostly one or two of them, since a mean of all four
    is nobody's face."""
    return rng.dirichlet(np.full(VARIANTS, 0.35), len(EMOTIONS))


def _rest(rng: np.random.Generator) -> Float64Array:
    rest = np.abs(rng.normal(0, 0.025, len(NAMES)))
    for index, name in enumerate(NAMES):
        if name not in _RESTING:
            rest[index] = 0
        if parts()[index] == "eye":
            rest[index] *= 0.5
    return symmetric(rest)


def symmetric(values: Float64Array) -> Float64Array:
    """A copy of values (100,) with each right shape set to the value of its left one."""
    result = values.copy()
    for index, name in enumerate(NAMES):
        if side_of(name) == 1:
            result[index] = values[NAMES.index(name.replace("Right", "Left"))]
    return result
