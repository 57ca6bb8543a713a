# SPDX-License-Identifier: GPL-3.0-or-later
"""What a keyed weight means: how much of an emotion's displacement energy is seen.

The network's weights are amplitudes: half of one moves the face half as far. To the eye that is a
quarter, since what is seen grows with the mean squared displacement, the energy. So a keyed weight
is a share of the energy, and about its root is the amplitude.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array, Float64Array

MEASURED_AT = (0.25, 0.5, 0.75, 1.0, 1.25)
"""Amplitudes at which a modulator's energies are measured."""
_TOE = 0.025
"""Keyed weights far below this one grow linearly into amplitudes, those far above as roots. A bare
root would rise infinitely fast from 0, and a curve that leaves 0 softly would jump."""


def amplitudes(weights: Float32Array, energies: Float32Array | None = None) -> Float32Array:
    """(T, 6) the network's weights from keyed ones (T, 6), each row by itself.

    A row keeps its direction: the largest weight r of a row becomes r sqrt(1.025 / (r + 0.025)),
    and the others keep their ratio to it. 0 stays 0 and 1 stays 1.
    energies: (6, 5) float32, `Modulator.strength`, the energy of each emotion at the amplitudes
    `MEASURED_AT` as a share of that at 1, rising from left to right. Where it is not what the
    formula expects, weights are corrected by it; a mixture's energies are the mean of its
    emotions', by their shares of the row. None is a modulator that was not measured.
    """
    largest = weights.max(1, initial=0).astype(np.float64)
    seen = largest
    if energies is not None:
        seen = _corrected(largest, _mixed(weights, energies))
    factor = _amplitude(seen) / np.where(largest > 0, largest, 1)
    return np.asarray(weights * factor[:, None].astype(np.float32), np.float32)


def _amplitude(energy: Float64Array) -> Float64Array:
    return energy * np.sqrt((1 + _TOE) / (energy + _TOE))


def energy_of(amplitude: Float64Array) -> Float64Array:
    """The keyed weight whose amplitude this is, by the formula alone: the root of a quadratic."""
    square = amplitude * amplitude
    root = np.sqrt(square * (square + 4 * (1 + _TOE) * _TOE))
    return (square + root) / (2 * (1 + _TOE))


def _mixed(weights: Float32Array, energies: Float32Array) -> Float64Array:
    """(T, 5) energies of each row's mixture at `MEASURED_AT`."""
    # einsum sums in one fixed order, so that every range of a bake has the same bits.
    total = np.einsum("tk->t", weights, dtype=np.float64)
    mixed = np.einsum("tk,kn->tn", weights, energies, dtype=np.float64)
    plain = energy_of(np.array(MEASURED_AT))
    # A row without emotion has no energies of its own.
    return np.where(total[:, None] > 0, mixed / np.where(total > 0, total, 1)[:, None], plain)


def _corrected(largest: Float64Array, measured: Float64Array) -> Float64Array:
    """(T,) the weights whose amplitude by the formula has the energy `largest` (T,) by what was
    measured (T, 5): linear between the measured amplitudes, and past the last as before it."""
    ends = np.pad(measured, ((0, 0), (1, 0)))
    plain = energy_of(np.array((0.0, *MEASURED_AT)))
    piece = (largest[:, None] >= ends[:, 1:-1]).sum(1)
    rows = np.arange(len(largest))
    low, high = ends[rows, piece], ends[rows, piece + 1]
    part = (largest - low) / (high - low)
    return plain[piece] + part * (plain[piece + 1] - plain[piece])
