# SPDX-License-Identifier: GPL-3.0-or-later
"""The mouth shapes of phonemes, from `visemes.toml`.

`hold` is the height of the dominance function of each group of channels (Cohen and Massaro 1993,
"Modeling coarticulation in synthetic visual speech").
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

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


def _read_visemes() -> dict[str, tuple[Viseme, ...]]:
    table = tomllib.loads(Path(__file__).with_name("visemes.toml").read_text("utf-8"))
    shapes = {name: Viseme(**fields) for name, fields in table["shapes"].items()}
    return {p: tuple(shapes[name] for name in names) for p, names in table["phonemes"].items()}


VISEMES = _read_visemes()
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
