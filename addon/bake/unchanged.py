# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a bake where nothing changed are those of its take, bit for bit.

A turn goes out to the sidecar as axis and angle and comes back as such; the quaternion that is
made of it differs from the one that it came from in the last bit, four times of ten.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float64Array
from ...shared.head import JOINTS
from ...shared.motion import Motion
from ..motion.curves import Turns, rotations_of, turns_of


def turns_to_keep(
    baked: Motion, sent: Motion, quaternions: Float64Array, frames: range
) -> dict[str, Float64Array]:
    """Quaternions of the joints of what was baked: those that were read, where they turn as they
    did. sent, quaternions (T, 5, 4): what was read; frames: which of its T frames were baked."""
    rows, before, after = slice(frames.start, frames.stop), rotations_of(sent), rotations_of(baked)
    new: Turns = turns_of(baked)
    kept: dict[str, Float64Array] = {}
    for joint, name in enumerate(JOINTS):
        own = quaternions[rows, joint]
        same = (after[name] == before[name][rows]).all(1)
        kept[name] = np.where(same[:, None], own, _beside(new[name], own))
    return kept


def _beside(quaternions: Float64Array, others: Float64Array) -> Float64Array:
    """The quaternions (T, 4) on the same side of the sphere as the others (T, 4)."""
    away = np.sum(quaternions * others, 1) < 0
    return quaternions * np.where(away, -1.0, 1.0)[:, None]
