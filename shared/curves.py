# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves through keys, as Blender evaluates an F-curve: constant, linear, bezier.

Bezier is what Blender 4.2 to 5.2 does by default: interpolation BEZIER, handles AUTO_CLAMPED,
smoothing Continuous Acceleration, constant extrapolation.

Handles lie a third of the interval away from their key, so time runs evenly along each segment
and the value is the cubic Bezier polynomial itself. At the first and the last key, and at keys
that are not between their neighbours in value, the handles are level. Along each run of keys
between two level ones the handles' heights are those for which acceleration is continuous: a
tridiagonal system, solved again with heights held at their bounds until none is out of bounds,
where a handle may neither overshoot the next key nor point backwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import Float64Array

_SEVERAL = 16
"""So many stretches of one length are solved faster together than one by one."""

INTERPOLATIONS = ("constant", "linear", "bezier")


def evaluate(
    places: Float64Array, levels: Float64Array, interpolation: str, at: Float64Array
) -> Float64Array:
    """Values at `at` of the curve through (places, levels), places strictly ascending.

    Held before the first key and after the last.
    """
    if interpolation == "linear" or len(places) == 1:
        return np.interp(at, places, levels)
    segment = np.clip(np.searchsorted(places, at, "right") - 1, 0, len(places) - 1)
    if interpolation == "constant":
        return levels[segment]
    segment = np.minimum(segment, len(places) - 2)
    left, right = handles(places, levels)
    start, stop = places[segment], places[segment + 1]
    t = np.clip((at - start) / (stop - start), 0, 1)
    s = 1 - t
    p0, p3 = levels[segment], levels[segment + 1]
    p1, p2 = p0 + right[segment], p3 - left[segment + 1]
    return s**3 * p0 + 3 * s**2 * t * p1 + 3 * s * t**2 * p2 + t**3 * p3


def handles(places: Float64Array, levels: Float64Array) -> tuple[Float64Array, Float64Array]:
    """(K,), (K,): how far the curve rises along each key's left handle and right handle."""
    rise, width = np.diff(levels), np.diff(places)
    is_level = np.ones(len(places), bool)
    is_level[1:-1] = rise[:-1] * rise[1:] <= 0
    ratio = np.ones(len(places))
    ratio[1:-1] = width[1:] / width[:-1]
    right = _smooth(_system(rise, ratio), is_level)
    return right / ratio, right


@dataclass(frozen=True, slots=True, kw_only=True)
class _System:
    """For each key i with height h of its right handle: below h_(i-1) + middle h_i + above h_(i+1)
    = wanted, and h_i lies between low and high. Each (K,); the first and last mean nothing."""

    below: Float64Array
    middle: Float64Array
    above: Float64Array
    wanted: Float64Array
    low: Float64Array
    high: Float64Array


def _system(rise: Float64Array, ratio: Float64Array) -> _System:
    """The equations for acceleration that is continuous.

    rise: (K - 1,) between neighbours. ratio: (K,) of the interval after a key to that before it.

    For key i with the intervals' ratios l: l_i^2 h_(i-1) + 2 (l_i + 1) h_i + h_(i+1) / l_(i+1)
    = l_i^2 rise_i + rise_(i+1), where h_i is bounded by 0, rise_(i+1) and l_i rise_i.
    """
    before, after = np.append(0.0, rise), np.append(rise, 0.0)
    bound = np.where(after > 0, 1, -1) * np.minimum(np.abs(after), np.abs(ratio * before))
    return _System(
        below=ratio**2,
        middle=2 * (ratio + 1),
        above=1 / np.append(ratio[1:], 1.0),
        wanted=ratio**2 * before + after,
        low=np.minimum(bound, 0),
        high=np.maximum(bound, 0),
    )


def _smooth(system: _System, is_level: NDArray[np.bool_]) -> Float64Array:
    """(K,) heights of the right handles, 0 at level keys, which part the keys into runs that do not
    know of each other. Each pass solves only what the last one has changed."""
    low, high = system.low, system.high
    heights, free = np.zeros(len(is_level)), ~is_level
    released = np.zeros(len(is_level), int)
    changed = free
    for _ in range(8 * len(is_level)):  # each pass holds or releases a handle; twice at most
        _solve(system, heights, free, changed)
        changed = free & ((heights < low) | (heights > high))
        if changed.any():
            heights[changed] = np.clip(heights, low, high)[changed]
            free = free & ~changed
            continue
        padded = np.pad(heights, 1)
        pull = system.wanted - system.below * padded[:-2] - system.above * padded[2:]
        pull -= system.middle * heights
        inward = ((pull > 0) & (heights < high)) | ((pull < 0) & (heights > low))
        changed = ~free & ~is_level & inward & (released < 2)
        if not changed.any():
            break
        released += changed
        free = free | changed
    return heights


def _solve(
    system: _System, heights: Float64Array, free: NDArray[np.bool_], changed: NDArray[np.bool_]
) -> None:
    """Solves for the heights of those stretches of free keys that hold a changed key or lie beside
    one; the heights around a stretch are given."""
    edges = np.diff(np.pad(free, 1).astype(np.int8))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    before = np.append(0, np.cumsum(changed))  # changed keys before each key
    touched = before[last + 2] > before[first - 1]
    first, lengths = first[touched], (last - first + 1)[touched]
    for length in np.unique(lengths).tolist():
        rows = first[lengths == length] + np.arange(length)[:, None]
        if rows.shape[1] >= _SEVERAL:
            _solve_together(system, heights, rows)
        else:
            for stretch in rows.T:
                _solve_one(system, heights, stretch)


def _solve_one(system: _System, heights: Float64Array, keys: NDArray[np.int64]) -> None:
    """Thomas' algorithm for one stretch of keys, in plain numbers."""
    a, b, c, d = (
        values[keys].tolist()
        for values in (system.below, system.middle, system.above, system.wanted)
    )
    d[0] -= a[0] * float(heights[keys[0] - 1])
    for i in range(1, len(b)):
        factor = a[i] / b[i - 1]
        b[i] -= factor * c[i - 1]
        d[i] -= factor * d[i - 1]
    following = float(heights[keys[-1] + 1])
    for i in reversed(range(len(b))):
        d[i] = following = (d[i] - c[i] * following) / b[i]
    heights[keys] = d


def _solve_together(system: _System, heights: Float64Array, keys: NDArray[np.int64]) -> None:
    """The same for many stretches of one length. keys: (length, stretches)."""
    a, b, c, d = (
        values[keys] for values in (system.below, system.middle, system.above, system.wanted)
    )
    d[0] -= a[0] * heights[keys[0] - 1]
    for i in range(1, len(b)):
        factor = a[i] / b[i - 1]
        b[i] -= factor * c[i - 1]
        d[i] -= factor * d[i - 1]
    following = heights[keys[-1] + 1]
    for i in reversed(range(len(b))):
        d[i] = following = (d[i] - c[i] * following) / b[i]
    heights[keys] = d
