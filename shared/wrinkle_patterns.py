# SPDX-License-Identifier: GPL-3.0-or-later
"""Where skin wrinkles: grooves and shades drawn on the open head's face, each a static pattern.

Coordinates are millimetres on the open head at rest, seen from the front: x to the outside of the
side that a pattern is on, y up (landmarks: the sidecar's `effects.landmark_places`). A pattern is a
change of the skin's log colour at full strength, negative where light is lost: a groove is a narrow
valley between two faint ridges, a shade a soft spot. The sidecar lays them on Gaussians, Blender on
the open head's mesh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Float64Array, FloatArray
from .pressing import WRINKLES

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Groove:
    """A line of skin that folds in. points: (x, y) along it; width_mm: standard deviation of the
    valley across; depth: change of log colour at its middle; fade: the part of its length over
    which it fades in, and out again; beside_mm: how far off a deeper groove runs, which is shown
    alone where things are too coarse for both."""

    points: Points
    width_mm: float
    depth: float
    fade: float = 0.4
    beside_mm: float = np.inf


@dataclass(frozen=True, slots=True)
class Shade:
    """A soft spot that loses light. size: standard deviations along x and y, mm."""

    middle: tuple[float, float]
    size: tuple[float, float]
    depth: float


Stroke = Groove | Shade

_RIDGE, _RIDGE_AWAY, _RIDGE_WIDTH = 0.12, 2.4, 1.0
"""Height of the ridges beside a valley as a share of its depth, their distance and breadth as
multiples of its width: skin that is pressed together rises where it does not sink."""
CARRIED, _GAIN, DEEPEST = 0.6, 1.0, 0.75
"""What carries the colour blurs a groove by its own size. So a coarse one is given a groove that is
wider by this share of its size, lest it falls between two of them, and deeper."""
_APART = 0.4
"""Two grooves show as two where the blurred one is narrower than this share of their distance."""

# Patterns of one side; the other's are their mirror images. Those that cross the middle, and the
# forehead's two parts, fade into one another.
_PAIRS: dict[str, tuple[Stroke, ...]] = {
    # The lowest is the one left for what is coarse: the others may lie under hair.
    "forehead.side": (
        Groove(((10, 58), (21, 59.8), (33, 59), (46, 54)), 1.7, 0.32, 0.33),
        Groove(((10, 66.8), (22, 69), (34, 67.8), (47, 62)), 1.8, 0.3, 0.33, 9),
        Groove(((10, 76), (21, 77.5), (31, 76), (40, 72)), 1.8, 0.2, 0.4, 9),
    ),
    "forehead.middle": (
        Groove(((-6, 56.6), (4, 56.8), (12, 58.4), (22, 59.8)), 1.7, 0.34),
        Groove(((-6, 65.8), (4, 65.6), (13, 67.3), (22, 69)), 1.8, 0.31, 0.4, 9),
        Groove(((-6, 75), (4, 75), (12, 76.2), (22, 77.5)), 1.8, 0.22, 0.4, 9),
    ),
    "glabella": (
        Groove(((4.4, 28), (4.8, 36), (6, 44), (8.5, 52)), 1.5, 0.6),
        Shade((11, 45), (4.5, 3.5), 0.12),
    ),
    "nose.root": (Groove(((-3.4, 25.6), (0, 25.4), (5, 26.6), (10, 28.8)), 1.5, 0.32, 0.45),),
    "socket": (Shade((26, 31.5), (9, 3.4), 0.38), Shade((14, 30), (4, 5), 0.3)),
    "crow": (
        Groove(((46.5, 22.5), (52, 25.5), (60, 31.5)), 1.1, 0.34),
        Groove(((47.5, 18.2), (54, 18.4), (63, 20)), 1.1, 0.4),
        Groove(((47, 14), (52.5, 10.5), (58.5, 4.5)), 1.1, 0.34),
    ),
    "under.eye": (Groove(((17, 11.5), (24, 7.2), (33, 6), (43, 10)), 1.6, 0.32),),
    "bunny": (
        Groove(((5, 20), (11, 13), (18, 8.5)), 1.3, 0.28),
        Groove(((5.5, 12), (11, 5.5), (16.5, 1)), 1.3, 0.24, 0.4, 8),
    ),
    "nasolabial": (
        Groove(((15.5, -11), (19.5, -19), (24.5, -28), (28.5, -37), (30.5, -47)), 2.5, 0.24, 0.45),
        Groove(((16, -13), (20, -21), (24, -30), (27.5, -39), (29, -47)), 4.2, 0.16, 0.45),
    ),
    # The same fold where a smile makes it: of skin that the smile then draws out and up.
    "smile": (
        Groove(((15, -9), (19.7, -15), (25, -22.5), (28.8, -31.5), (32, -42), (36, -49)), 2.4, 0.2),
        Groove(((15, -12), (21, -20), (26, -29), (29.5, -39), (34, -49)), 4.5, 0.15),
    ),
    "dimple": (Shade((27.5, -46.5), (2.2, 3.6), 0.2),),
    "corner.down": (
        Groove(((22, -47), (25.5, -53), (27.5, -59), (28, -65)), 2.2, 0.17),
        Shade((22, -53.5), (3.4, 2.8), 0.05),
    ),
    "chin": (
        Groove(((-5, -62.8), (0, -62.4), (7, -63.2), (15, -67)), 2.2, 0.18),
        Shade((5, -70), (1.5, 1.3), 0.1),
        Shade((9, -73.5), (1.4, 1.3), 0.08),
        Shade((3.5, -75.5), (1.4, 1.4), 0.08),
        Shade((10.5, -68.5), (1.3, 1.2), 0.07),
    ),
}
NAMES = tuple(_PAIRS)
"""Names of one side's patterns, in the order of `pressing.WRINKLES`."""
_LEAST = 1e-3
FRONT_MM = 5.0
"""Behind this there is no face: places at the ears and on the neck have the same x and y."""


