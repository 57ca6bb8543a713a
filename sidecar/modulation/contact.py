# SPDX-License-Identifier: GPL-3.0-or-later
"""Lips that meet in the take's speech meet in the output: m, b and p, whatever the emotion.

The network knows closures as its anchors made them. Trackers and other generators show them in
more ways (a smile that goes on, a lower lip that stays down while the jaw shuts), so that a
closure is read here from the lips themselves: they were apart, they meet, they part again.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ..lab.anchors.channels import NAMES
from ..lab.anchors.lips import CLOSERS, widest
from ..smooth import smoothstep

REACH_S = 0.35
"""Lips of a closure were apart, and part again, within this time; a silence lasts longer."""
_MEET_MM = (0.5, 2.0)
"""Lips nearer than the first meet, further than the second do not."""
_PART_MM = (1.0, 2.5)
"""Around a closure lips part by more than the second; by less than the first it is none."""
_APPROACH_S = 0.05
"""Lips need this long to meet and to part, as in the anchors."""


def gaps_of(numbers: Float32Array, opening: Float32Array) -> Float64Array:
    """(T, 5) mm between the lips; 0 where they meet as at rest. Sums in one fixed order."""
    return np.einsum("tc,cp->tp", numbers, opening, dtype=np.float64)


def margin(fps: float) -> int:
    """Frames to each side on which a frame's contact depends."""
    return _reach(fps) + round(_APPROACH_S * fps)


def contact_of(gaps: Float64Array, fps: float) -> Float64Array:
    """(T,) 0..1, 1 in frames in which speech closes the lips, with ramps around. gaps: (T, 5)."""
    gap, reach = gaps.mean(1), _reach(fps)
    padded = np.pad(gap, reach, constant_values=-np.inf)
    # Row t: the frames t - reach .. t + reach.
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    parted = np.minimum(around[:, :reach].max(1), around[:, reach + 1 :].max(1)) - gap
    closed = (1 - smoothstep(gap, *_MEET_MM)) * smoothstep(parted, *_PART_MM)
    approach = round(_APPROACH_S * fps)
    contact = closed.copy()
    for step in range(1, min(approach, len(gap) - 1) + 1):
        share = 1 - step / (_APPROACH_S * fps + 1)
        contact[step:] = np.maximum(contact[step:], share * closed[:-step])
        contact[:-step] = np.maximum(contact[:-step], share * closed[step:])
    return contact


def _reach(fps: float) -> int:
    return max(round(REACH_S * fps), 1)


def keep_contact(
    out: Float32Array, take_gaps: Float64Array, contact: Float64Array, opening: Float32Array
) -> Float32Array:
    """out (T, 103) whose lips, where contact (T,) is 1, are no further apart than the take's
    (T, 5), closed by what closes them in the anchors (`anchors.lips.CLOSERS`)."""
    excess = contact * np.maximum(
        widest(gaps_of(out, opening)) - np.maximum(widest(take_gaps), 0), 0
    )
    closed = out.copy()
    for name, most in CLOSERS.items():
        column = NAMES.index(name)
        closes = -float(opening[column].mean())
        if closes < 1:  # this head's shape closes nothing
            continue
        step = np.minimum(excess / closes, np.maximum(most - closed[:, column], 0))
        excess = excess - step * closes
        moved = step > 0  # other frames keep their bits
        closed[moved, column] += step[moved].astype(np.float32)
    return closed
