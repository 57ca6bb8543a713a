# SPDX-License-Identifier: GPL-3.0-or-later
"""A person who performs: the shape of the face, the style of moving, and the manner of speaking.

Training and evaluation share no person. Held-out people also speak in manners, and mix pairs of
emotions, that do not occur in training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ....shared.arrays import Float64Array
from .style import Style, make_style

SHAPE_COMPONENTS = 300
"""Length of a `Motion`'s shape."""
_SHAPES_USED = 40
"""Later components of a head's shape basis move less than a tenth of a millimetre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """Factors on a `Style`. speech, jaw, rounding: size of articulation. rate: words a minute.
    beats: brow beats. blinks: blinks a minute. feeling: strength of emotion. stress: how much
    stronger emotion is on stresses."""

    speech: float = 1.0
    jaw: float = 1.0
    rounding: float = 1.0
    rate: float = 1.0
    beats: float = 1.0
    blinks: float = 1.0
    feeling: float = 1.0
    stress: float = 1.0


MANNERS: dict[str, dict[str, Manner]] = {
    "train": {
        "plain": Manner(),
        "lively": Manner(speech=1.12, beats=1.7, blinks=1.3, feeling=1.05, stress=1.6),
        "reserved": Manner(speech=0.86, jaw=0.85, beats=0.35, feeling=0.93, stress=0.5),
        "clipped": Manner(speech=1.05, jaw=0.9, rounding=0.85, rate=1.12, stress=1.2),
        "drawled": Manner(jaw=1.12, rounding=1.1, rate=0.85, blinks=0.8),
        "declaimed": Manner(speech=1.2, jaw=1.2, rounding=1.15, rate=0.9, feeling=1.07, stress=1.4),
    },
    "held-out": {
        "mumbled": Manner(speech=0.78, jaw=0.8, rounding=0.9, beats=0.6, feeling=0.95),
        "pressing": Manner(speech=1.15, jaw=1.05, rate=1.15, beats=1.4, blinks=1.5, stress=1.8),
    },
}
"""The manners of each split."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identity:
    """A person. name: unique over all splits. shape: (300,) coefficients of the head's shape basis,
    in standard deviations. style: how the person moves, in the manner named by `manner`."""

    name: str
    shape: Float64Array  # (300,)
    style: Style
    manner: str


def make_identity(split: str, index: int, seed: int) -> Identity:
    """Person `index` of the split; the same arguments give the same person."""
    rng = np.random.default_rng([seed, 11, sorted(MANNERS).index(split), index])
    manner = str(rng.choice(sorted(MANNERS[split])))
    shape = np.zeros(SHAPE_COMPONENTS)
    shape[:_SHAPES_USED] = rng.normal(0, 0.8, _SHAPES_USED).clip(-2, 2)
    style = in_manner(make_style(rng), MANNERS[split][manner])
    return Identity(name=f"{split}-{index:05d}", shape=shape, style=style, manner=manner)


def in_manner(style: Style, manner: Manner) -> Style:
    """The style of the same person who speaks in `manner`."""
    return replace(
        style,
        speech_gain=style.speech_gain * manner.speech,
        jaw_gain=style.jaw_gain * manner.jaw,
        round_gain=style.round_gain * manner.rounding,
        rate=round(style.rate * manner.rate),
        brow_beat=style.brow_beat * manner.beats,
        blink_every_s=style.blink_every_s / manner.blinks,
        gains=style.gains * manner.feeling,
        stress_gain=style.stress_gain * manner.stress,
    )
