# SPDX-License-Identifier: GPL-3.0-or-later
"""Where on the face's chart each fold may lie, and which part of it each wrinkle's pressing moves.

A fold is one map of heights for both sides of the face. A wrinkle (`pressing.WRINKLES`) is
the part of a fold that one side presses: its zone, 0 to 1 at each texel. The zones of a fold's
wrinkles never add up to more than 1.
"""

from __future__ import annotations

import functools

import numpy as np

from ...shared.arrays import Float32Array, IndexArray
from ...shared.pressing import WRINKLES
from ..smooth import smoothstep
from .face_chart import EDGE, texel_places_mm

FOLDS = (
    "forehead",
    "glabella",
    "nose.root",
    "socket",
    "crow",
    "under.eye",
    "bunny",
    "nasolabial",
    "smile",
    "dimple",
    "corner.down",
    "chin",
)
"""The maps that a person's skin has, in the order of their channels everywhere."""
_BOXES_MM = {
    "forehead": ((0, 58), (46, 81)),
    "glabella": ((0, 17), (26, 60)),
    "nose.root": ((0, 15), (18, 35)),
    "socket": ((4, 42), (21, 42)),
    "crow": ((43, 72), (-4, 40)),
    "under.eye": ((12, 52), (-6, 13)),
    "bunny": ((1, 21), (-4, 24)),
    "nasolabial": ((12, 42), (-56, -4)),
    "smile": ((12, 46), (-60, -2)),
    "dimple": ((22, 44), (-60, -36)),
    "corner.down": ((16, 40), (-78, -44)),
    "chin": ((0, 24), (-84, -56)),
}
"""From and to, x on the left and y: a fold's box on both sides of the face."""
_SOFT_MM, _BETWEEN_SIDES_MM = 4.0, 6.0
_SIDE_BEGINS_MM = (12.0, 24.0)
"""Where the forehead's middle goes over into its sides."""


def fold_of_wrinkles() -> IndexArray:
    """(wrinkles,) the fold that each wrinkle is a part of."""
    names = [name.rsplit(".", 1)[0] for name in WRINKLES]
    known = ["forehead" if name.startswith("forehead") else name for name in names]
    return np.array([FOLDS.index(name) for name in known], np.intp)


@functools.cache
def fold_zones() -> Float32Array:
    """(folds, E, E) 0 to 1, where each fold may lie."""
    x, y = texel_places_mm()
    out = np.empty((len(FOLDS), EDGE, EDGE), np.float32)
    for index, name in enumerate(FOLDS):
        (inner, outer), (low, high) = _BOXES_MM[name]
        out[index] = 1.0
        if inner > 0:
            out[index] *= smoothstep(np.abs(x), inner, inner + _SOFT_MM)
        for values, begin in ((-np.abs(x), -outer), (y, low), (-y, -high)):
            out[index] *= smoothstep(values, begin, begin + _SOFT_MM)
    return out


@functools.cache
def wrinkle_zones() -> Float32Array:
    """(wrinkles, E, E) 0 to 1, which part of its fold each wrinkle presses."""
    x, _ = texel_places_mm()
    half = _BETWEEN_SIDES_MM
    begin, end = _SIDE_BEGINS_MM
    on_side = smoothstep(np.abs(x), begin, end)
    out = np.empty((len(WRINKLES), EDGE, EDGE), np.float32)
    zones = fold_zones()[fold_of_wrinkles()]
    for index, name in enumerate(WRINKLES):
        sign = 1 if name.endswith("left") else -1
        share = smoothstep(sign * x, -half, half)
        if name.startswith("forehead"):
            share = share * (on_side if ".side." in name else 1 - on_side)
        out[index] = zones[index] * share
    return out
