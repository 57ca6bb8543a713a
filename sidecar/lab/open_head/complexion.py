# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin that is not one colour: redder where blood shows, darker around the eyes and below the
brows, and a mouth that darkens toward the throat. All of it is soft, a vertex each 5 mm has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array
from .hair import BROW_OUT, BROW_UP
from .parts import BROW, SKIN

BLOOD = np.array([0.78, 0.47, 0.40])
SHADE = np.array([0.64, 0.46, 0.40])
PALE = np.array([0.81, 0.645, 0.535])
BROW_SHADE = 0.30
"""Share of the brows' colour in the skin under them: between fine hairs it is in their shade."""
BROW_REACH_M = 0.0045
EAR_FROM_M, EAR_TO_M = 0.066, 0.076
"""Distances from the middle plane between which the head's side becomes the ear."""
FRONT_M = 0.045
"""Behind the eyes' centres by this much no spot of the face shows."""
THROAT_M = (0.008, 0.050)
"""How far behind the lips the mouth begins to darken, and where it is darkest."""
THROAT_LIGHT = 0.35
"""Share of light that is left there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A soft ellipse of another colour, on both sides of the face. out, up: its middle in metres
    from the eye's centre in the front view; width, height: of one standard deviation; share: of the
    colour in its middle."""

    out: float
    up: float
    width: float
    height: float
    colour: Float64Array
    share: float


SPOTS = (
    Spot(out=0.002, up=0.062, width=0.040, height=0.022, colour=PALE, share=0.6),  # forehead
    Spot(out=0.008, up=-0.036, width=0.017, height=0.014, colour=BLOOD, share=0.36),  # cheek
    Spot(out=-0.032, up=-0.043, width=0.011, height=0.010, colour=BLOOD, share=0.40),  # nose
    Spot(out=-0.032, up=-0.108, width=0.014, height=0.010, colour=BLOOD, share=0.22),  # chin
    Spot(out=-0.002, up=-0.013, width=0.013, height=0.006, colour=SHADE, share=0.25),  # lower lid
    Spot(out=0.001, up=0.011, width=0.013, height=0.006, colour=SHADE, share=0.30),  # upper lid
    Spot(out=-0.015, up=0.000, width=0.004, height=0.007, colour=BLOOD, share=0.20),  # eye's corner
)


def tint_skin(positions: Float64Array, eye: Float64Array) -> Float64Array:
    """Colours (N, 3) of skin at base vertices (N, 3). eye: (3,) centre of the left eye."""
    side = np.abs(positions[:, 0]) - eye[0]
    front = np.stack([side, positions[:, 1] - eye[1]], 1)
    is_face = np.clip((positions[:, 2] - eye[2] + FRONT_M) / 0.02, 0, 1)
    colour = np.tile(SKIN, (len(positions), 1))
    for spot in SPOTS:
        away = (front - [spot.out, spot.up]) / [spot.width, spot.height]
        colour = _mix(colour, spot.colour, spot.share * is_face * _fall((away**2).sum(1)))
    ear = np.clip((np.abs(positions[:, 0]) - EAR_FROM_M) / (EAR_TO_M - EAR_FROM_M), 0, 1)
    near = _fall(((front[:, 1] + 0.012) / 0.030) ** 2)
    colour = _mix(colour, BLOOD, 0.5 * ear * near)
    knots = np.arange(len(BROW_OUT))
    along = np.linspace(0, knots[-1], 40)
    line = np.stack([np.interp(along, knots, row) for row in (BROW_OUT, BROW_UP)])
    distance = np.linalg.norm(front[:, None] - line.T[None], axis=2).min(1)
    under = _fall((distance / BROW_REACH_M) ** 2)
    return _mix(colour, BROW, BROW_SHADE * is_face * under)


def darken_mouth(positions: Float64Array, front_z: float) -> Float64Array:
    """Shares of light (n, 1) at points (n, 3) of the mouth whose lips end at `front_z`."""
    first, last = THROAT_M
    depth = np.clip((front_z - positions[:, 2:3] - first) / (last - first), 0, 1)
    return 1 - (1 - THROAT_LIGHT) * depth


def _fall(squared: Float64Array) -> Float64Array:
    """(N,) a Gaussian of squared distances (N,) in standard deviations."""
    return np.exp(-0.5 * squared)


def _mix(colour: Float64Array, other: Float64Array, share: Float64Array) -> Float64Array:
    return colour + share[:, None] * (other - colour)
