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

import itertools

import numpy as np

from .arrays import Float64Array

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
    rise = np.diff(levels)
    width = np.diff(places)
    left, right = np.zeros(len(places)), np.zeros(len(places))
    level = np.ones(len(places), bool)  # handles lie flat here
    level[1:-1] = rise[:-1] * rise[1:] <= 0
    ends = np.flatnonzero(level)
    for first, last in itertools.pairwise(ends):
        if last - first > 1:
            ratio = width[first + 1 : last] / width[first : last - 1]
            heights = _smooth(rise[first:last], ratio)
            right[first + 1 : last] = heights
            left[first + 1 : last] = heights / ratio
    return left, right


def _smooth(rise: Float64Array, ratio: Float64Array) -> Float64Array:
    """Heights (n,) of the right handles of n keys between two level ones, values running one way.

    rise: (n + 1,) between neighbours. ratio: (n,) of the interval after a key to that before it.

    For key i with the intervals' ratios l: l_i^2 h_(i-1) + 2 (l_i + 1) h_i + h_(i+1) / l_(i+1)
    = l_i^2 rise_i + rise_(i+1), where h_i is bounded by 0, rise_(i+1) and l_i rise_i.
    """
    n = len(ratio)
    below = ratio**2
    middle = 2 * (ratio + 1)
    above = 1 / np.append(ratio[1:], 1.0)
    wanted = below * rise[:-1] + rise[1:]
    bound = np.where(rise[0] > 0, 1, -1) * np.minimum(np.abs(rise[1:]), np.abs(ratio * rise[:-1]))
    low, high = np.minimum(bound, 0), np.maximum(bound, 0)
    held = np.full(n, np.nan)
    released = np.zeros(n, int)
    heights = np.zeros(n)
    for _ in range(8 * n + 8):  # each pass holds or releases a handle; each is released twice
        heights = _solve(below, middle, above, wanted, held)
        free = np.isnan(held)
        outside = free & ((heights < low) | (heights > high))
        if outside.any():
            held = np.where(outside, np.clip(heights, low, high), held)
            continue
        padded = np.pad(heights, 1)
        pull = wanted - below * padded[:-2] - middle * heights - above * padded[2:]
        inward = ((pull > 0) & (heights < high)) | ((pull < 0) & (heights > low))
        loose = ~free & inward & (released < 2)
        if not loose.any():
            break
        released += loose
        held = np.where(loose, np.nan, held)
    return heights


def _solve(
    below: Float64Array,
    middle: Float64Array,
    above: Float64Array,
    wanted: Float64Array,
    held: Float64Array,
) -> Float64Array:
    """Thomas' algorithm; rows with a held value are that value."""
    free = np.isnan(held)
    a = np.where(free, below, 0).tolist()
    b = np.where(free, middle, 1).tolist()
    c = np.where(free, above, 0).tolist()
    d = np.where(free, wanted, held).tolist()
    for i in range(1, len(b)):
        factor = a[i] / b[i - 1]
        b[i] -= factor * c[i - 1]
        d[i] -= factor * d[i - 1]
    out = [0.0] * len(b)
    following = 0.0
    for i in reversed(range(len(b))):
        following = (d[i] - (c[i] * following if i + 1 < len(b) else 0.0)) / b[i]
        out[i] = following
    return np.array(out)
