# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a face's own asymmetry: whoever speaks with one corner of the mouth also smiles with it.

The network sees two seconds at a time, takes so small a difference for tracking noise, and answers
with a symmetric face. So the asymmetry is measured over the whole take and applied to the change.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array, IndexArray
from .network import NUMBERS

LARGEST_ASYMMETRY = 0.2
"""A more asymmetric take shows a palsy or, more often, a tracker's fault; neither is emotion."""


def asymmetry_of(take: Float32Array, mirrored: IndexArray) -> float:
    """(right - left) / (right + left) over a whole take (T, 103), least squares; negative where
    the left half moves more, clipped to `LARGEST_ASYMMETRY`. mirrored: see `Modulator`."""
    left, right = (take[:, columns].astype(np.float64) for columns in mirrored.T)
    together = right + left
    # Plain numpy sums in one fixed order, so that every range of a bake has the same bits.
    asymmetry = float(((right - left) * together).sum() / max((together * together).sum(), 1e-9))
    return float(np.clip(asymmetry, -LARGEST_ASYMMETRY, LARGEST_ASYMMETRY))


def asymmetry_factors(asymmetry: float, mirrored: IndexArray) -> Float32Array:
    """(103,) factors on the network's change: 1 - asymmetry for left columns, 1 + asymmetry for
    right ones, 1 for all others."""
    factors = np.ones(NUMBERS, np.float32)
    left, right = mirrored.T
    factors[left] -= np.float32(asymmetry)
    factors[right] += np.float32(asymmetry)
    return factors
