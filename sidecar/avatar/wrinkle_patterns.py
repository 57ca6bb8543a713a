# SPDX-License-Identifier: GPL-3.0-or-later
"""Where skin wrinkles: grooves and shades drawn on the open head's face, each a static pattern.

Coordinates are millimetres on the open head at rest, seen from the front: x to the outside of the
side that a pattern is on, y up (landmarks: `effects.landmark_places`). A pattern is a change of the
skin's log colour at full strength, negative where light is lost: a groove is a narrow valley
between two faint ridges, a shade a soft spot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...shared.arrays import Float64Array, FloatArray

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Groove:
    """A line of skin that folds in. points: (x, y) along it; width_mm: standard deviation of the
    valley across; depth: change of log colour at its middle, fading out to both ends."""

    points: Points
    width_mm: float
    depth: float


@dataclass(frozen=True, slots=True)
class Shade:
    """A soft spot that loses light, or gains it with a negative depth. size: standard deviations
    along x and y, mm."""

    middle: tuple[float, float]
    size: tuple[float, float]
    depth: float


Stroke = Groove | Shade

_RIDGE, _RIDGE_AWAY, _RIDGE_WIDTH = 0.2, 2.4, 1.0
"""Height of the ridges beside a valley as a share of its depth, their distance and breadth as
multiples of its width: skin that is pressed together rises where it does not sink."""
_FADE = 0.22
"""The part of a groove's length over which it fades in, and out again."""

# Patterns of one side; the other's are their mirror images.
_PAIRS: dict[str, tuple[Stroke, ...]] = {
    "forehead.side": (
        Groove(((12, 56.5), (24, 58.5), (36, 57.5), (47, 53)), 1.5, 0.26),
        Groove(((12, 64), (24, 66), (36, 65), (46, 60.5)), 1.6, 0.3),
        Groove(((13, 72), (24, 73.5), (35, 72), (43, 68)), 1.6, 0.22),
    ),
    "forehead.middle": (
        Groove(((-1, 55.5), (8, 56.5), (18, 58.5), (24, 60)), 1.5, 0.28),
        Groove(((-1, 63), (8, 63.8), (18, 66), (23, 67.5)), 1.6, 0.34),
        Groove(((-1, 71), (8, 71.5), (17, 73)), 1.6, 0.24),
    ),
    "glabella": (
        Groove(((4.6, 30), (4.8, 37), (6, 44), (8, 50)), 1.4, 0.55),
        Shade((11, 45), (4.5, 3.5), 0.1),
    ),
    "nose.root": (Groove(((-1, 26.5), (5, 27), (10, 28.5)), 1.4, 0.4),),
    "socket": (
        Shade((26, 31.5), (9, 3.4), 0.42),
        Shade((14, 30), (4, 5), 0.3),
    ),
    "crow": (
        Groove(((47, 21.5), (53, 25.5), (60, 30)), 1.1, 0.3),
        Groove(((47.5, 18), (54, 18.5), (62, 19)), 1.1, 0.34),
        Groove(((47, 14.5), (52.5, 11), (58, 6)), 1.1, 0.3),
    ),
    "under.eye": (
        Groove(((19, 11.5), (25, 7.5), (33, 6.3), (41, 9.5)), 1.5, 0.34),
    ),
    "bunny": (
        Groove(((8, 16), (12, 10.5), (17, 6.5)), 1.2, 0.34),
        Groove(((7.5, 9), (11, 4), (15, 0)), 1.2, 0.3),
    ),
    "nasolabial": (
        Groove(((18, -16), (21, -23), (25, -31), (28, -39)), 2.2, 0.42),
        Shade((21.5, -31), (3.5, 5.5), 0.1),
    ),
    "dimple": (Shade((26.5, -46.5), (2.2, 3.4), 0.22),),
    "corner.down": (
        Groove(((23, -48.5), (26, -54), (27.5, -61)), 1.7, 0.48),
        Shade((22, -53), (3, 2.4), 0.18),
    ),
    "chin": (
        Groove(((-1, -62.5), (6, -63), (13, -65.5)), 1.8, 0.4),
        Shade((5, -70), (1.4, 1.2), 0.25),
        Shade((9, -73.5), (1.3, 1.2), 0.22),
        Shade((3.5, -75.5), (1.3, 1.3), 0.22),
        Shade((10.5, -68.5), (1.2, 1.1), 0.16),
    ),
}
SIDES = ("left", "right")
WRINKLES = tuple(f"{name}.{side}" for name in _PAIRS for side in SIDES)
"""Names of the patterns, in the order of their columns everywhere."""
_LEAST = 1e-3
_FRONT_MM = 5.0
"""Behind this there is no face: places at the ears and on the neck have the same x and y."""


def draw_patterns(places: FloatArray, size_mm: FloatArray) -> Float64Array:
    """(N, wrinkles) change of log colour at full strength for N places on the open head, metres,
    the head's left at positive x. size_mm: (N,) standard deviation of what carries the colour: what
    is coarser than a groove carries a wider and fainter one."""
    at, coarse = 1e3 * np.asarray(places, np.float64), np.asarray(size_mm, np.float64)
    out = np.zeros((len(at), len(WRINKLES)))
    front = at[:, 2] > _FRONT_MM
    for index, (name, sign) in enumerate((name, sign) for name in _PAIRS for sign in (1, -1)):
        own = at[front, :2] * (sign, 1)
        for stroke in _PAIRS[name]:
            out[front, index] -= _shape(stroke, own, coarse[front])
    out[np.abs(out) < _LEAST] = 0
    return out


def _shape(stroke: Stroke, at: Float64Array, coarse: Float64Array) -> Float64Array:
    if isinstance(stroke, Shade):
        away = (at - stroke.middle) / stroke.size
        return stroke.depth * np.exp(-0.5 * (away**2).sum(1))
    distance, along = _beside(stroke.points, at)
    width = np.hypot(stroke.width_mm, coarse)
    away = distance / width
    ridges = np.exp(-0.5 * ((away - _RIDGE_AWAY) / _RIDGE_WIDTH) ** 2)
    fade = np.clip(np.minimum(along, 1 - along) / _FADE, 0, 1)
    profile = np.exp(-0.5 * away**2) - _RIDGE * ridges
    return stroke.depth * np.sqrt(stroke.width_mm / width) * profile * fade * fade * (3 - 2 * fade)


def _beside(points: Points, at: Float64Array) -> tuple[Float64Array, Float64Array]:
    """(N,) distance from places (N, 2) to a line through points, and where along it, 0..1."""
    line = np.array(points, np.float64)
    steps = np.diff(line, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    offset = at[:, None] - line[:-1]  # (N, S, 2)
    share = np.clip((offset * steps).sum(2) / lengths**2, 0, 1)
    distance = np.linalg.norm(offset - share[..., None] * steps, axis=2)
    nearest = distance.argmin(1)
    row = np.arange(len(at))
    along = starts[nearest] + share[row, nearest] * lengths[nearest]
    return distance[row, nearest], along / starts[-1]
