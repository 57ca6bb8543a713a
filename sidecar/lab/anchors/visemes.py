# SPDX-License-Identifier: GPL-3.0-or-later
"""The mouth shapes of phonemes: one readable table.

Targets are ARKit weights of a calm speaker; a name without Left or Right stands for both. `hold`
is the height of the dominance function of each group of channels (Cohen and Massaro 1993,
"Modeling coarticulation in synthetic visual speech").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from ....shared.arrays import Float64Array, IndexArray
from .channels import CHANNELS, columns_of

GROUPS = {
    "jaw": ("jawOpen", "jawForward"),
    "seal": ("mouthPress", "mouthRollLower", "mouthRollUpper", "mouthShrugUpper"),
    "round": ("mouthFunnel", "mouthPucker"),
    "open": ("mouthLowerDown", "mouthUpperUp", "mouthShrugLower"),
    "spread": ("mouthStretch", "mouthSmile", "mouthDimple"),
    "tongue": ("tongueOut",),
}
"""Channels that move together and share one dominance function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viseme:
    """A mouth shape. targets: weights by ARKit name, `CLOSURE` or `TUCK`. hold: dominance by group,
    `default` for groups not named. reach_s: seconds before and after the phoneme at which its
    dominance has fallen to 1/e."""

    targets: dict[str, float]
    hold: dict[str, float] = field(default_factory=dict)
    default: float = 0.5
    reach_s: float = 0.07


def _v(
    hold: dict[str, float] | None = None,
    default: float = 0.5,
    reach_s: float = 0.07,
    **targets: float,
) -> Viseme:
    return Viseme(targets=targets, hold=hold or {}, default=default, reach_s=reach_s)


_BILABIAL = _v(
    {"seal": 2.4, "open": 1.6, "jaw": 1.3, "round": 0.12, "spread": 0.3},
    0.2,
    0.035,
    closure=1.0,
    jawOpen=0.12,
    mouthPress=0.34,
    mouthRollLower=0.26,
    mouthRollUpper=0.24,
)
_LABIODENTAL = _v(
    {"open": 1.6, "seal": 2.2, "jaw": 1.3, "round": 0.3},
    0.3,
    0.045,
    tuck=1.0,
    jawOpen=0.1,
    mouthRollLower=0.62,
    mouthUpperUp=0.22,
    mouthShrugLower=0.12,
)
_ALVEOLAR = _v(
    {"jaw": 0.75, "open": 0.5},
    0.15,
    jawOpen=0.13,
    mouthLowerDown=0.16,
    mouthUpperUp=0.06,
    mouthStretch=0.06,
)
_SIBILANT = _v(
    {"jaw": 1.5, "open": 0.9, "spread": 0.6},
    0.25,
    jawOpen=0.05,
    mouthLowerDown=0.3,
    mouthUpperUp=0.14,
    mouthStretch=0.2,
    mouthSmile=0.08,
)
_HUSH = _v(
    {"jaw": 1.3, "round": 1.3, "open": 0.8},
    0.4,
    0.08,
    jawOpen=0.08,
    mouthFunnel=0.62,
    mouthPucker=0.22,
    mouthUpperUp=0.16,
    mouthLowerDown=0.22,
)
_DENTAL = _v(
    {"jaw": 0.9, "tongue": 1.5},
    0.3,
    jawOpen=0.17,
    mouthLowerDown=0.2,
    mouthUpperUp=0.1,
    tongueOut=0.12,
)
_VELAR = _v({"jaw": 0.4}, 0.12, jawOpen=0.2, mouthLowerDown=0.1)
_W = _v(
    {"round": 1.9, "jaw": 0.8, "spread": 0.9},
    0.5,
    0.085,
    jawOpen=0.09,
    mouthPucker=0.82,
    mouthFunnel=0.28,
)
_R = _v({"round": 0.95, "jaw": 0.6}, 0.35, 0.075, jawOpen=0.14, mouthFunnel=0.42, mouthPucker=0.2)
_SPREAD_VOWEL = _v(
    {"spread": 0.9, "jaw": 0.8},
    0.55,
    jawOpen=0.17,
    mouthStretch=0.28,
    mouthSmile=0.2,
    mouthLowerDown=0.24,
    mouthUpperUp=0.14,
    mouthDimple=0.1,
)
_SHORT_I = _v(
    {"jaw": 0.7},
    0.45,
    jawOpen=0.22,
    mouthStretch=0.16,
    mouthSmile=0.08,
    mouthLowerDown=0.2,
    mouthUpperUp=0.1,
)
_E = _v(
    {"jaw": 0.9},
    0.5,
    jawOpen=0.36,
    mouthStretch=0.18,
    mouthSmile=0.06,
    mouthLowerDown=0.26,
    mouthUpperUp=0.14,
)
_A = _v({"jaw": 1.1}, 0.55, jawOpen=0.52, mouthStretch=0.12, mouthLowerDown=0.24, mouthUpperUp=0.12)
_BACK_A = _v({"jaw": 1.1}, 0.5, jawOpen=0.56, mouthLowerDown=0.14, mouthUpperUp=0.06)
_OPEN_O = _v({"round": 1.1, "jaw": 1.0}, 0.5, jawOpen=0.42, mouthFunnel=0.46, mouthPucker=0.14)
_O = _v({"round": 1.4, "jaw": 0.9}, 0.5, 0.08, jawOpen=0.3, mouthFunnel=0.52, mouthPucker=0.42)
_U = _v({"round": 1.6, "jaw": 0.9}, 0.5, 0.085, jawOpen=0.13, mouthPucker=0.76, mouthFunnel=0.38)
_SHORT_U = _v({"round": 1.1, "jaw": 0.8}, 0.45, jawOpen=0.19, mouthPucker=0.46, mouthFunnel=0.34)
_SCHWA = _v({"jaw": 0.5}, 0.3, jawOpen=0.24, mouthLowerDown=0.12, mouthUpperUp=0.05)
_ER = _v(
    {"round": 0.8, "jaw": 0.8},
    0.45,
    jawOpen=0.22,
    mouthFunnel=0.42,
    mouthPucker=0.14,
    mouthLowerDown=0.1,
)
_SILENCE = _v({"round": 0.45}, 0.5, 0.09)

