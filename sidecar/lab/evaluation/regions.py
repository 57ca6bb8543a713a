# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures in mm on the surface how well `upper` and `lower` of an emotion track separate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....shared.arrays import BoolArray, Float32Array
from ....shared.emotion import EMOTIONS
from ....shared.head import REGIONS, HeadModel
from ....shared.motion import Motion, make_motion
from ...head.forward import HeadLayer
from ...modulation.modulator import Modulator, modulate
from .performances import held_track

OUTER = ("skin", "brow", "lip", "lash")
"""Regions that are measured; eyeballs and the inside of the mouth only follow these."""
MARGIN = 0.02
"""Vertices whose `upper` is within this of 0 or 1 belong to a half; those between belong to
both and say nothing about leaking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionMotion:
    """Mean distance in mm from the take, over frames and the moving vertices of one half.

    both: with `upper` and `lower` at 1; own: with only this half's control at 1; other: with only
    the other half's control at 1.
    """

    both: float
    own: float
    other: float

    @property
    def leak(self) -> float:
        """The share of the motion that comes from the other half's control alone."""
        return self.other / self.both if self.both > 0 else 0.0


def measure_regions(
    takes: Sequence[Motion],
    modulator: Modulator,
    head: HeadModel,
    *,
    step: int = 6,
    emotions: Sequence[str] = EMOTIONS,
) -> dict[str, dict[str, RegionMotion]]:
    """For each emotion, the motion of the "upper" and of the "lower" half of the face.

    takes: in space "open"; every `step`-th frame counts.
    """
    layer = HeadLayer(head)
    return {name: _measure_emotion(takes, name, modulator, head, layer, step) for name in emotions}


def halves(head: HeadModel) -> dict[str, BoolArray]:
    """(V,) masks of the face's front above and below the nose's tip."""
    outer = np.isin(head.region, [REGIONS.index(name) for name in OUTER])
    # Behind the ears nothing moves; those vertices would only water the means down.
    moves = np.linalg.norm(head.expression_basis, axis=1).max(1) > 0.001
    return {
        "upper": outer & moves & (head.upper >= 1 - MARGIN),
        "lower": outer & moves & (head.upper <= MARGIN),
    }


def _measure_emotion(
    takes: Sequence[Motion],
    emotion: str,
    modulator: Modulator,
    head: HeadModel,
    layer: HeadLayer,
    step: int,
) -> dict[str, RegionMotion]:
    settings = {"both": (1.0, 1.0), "upper": (1.0, 0.0), "lower": (0.0, 1.0)}
    masks = halves(head)
    sums = {(name, half): 0.0 for name in settings for half in masks}
    for take in takes:
        still = _surface(take, layer, step)
        for name, (upper, lower) in settings.items():
            track = held_track(emotion, len(take), take.fps, upper=upper, lower=lower)
            out = modulate(take, track, modulator)
            moved = np.linalg.norm(_surface(out, layer, step) - still, axis=2)
            for half, mask in masks.items():
                sums[name, half] += 1000 * float(moved[:, mask].mean()) / len(takes)
    return {
        half: RegionMotion(
            both=sums["both", half],
            own=sums[half, half],
            other=sums["lower" if half == "upper" else "upper", half],
        )
        for half in masks
    }


def _surface(motion: Motion, layer: HeadLayer, step: int) -> Float32Array:
    """(T / step, V, 3) metres of every `step`-th frame, the head held still."""
    picked = make_motion(
        expression=motion.expression[::step],
        jaw=motion.jaw[::step],
        shape=motion.shape,
        fps=motion.fps,
        space=motion.space,
    )
    return layer.vertices(picked, 0, len(picked))


def figures_of(regions: dict[str, dict[str, RegionMotion]]) -> dict[str, dict[str, float]]:
    """One row an emotion, as JSON and tables have it."""
    return {
        emotion: {
            f"{half}_{name}": value
            for half, motion in row.items()
            for name, value in (
                ("both_mm", motion.both),
                ("own_mm", motion.own),
                ("other_mm", motion.other),
                ("leak", motion.leak),
            )
        }
        for emotion, row in regions.items()
    }