def draw_patterns(places: FloatArray, size_mm: FloatArray) -> Float64Array:
    """(N, wrinkles) change of log colour at full strength for N places on the open head, metres,
    the head's left at positive x. size_mm: (N,) standard deviation of what carries the colour: what
    is coarser than a groove is given a wider and deeper one."""
    at, coarse = 1e3 * np.asarray(places, np.float64), np.asarray(size_mm, np.float64)
    out = np.zeros((len(at), len(WRINKLES)))
    front = at[:, 2] > FRONT_MM
    for index, wrinkle in enumerate(WRINKLES):
        name, side = wrinkle.rsplit(".", 1)
        own = at[front, :2] * (1 if side == "left" else -1, 1)
        out[front, index] = draw_pattern(name, own, coarse[front])
    return out


def draw_pattern(name: str, at: Float64Array, coarse: Float64Array) -> Float64Array:
    """(N,) the change of log colour of one of `NAMES` at places (N, 2), millimetres, of its own
    side, on what is coarse (N,)."""
    out = np.zeros(len(at))
    for stroke in _PAIRS[name]:
        out -= draw_stroke(stroke, at, coarse)
    out[np.abs(out) < _LEAST] = 0
    return out


def draw_stroke(stroke: Stroke, at: Float64Array, coarse: Float64Array) -> Float64Array:
    """(N,) how much light is lost at places (N, 2), millimetres, on what is coarse (N,): as in
    `draw_patterns`."""
    if isinstance(stroke, Shade):
        away = (at - stroke.middle) / stroke.size
        return stroke.depth * np.exp(-0.5 * (away[:, 0] ** 2 + away[:, 1] ** 2))
    distance, along = _beside(stroke.points, at)
    away = distance / np.hypot(stroke.width_mm, CARRIED * coarse)
    ridges = np.exp(-0.5 * ((away - _RIDGE_AWAY) / _RIDGE_WIDTH) ** 2)
    fade = np.clip(np.minimum(along, 1 - along) / stroke.fade, 0, 1)
    profile = np.exp(-0.5 * away**2) - _RIDGE * ridges
    blurred = np.hypot(stroke.width_mm, coarse)
    depth = np.minimum(stroke.depth * (blurred / stroke.width_mm) ** _GAIN, DEEPEST)
    depth *= np.clip(1.5 - blurred / (_APART * stroke.beside_mm), 0, 1)
    return depth * profile * fade * fade * (3 - 2 * fade)


def _beside(points: Points, at: Float64Array) -> tuple[Float64Array, Float64Array]:
    """(N,) distance from places (N, 2) to a line through points, and where along it, 0..1."""
    line = np.array(points, np.float64)
    steps = np.diff(line, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    # By component: numpy's sums over an axis of two take four times as long.
    x, y = (at[:, None, axis] - line[:-1, axis] for axis in (0, 1))  # (N, S)
    share = np.clip((x * steps[:, 0] + y * steps[:, 1]) / lengths**2, 0, 1)
    squared = (x - share * steps[:, 0]) ** 2 + (y - share * steps[:, 1]) ** 2
    nearest = squared.argmin(1)
    row = np.arange(len(at))
    along = starts[nearest] + share[row, nearest] * lengths[nearest]
    return np.sqrt(squared[row, nearest]), along / starts[-1]
