# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a bake where nothing changed are those of its take, bit for bit.

A turn goes out to the sidecar as axis and angle and comes back as such; the quaternion that is
made of it differs from the one that it came from in the last bit, four times of ten.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ...shared.arrays import Float64Array
from ...shared.motion import Motion
from .. import axes, compat
from ..head.find import rig_of
from ..motion.curves import read_quaternions, rotations_of
from ..motion.keys import write_keys
from ..motion.placement import take_times
from ..motion.properties import AFFEKT_PG_take


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sent:
    """What a bake began with: the motion that an Action on the bones said at curve frames `times`
    (T,)."""

    rig_action: bpy.types.Action | None
    times: Float64Array
    motion: Motion


def keep_unchanged(
    head: bpy.types.Object, sent: Sent, bake: AFFEKT_PG_take, baked: Motion, scene: bpy.types.Scene
) -> None:
    """Gives the bake's bones the quaternions that the Action had in the frames in which they turn
    as they did there. baked: what came back of the motion, frame by frame."""
    if sent.rig_action is None or bake.rig_action is None:
        return
    before, pose = rotations_of(sent.motion), rig_of(head).pose.bones
    there = compat.curves_of(sent.rig_action, "OBJECT")
    here = compat.curves_of(bake.rig_action, "OBJECT")
    times = take_times(bake, scene)
    for bone, rotations in rotations_of(baked).items():
        same = (rotations == before[bone]).all(1)
        own = read_quaternions(there, pose[bone], sent.times).astype(np.float64)
        new = np.where(same[:, None], own, _beside(axes.quaternions_from_rotations(rotations), own))
        for index in range(4):
            path = f'pose.bones["{bone}"].rotation_quaternion'
            curve = compat.find_curve(here, path, index)
            if curve is not None:
                curve.keyframe_points.clear()
                write_keys(curve, times, new[:, index])


def _beside(quaternions: Float64Array, others: Float64Array) -> Float64Array:
    """The quaternions (T, 4) on the same side of the sphere as the others (T, 4)."""
    away = np.sum(quaternions * others, 1) < 0
    return quaternions * np.where(away, -1.0, 1.0)[:, None]
