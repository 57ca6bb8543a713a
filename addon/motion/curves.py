# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a `Motion` in a head's space and F-curves on a head's shape keys and bones."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ...shared.errors import InputError
from ...shared.head import JOINTS
from ...shared.motion import Motion, make_motion
from .. import axes, compat
from ..head.find import expression_names, expression_space, need_shape_keys, rig_of
from ..head.identity import shape_of
from .keys import sample, widen_slider, write_keys


def rotations_of(motion: Motion) -> dict[str, Float32Array]:
    """Axis-angle (T, 3) of each joint by name."""
    parts = (motion.rotation, motion.neck, motion.jaw, motion.eyes[:, :3], motion.eyes[:, 3:])
    return dict(zip(JOINTS, parts, strict=True))


def write_curves(
    head: bpy.types.Object,
    motion: Motion,
    times: Float64Array,
    actions: dict[str, bpy.types.Action],
) -> None:
    """Fills new Actions with the motion, one key at each of `times` (T,) curve frames."""
    names = expression_names(head)
    keys = need_shape_keys(head)
    for column, name in enumerate(names):
        values = motion.expression[:, column]
        widen_slider(keys.key_blocks[name], values)
        path = f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'
        curve = compat.new_curve(actions["KEY"], "KEY", path, 0, "Expression")
        write_keys(curve, times, values)
    for bone, rotations in rotations_of(motion).items():
        path = f'pose.bones["{bone}"].rotation_quaternion'
        quaternions = axes.quaternions_from_rotations(rotations)
        for index in range(4):
            curve = compat.new_curve(actions["OBJECT"], "OBJECT", path, index, bone)
            write_keys(curve, times, quaternions[:, index])
    places = axes.to_blender(motion.translation)
    for index in range(3):
        path = 'pose.bones["root"].location'
        curve = compat.new_curve(actions["OBJECT"], "OBJECT", path, index, "root")
        write_keys(curve, times, places[:, index])


def read_curves(
    head: bpy.types.Object,
    times: Float64Array,
    fps: float,
    actions: dict[str, bpy.types.Action | None],
) -> Motion:
    """What the Actions say at `times` (T,) curve frames, as a motion in the head's space: an
    animator's edits count. Properties without a curve keep the value that they have now.

    Raises InputError `motion.no_action` if an Action is missing, `motion.not_finite`, ….
    """
    if not all(actions.values()):
        raise InputError(
            "motion.no_action",
            "The take's Action has been deleted.",
            "Import the take again, or choose another one in the panel's Take section.",
        )
    shape_curves = compat.curves_of(actions["KEY"], "KEY")
    bone_curves = compat.curves_of(actions["OBJECT"], "OBJECT")
    blocks = need_shape_keys(head).key_blocks
    expression = np.zeros((len(times), 100), np.float32)
    for column, name in enumerate(expression_names(head)):
        path = f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'
        expression[:, column] = sample(shape_curves, path, 0, times, blocks[name].value)
    pose = {bone.name: bone for bone in rig_of(head).pose.bones}
    turned = {name: _read_rotation(bone_curves, pose[name], times) for name in JOINTS}
    places = [
        sample(bone_curves, 'pose.bones["root"].location', i, times, pose["root"].location[i])
        for i in range(3)
    ]
    return make_motion(
        expression=expression,
        fps=fps,
        space=expression_space(head),
        shape=shape_of(head),
        rotation=turned["root"],
        neck=turned["neck"],
        jaw=turned["jaw"],
        eyes=np.concatenate([turned["eye_left"], turned["eye_right"]], 1),
        translation=axes.to_flame(np.stack(places, 1)).astype(np.float32),
    )


def _read_rotation(
    curves: compat.CurveList | tuple[()], bone: bpy.types.PoseBone, times: Float64Array
) -> Float32Array:
    """Axis-angle (T, 3) in FLAME's axes. Raises InputError `motion.rotation_mode`."""
    if bone.rotation_mode != "QUATERNION":
        raise InputError(
            "motion.rotation_mode",
            f"The bone '{bone.name}' turns in the mode {bone.rotation_mode}.",
            "Set its rotation mode to Quaternion (WXYZ); its curves can be converted in Blender.",
        )
    quaternions = read_quaternions(curves, bone, times)
    return axes.rotations_from_quaternions(quaternions).astype(np.float32)


def read_quaternions(
    curves: compat.CurveList | tuple[()], bone: bpy.types.PoseBone, times: Float64Array
) -> Float32Array:
    """The bone's quaternions (T, 4) as the curves have them."""
    path = f'pose.bones["{bone.name}"].rotation_quaternion'
    values = [sample(curves, path, i, times, bone.rotation_quaternion[i]) for i in range(4)]
    return np.stack(values, 1)
