# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a face keeps its own left and right, or comes out mirrored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.head import HeadModel
from ....shared.motion import Motion
from ...modulation.modulator import Modulator, modulate
from ..anchors.channels import side_of
from ..anchors.synchronised import Synchronised
from .performances import STATES, held_track

LEAST_DIFFERENCE = 0.03
"""A side leads if its weight is larger by this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFigures:
    """Of right minus left, what came out against what should be: correlation; kept, the slope
    (0 mirrored, 1 as lopsided); same_side, the share of leading sides that lead. count: how many
    differences were compared."""

    correlation: float
    kept: float
    same_side: float
    count: int


def side_pairs(head: HeadModel) -> list[tuple[int, int]]:
    """(left, right) expression columns that are each other's mirror image, gaze and blinks left
    out: those follow the eyes, not the person."""
    columns = {name: index for index, name in enumerate(head.expression_names)}
    return [
        (columns[name], columns[name.replace("Left", "Right")])
        for name in head.expression_names
        if side_of(name) == -1
        and not name.startswith(("eyeLook", "eyeBlink"))
        and name.replace("Left", "Right") in columns
    ]


def lopsidedness(motion: Motion, pairs: Sequence[tuple[int, int]]) -> Float64Array:
    """(T, P) right minus left."""
    left, right = (list(columns) for columns in zip(*pairs, strict=True))
    return (motion.expression[:, right] - motion.expression[:, left]).astype(float)


def compare_sides(found: Float64Array, wanted: Float64Array) -> SideFigures:
    """Both (N,)."""
    leads = np.abs(wanted) >= LEAST_DIFFERENCE
    return SideFigures(
        correlation=float(np.corrcoef(found, wanted)[0, 1]),
        kept=float((found * wanted).sum() / max((wanted * wanted).sum(), 1e-12)),
        same_side=float((np.sign(found) == np.sign(wanted))[leads].mean()) if leads.any() else 1.0,
        count=len(wanted),
    )


def measure_sides(
    performances: Sequence[Synchronised], modulator: Modulator, head: HeadModel
) -> SideFigures:
    """Outputs in each emotion, made from neutral takes, against the truth: each person's mean
    right minus left of the shapes that the emotion uses."""
    pairs = side_pairs(head)
    found, wanted = [], []
    for performance in performances:
        take, neutral = performance.sources[0], performance.targets[0]
        for state in STATES[1:]:
            truth = performance.targets[STATES.index(state)]
            out = modulate(take, held_track(state, len(take), take.fps), modulator)
            used = [
                p
                for p in pairs
                if np.abs(truth.expression - neutral.expression)[:, p].mean() > 0.05
            ]
            if used:
                found.append(lopsidedness(out, used).mean(0))
                wanted.append(lopsidedness(truth, used).mean(0))
    return compare_sides(np.concatenate(found), np.concatenate(wanted))


def measure_take_sides(versions: Mapping[str, Motion], head: HeadModel) -> dict[str, SideFigures]:
    """For each version but the first (the take itself), its right minus left over time against
    the take's, in the shapes in which the take is lopsided."""
    pairs = side_pairs(head)
    sides = {name: lopsidedness(motion, pairs) for name, motion in versions.items()}
    take = next(iter(sides.values()))
    live = np.abs(take).mean(0) > 0.01
    if not live.any():
        return {}
    return {
        name: compare_sides(values[:, live].ravel(), take[:, live].ravel())
        for name, values in list(sides.items())[1:]
    }
