# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps lip contact: where the take closes its lips for m, b or p, the output closes them too.

The network learned closures from synthetic takes. Trackers and other generators show them in more
ways (a smile that goes on, a lower lip that stays down while the jaw shuts). So a closure is found
from the gap between the lips: they were apart, they meet, they part again.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ..smooth import smoothstep
from .weights import Modulator

REACH_S = 0.35
"""The lips of a closure are apart at most this long before and after it; silence lasts longer."""
_APPROACH_S = 0.05
"""How long lips take to meet and to part."""
_MEET_MM = (0.5, 2.0)
"""Lips meet below the first gap and do not above the second, with a soft step between."""
_PART_MM = (1.0, 2.5)
"""How much wider the lips must stand before and after: no closure below the first, one above the
second, with a soft step between."""


def gaps_of(numbers: Float32Array, opening: Float32Array) -> Float64Array:
    """(T, 5) mm between the lips, 0 as at rest, from a take (T, 103) and the modulator's
    `lip_opening` (103, 5)."""
    # einsum sums in one fixed order, so that every range of a bake has the same bits.
    return np.einsum("tc,cp->tp", numbers, opening, dtype=np.float64)


def widest(gaps: Float64Array) -> Float64Array:
    """(T,) mm to close of gaps (T, 5): mostly the widest place, but not it alone, or the others
    would be pressed until they looked bitten."""
    return 0.6 * gaps.max(1) + 0.4 * gaps.mean(1)


def margin(fps: float) -> int:
    """How many frames before and after a frame its contact depends on."""
    return _reach(fps) + round(_APPROACH_S * fps)


def contact_of(gaps: Float64Array, fps: float) -> Float64Array:
    """(T,) 0..1 from gaps (T, 5): 1 in frames in which speech closes the lips, with ramps of
    `_APPROACH_S` around them."""
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
    out: Float32Array, take_gaps: Float64Array, contact: Float64Array, modulator: Modulator
) -> Float32Array:
    """A copy of out (T, 103) whose lips, as far as contact (T,) is 1, are no wider apart than the
    take's (gaps (T, 5)). Other frames keep their bits."""
    opening = modulator.lip_opening
    excess = contact * np.maximum(
        widest(gaps_of(out, opening)) - np.maximum(widest(take_gaps), 0), 0
    )
    closed = out.copy()
    for column, limit in modulator.lip_closers.items():
        closes = -float(opening[column].mean())
        if closes < 1:  # on this head the number closes nothing
            continue
        step = np.minimum(excess / closes, np.maximum(limit - closed[:, column], 0))
        excess = excess - step * closes
        moved = step > 0
        closed[moved, column] += step[moved].astype(np.float32)
    return closed
