# SPDX-License-Identifier: GPL-3.0-or-later
"""Which side of a face leads, read from the whole take, and given to the emotion that is put in.

Whoever speaks with one corner of the mouth smiles with it. A network that sees two seconds at a
time takes so little a difference for a tracker's noise and answers with a mirrored face.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ...shared.arrays import Float32Array
from ..lab.anchors.channels import NAMES, side_of
from .network import NUMBERS

LARGEST_SIDE = 0.2
"""A take that is more lopsided has a palsy or, more often, a tracker's fault; neither belongs to
emotion."""
SIDE_GAIN = 1.0
"""What training exports: as one-sided as the take. Held out it lowers the vertex error by a
twentieth and gives 95 % of shapes the truth's side (66 % without); more gains little."""
_FOLLOWS_EYES = ("eyeLook", "eyeBlink", "eyeWide")


def side_of_take(take: Float32Array) -> float:
    """How much stronger the right half of the face moves than the mean of both, from numbers
    (T, 103) of a whole take: negative where the left leads, within `LARGEST_SIDE`."""
    left, right = (take[:, list(columns)].astype(np.float64) for columns in _pairs())
    together = right + left
    # Plain numpy sums in one fixed order, so that every range of a bake has the same bits.
    side = float(((right - left) * together).sum() / max((together * together).sum(), 1e-9))
    return float(np.clip(side, -LARGEST_SIDE, LARGEST_SIDE))


def side_factors(side: float) -> Float32Array:
    """(103,) by which a change grows on the side that leads and shrinks on the other."""
    factors = np.ones(NUMBERS, np.float32)
    left, right = _pairs()
    factors[list(left)] -= np.float32(side)
    factors[list(right)] += np.float32(side)
    return factors


@cache
def _pairs() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Columns of the left shapes, and of their mirror images in the same order."""
    left = [name for name in NAMES if side_of(name) == -1 and not name.startswith(_FOLLOWS_EYES)]
    return (
        tuple(NAMES.index(name) for name in left),
        tuple(NAMES.index(name.replace("Left", "Right")) for name in left),
    )
