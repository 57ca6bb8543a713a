# SPDX-License-Identifier: GPL-3.0-or-later
"""Left-right asymmetry of outputs compared with the asymmetry that they should have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.motion import Motion
from ...modulation.modulator import Modulator, modulate
from ..anchors.channels import mirrored_columns
from ..anchors.synchronised import Synchronised
from .performances import STATES, held_track

PAIRS = tuple(mirrored_columns(("eyeLook", "eyeBlink")))
"""(left, right) expression columns of mirrored shapes, without gaze and blinks, which follow the
eyes and not the person."""
LEAST_DIFFERENCE = 0.03
"""The smallest difference of two weights at which one side counts as the stronger one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsymmetryFigures:
    """Compares found and wanted differences of right minus left. correlation: Pearson's; kept: the
    least-squares slope (0 for a symmetric output, 1 for all of the asymmetry); same_side: share of
    differences with the right sign; count: how many differences were compared."""

    correlation: float
    kept: float
    same_side: float
    count: int


def right_minus_left(motion: Motion, pairs: Sequence[tuple[int, int]]) -> Float64Array:
    """(T, P) the right column minus the left one, for each frame and pair."""
    left, right = (list(columns) for columns in zip(*pairs, strict=True))
    return (motion.expression[:, right] - motion.expression[:, left]).astype(float)


def compare_asymmetry(found: Float64Array, wanted: Float64Array) -> AsymmetryFigures:
    """Compares found differences (N,) with wanted ones (N,)."""
    leads = np.abs(wanted) >= LEAST_DIFFERENCE
    return AsymmetryFigures(
        correlation=float(np.corrcoef(found, wanted)[0, 1]),
        kept=float((found * wanted).sum() / max((wanted * wanted).sum(), 1e-12)),
        same_side=float((np.sign(found) == np.sign(wanted))[leads].mean()) if leads.any() else 1.0,
        count=len(wanted),
    )


def measure_asymmetry(
    performances: Sequence[Synchronised], modulator: Modulator
) -> AsymmetryFigures:
    """Modulates each performance's neutral take into each emotion and compares the asymmetry of
    the output with the truth's: the mean over time in the shapes that the emotion uses."""
    found, wanted = [], []
    for performance in performances:
        take, neutral = performance.sources[0], performance.targets[0]
        for state in STATES[1:]:
            truth = performance.targets[STATES.index(state)]
            out = modulate(take, held_track(state, len(take), take.fps), modulator)
            used = [
                p
                for p in PAIRS
                if np.abs(truth.expression - neutral.expression)[:, p].mean() > 0.05
            ]
            if used:
                found.append(right_minus_left(out, used).mean(0))
                wanted.append(right_minus_left(truth, used).mean(0))
    return compare_asymmetry(np.concatenate(found), np.concatenate(wanted))


def measure_take_asymmetry(versions: Mapping[str, Motion]) -> dict[str, AsymmetryFigures]:
    """Compares each version's asymmetry over time with that of the first version, which is the
    take itself, in the shapes in which the take is asymmetric."""
    sides = {name: right_minus_left(motion, PAIRS) for name, motion in versions.items()}
    take = next(iter(sides.values()))
    live = np.abs(take).mean(0) > 0.01
    if not live.any():
        return {}
    return {
        name: compare_asymmetry(values[:, live].ravel(), take[:, live].ravel())
        for name, values in list(sides.items())[1:]
    }
