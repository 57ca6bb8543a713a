# SPDX-License-Identifier: GPL-3.0-or-later
"""What a keyed weight means: how much of an emotion's displacement energy is seen.

The network's weights are amplitudes: half of one moves the face half as far. To the eye that is a
quarter, since what is seen grows with the mean squared displacement, the energy. So a keyed weight
is a share of the energy, and about its root is the amplitude.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array

_TOE = 0.01
"""Keyed weights far below this one grow linearly into amplitudes, those far above as roots. A bare
root would rise infinitely fast from 0, and a curve that leaves 0 softly would jump."""


def amplitudes(weights: Float32Array) -> Float32Array:
    """(T, 6) the network's weights from keyed ones (T, 6), each row by itself.

    A row keeps its direction: the largest weight r of a row becomes r sqrt(1.01 / (r + 0.01)),
    and the others keep their ratio to it. 0 stays 0 and 1 stays 1.
    """
    largest = weights.max(1, initial=0).astype(np.float64)
    factor = np.sqrt((1 + _TOE) / (largest + _TOE))
    return np.asarray(weights * factor[:, None].astype(np.float32), np.float32)