VISEMES: dict[str, tuple[Viseme, ...]] = {
    "_": (_SILENCE,),
    **dict.fromkeys(("m", "b", "p"), (_BILABIAL,)),
    **dict.fromkeys(("f", "v"), (_LABIODENTAL,)),
    **dict.fromkeys(("T", "D"), (_DENTAL,)),
    **dict.fromkeys(("t", "d", "n", "l", "t#", "t2", "n-", "@L", "?", "h"), (_ALVEOLAR,)),
    **dict.fromkeys(("s", "z"), (_SIBILANT,)),
    **dict.fromkeys(("S", "Z", "tS", "dZ"), (_HUSH,)),
    **dict.fromkeys(("k", "g", "N", "x"), (_VELAR,)),
    "w": (_W,),
    **dict.fromkeys(("r", "r-"), (_R,)),
    **dict.fromkeys(("i", "i:", "j"), (_SPREAD_VOWEL,)),
    **dict.fromkeys(("I", "I2", "I#"), (_SHORT_I,)),
    **dict.fromkeys(("E", "e"), (_E,)),
    **dict.fromkeys(("a", "aa"), (_A,)),
    **dict.fromkeys(("V", "A:", "0", "A"), (_BACK_A,)),
    **dict.fromkeys(("@", "@2", "@5", "@-", "a#"), (_SCHWA,)),
    **dict.fromkeys(("3", "3:"), (_ER,)),
    **dict.fromkeys(("O:", "O", "O2"), (_OPEN_O,)),
    "u:": (_U,),
    "U": (_SHORT_U,),
    "eI": (_E, _SHORT_I),
    "aI": (_BACK_A, _SHORT_I),
    "aI3": (_BACK_A, _SHORT_I, _ER),
    "aI@": (_BACK_A, _SHORT_I, _SCHWA),
    "aU": (_A, _SHORT_U),
    "oU": (_O, _U),
    "OI": (_OPEN_O, _SHORT_I),
    "A@": (_BACK_A, _ER),
    "O@": (_OPEN_O, _ER),
    "o@": (_O, _ER),
    "e@": (_E, _ER),
    "i@": (_SHORT_I, _SCHWA),
    "i@3": (_SHORT_I, _ER),
    "U@": (_SHORT_U, _ER),
}
"""espeak-ng's English phonemes -> their mouth shapes, in order (two or three for diphthongs)."""

IGNORED = frozenset({";", "-", ":"})
"""Marks in espeak-ng's stream without a mouth shape."""


@cache
def channel_groups() -> IndexArray:
    """(102,) each channel's group, an index into `GROUPS`; -1 for none."""
    groups = np.full(len(CHANNELS), -1, np.intp)
    for index, names in enumerate(GROUPS.values()):
        for name in names:
            groups[columns_of(name)] = index
    return groups


def target_of(viseme: Viseme) -> Float64Array:
    """(102,) the viseme's targets in `CHANNELS` order."""
    target = np.zeros(len(CHANNELS))
    for name, weight in viseme.targets.items():
        target[columns_of(name)] = weight
    return target


def holds_of(viseme: Viseme) -> Float64Array:
    """(groups,) the viseme's dominance in each of `GROUPS`."""
    return np.array([viseme.hold.get(group, viseme.default) for group in GROUPS])
