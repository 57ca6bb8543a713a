# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps lip contact: where the take closes its lips for m, b or p, or holds them closed through a
silence, the output closes them too.

The network learned closures from synthetic takes. Trackers and other generators show them in more
ways (a smile that goes on, a lower lip that stays down while the jaw shuts). So a closure is found
from the gap between the lips: they were apart, they meet, they part again; or they meet and stay.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d, maximum_filter1d, minimum_filter1d

from ...shared.arrays import Float32Array, Float64Array
from ..smooth import smoothstep
from .weights import Modulator

REACH_S = 0.35
"""The lips of a closure are apart at most this long before and after it; silence lasts longer."""
_APPROACH_S = 0.05
"""How long lips take to meet and to part."""
_MEET_MM = (1.0, 2.5)
"""Lips meet below the first gap and do not above the second, with a soft step between."""
_PART_MM = (1.0, 2.5)
"""How much wider the lips must stand before and after: no closure below the first, one above the
second, with a soft step between."""
HELD_S = 0.35
"""Lips that meet for so long are held."""
_HELD_RAMP_S = 0.12
"""How long held lips take to meet and to part: more softly than in speech, or an emotion's mouth
would snap shut."""
_YIELD_S = 0.12
"""So long before and after a contact an emotion does not open the lips, and it takes as long again
to do so. Its mouth yields to words, not to each m of them, or it would flutter."""
_REST_QUANTILE = 0.05
LARGEST_REST_MM = 2.0
"""A tracker's closed lips may stand so far apart; a take whose lips are never nearer is open."""


def rest_of(gaps: Float64Array) -> float:
    """The gap in mm at which a whole take's lips meet, from its gaps (T, 5): what its most closed
    frames have, from 0 to `LARGEST_REST_MM`."""
    closed = float(np.quantile(gaps.mean(1), _REST_QUANTILE)) if len(gaps) else 0.0
    return min(max(closed, 0.0), LARGEST_REST_MM)


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
    """How many frames before and after a frame its contact and yielding depend on."""
    speech = _reach(fps) + round(_APPROACH_S * fps)
    held = 2 * _half_hold(fps) + 2 * _frames(_HELD_RAMP_S / 2, fps)
    return max(speech, held) + 2 * _frames(_YIELD_S, fps)


def contact_of(gaps: Float64Array, fps: float, rest: float = 0.0) -> Float64Array:
    """(T,) 0..1 from gaps (T, 5): 1 in frames in which speech closes the lips, with ramps of
    `_APPROACH_S` around them. rest: of `rest_of`."""
    gap, reach = gaps.mean(1) - rest, _reach(fps)
    padded = np.pad(gap, reach, constant_values=-np.inf)
    # Row t: the frames t - reach .. t + reach.
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    parted = np.minimum(around[:, :reach].max(1), around[:, reach + 1 :].max(1)) - gap
    closed = _meeting(gap) * smoothstep(parted, *_PART_MM)
    approach = round(_APPROACH_S * fps)
    contact = closed.copy()
    for step in range(1, min(approach, len(gap) - 1) + 1):
        share = 1 - step / (_APPROACH_S * fps + 1)
        contact[step:] = np.maximum(contact[step:], share * closed[:-step])
        contact[:-step] = np.maximum(contact[:-step], share * closed[step:])
    return contact


def held_of(gaps: Float64Array, fps: float, rest: float = 0.0) -> Float64Array:
    """(T,) 0..1 from gaps (T, 5): 1 where the lips meet for `HELD_S` or longer, with ramps of
    `_HELD_RAMP_S` outside. A take's ends count as going on. rest: of `rest_of`."""
    size = 2 * _half_hold(fps) + 1
    level = minimum_filter1d(_meeting(gaps.mean(1) - rest), size, mode="nearest")
    level = maximum_filter1d(level, size, mode="nearest")
    return _ramped(level, _frames(_HELD_RAMP_S / 2, fps))


def yielding_of(contact: Float64Array, fps: float) -> Float64Array:
    """(T,) 0..1, how far an emotion may not open the lips, around contacts (T,); at least those."""
    return _ramped(contact, _frames(_YIELD_S, fps))


def either(one: Float64Array, other: Float64Array) -> Float64Array:
    """(T,) 1 where one of two levels (T,) is 1, 0 where both are 0, without a kink between."""
    return 1 - (1 - one) * (1 - other)


def _ramped(level: Float64Array, half: int) -> Float64Array:
    """level (T,) held for `half` frames before and after its own, with soft ramps outside, twice
    as long as that."""
    wide = maximum_filter1d(level, 2 * half + 1, mode="nearest")
    shares = np.hanning(2 * half + 3)[1:-1]
    return np.asarray(correlate1d(wide, shares / shares.sum(), mode="nearest"), np.float64)


def _meeting(gap: Float64Array) -> Float64Array:
    return 1 - smoothstep(gap, *_MEET_MM)


def _reach(fps: float) -> int:
    return _frames(REACH_S, fps)


def _half_hold(fps: float) -> int:
    return _frames(HELD_S / 2, fps)


def _frames(seconds: float, fps: float) -> int:
    return max(round(seconds * fps), 1)


def keep_contact(
    out: Float32Array,
    take: Float32Array,
    contact: Float64Array,
    yielding: Float64Array,
    modulator: Modulator,
    untouched: Float32Array | None = None,
) -> Float32Array:
    """A copy of out (T, 103) whose lips, as far as contact (T,) is 1, are no wider apart than those
    of the take (T, 103). Frames where contact and yielding (T,) are 0 keep their bits.

    First, as far as yielding is 1, what the emotion does to open them is taken back: a jaw that it
    dropped comes up again. Only what is left is closed by `lip_closers`, so that no jaw hangs
    behind sealed lips. untouched: (T, 103) of what was added, the part that is never taken back.
    """
    opening = modulator.lip_opening
    own = np.maximum(widest(gaps_of(take, opening)), 0)
    apart = widest(gaps_of(out, opening))
    base = take if untouched is None else take + untouched
    closed = _without_opening(out, base, yielding * np.maximum(apart - own, 0), modulator)
    wanted = apart - contact * np.maximum(apart - own, 0)
    excess = np.maximum(widest(gaps_of(closed, opening)) - wanted, 0)
    for column, limit in modulator.lip_closers.items():
        closes = -float(opening[column].mean())
        if closes < 1:  # on this head the number closes nothing
            continue
        step = np.minimum(excess / closes, np.maximum(limit - closed[:, column], 0))
        excess = excess - step * closes
        moved = step > 0
        closed[moved, column] += step[moved].astype(np.float32)
    return closed


def _without_opening(
    out: Float32Array, take: Float32Array, excess: Float64Array, modulator: Modulator
) -> Float32Array:
    """A copy of out (T, 103) with so much less of what the change adds to openers and takes from
    `lip_closers` that the gap is smaller by excess (T,) mm, if that is as much as they open."""
    opens = modulator.lip_opening.mean(1)
    counts = opens > 0
    counts[list(modulator.lip_closers)] = True
    change = np.where(counts, out - take, 0)
    change = np.where(change * opens > 0, change, 0)
    parted = np.maximum(gaps_of(change, modulator.lip_opening).mean(1), 0)
    share = np.minimum(excess / np.where(parted > 0, parted, np.inf), 1)
    # A frame without excess keeps its bits.
    return np.where(share[:, None] > 0, out - share[:, None].astype(np.float32) * change, out)
