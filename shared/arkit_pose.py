# SPDX-License-Identifier: GPL-3.0-or-later
"""How far ARKit's weights turn a head's joints: the jaw by jawOpen, the eyes by eyeLook, as the
open head's file says (a test holds them together)."""

from __future__ import annotations

import numpy as np

from .arrays import Float32Array, Float64Array
from .motion import ARKIT_NAMES

JAW_OPEN_RAD = 0.4254826
LOOK_DOWN_RAD, LOOK_UP_RAD, LOOK_ASIDE_RAD = 0.3839724, 0.2967060, 0.4537856


def _map(turns: dict[str, tuple[int, float]]) -> Float64Array:
    """(3, 52) axis-angle of each weight, from an axis and radians."""
    out = np.zeros((3, len(ARKIT_NAMES)))
    for name, (axis, radians) in turns.items():
        out[axis, ARKIT_NAMES.index(name)] = radians
    return out


_JAW = _map({"jawOpen": (0, JAW_OPEN_RAD)})


def _eye(side: str, outward: float) -> Float64Array:
    return _map(
        {
            f"eyeLookDown{side}": (0, LOOK_DOWN_RAD),
            f"eyeLookUp{side}": (0, -LOOK_UP_RAD),
            f"eyeLookOut{side}": (1, outward * LOOK_ASIDE_RAD),
            f"eyeLookIn{side}": (1, -outward * LOOK_ASIDE_RAD),
        }
    )


_EYES = _eye("Left", 1.0), _eye("Right", -1.0)


def jaw_turn(weights: Float32Array) -> Float64Array:
    """(T, 3) axis-angle in radians of the jaw for ARKit weights (T, 52), in FLAME's axes."""
    return weights.astype(np.float64) @ _JAW.T


def eye_turns(weights: Float32Array) -> tuple[Float64Array, Float64Array]:
    """(T, 3) axis-angle in radians of the left and the right eye, in FLAME's axes."""
    left, right = (weights.astype(np.float64) @ eye.T for eye in _EYES)
    return left, right
