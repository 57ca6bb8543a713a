# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a `Motion` in the open space and F-curves on a head's shape keys and bones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import bpy
import numpy as np

from ...shared.arrays import Float32Array, Float64Array, FloatArray, IndexArray
from ...shared.errors import InputError
from ...shared.head import JOINTS
from ...shared.motion import WIDTHS, Motion, make_motion
from .. import axes, compat
from ..head.find import expression_names, need_shape_keys, rig_of
from .keys import clear_curve, sample, write_keys

EXPRESSIONS = WIDTHS["expression"]
_WIDEST_SLIDER = 10.0


def rotations_of(motion: Motion) -> dict[str, Float32Array]:
    """Axis-angle (T, 3) of each joint by name."""
    parts = (motion.rotation, motion.neck, motion.jaw, motion.eyes[:, :3], motion.eyes[:, 3:])
    return dict(zip(JOINTS, parts, strict=True))


Rows = Mapping[str, IndexArray]
"""Which frames of a motion get a key, by data path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What one F-curve shall say: values (T,) of a property of that part of the head."""

    part: compat.Part
    path: str
    index: int
    group: str
    values: FloatArray


def expression_path(name: str) -> str:
    """Data path of an expression's weight on the shape keys."""
    return f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'


def rotation_path(joint: str) -> str:
    """Data path of a joint's rotation on the armature."""
    return f'pose.bones["{joint}"].rotation_quaternion'


ROOT_PATH = 'pose.bones["root"].location'
"""Data path of the head's place on the armature."""


def channels_of(head: bpy.types.Object, motion: Motion) -> Iterator[Channel]:
    """Every curve that the motion (open space) needs on the head."""
    for column, name in enumerate(expression_names(head)):
        yield Channel(
            part="KEY",
            path=expression_path(name),
            index=0,
            group="Expression",
            values=motion.expression[:, column],
        )
    turned = {
        (rotation_path(bone), bone): axes.quaternions_from_rotations(rotations)
        for bone, rotations in rotations_of(motion).items()
    }
    turned[ROOT_PATH, "root"] = np.asarray(axes.to_blender(motion.translation), np.float64)
    for (path, bone), values in turned.items():
        for index in range(values.shape[1]):
            yield Channel(
                part="OBJECT", path=path, index=index, group=bone, values=values[:, index]
            )


def write_curves(
    head: bpy.types.Object,
    motion: Motion,
    times: Float64Array,
    actions: dict[compat.Part, bpy.types.Action],
    rows: Rows | None = None,
) -> None:
    """Gives Actions that `new_take_actions` made the motion, one key at each of `times` (T,) curve
    frames, or of those of `rows`. What the same curves said before is forgotten; others stay."""
    keys = need_shape_keys(head).key_blocks
    for column, name in enumerate(expression_names(head)):
        _widen_slider(keys[name], motion.expression[:, column])
    for channel in channels_of(head, motion):
        action = actions[channel.part]
        curve = compat.find_curve(
            compat.curves_of(action, channel.part), channel.path, channel.index
        )
        if curve is None:
            curve = compat.new_curve(
                action, channel.part, channel.path, channel.index, channel.group
            )
        else:
            clear_curve(curve)
        kept = slice(None) if rows is None else rows[channel.path]
        write_keys(curve, times[kept], channel.values[kept])


def _widen_slider(key: bpy.types.ShapeKey, values: Float32Array) -> None:
    """Blender clips what an Action writes to the slider's range; a take may go further."""
    key.slider_min = max(min(key.slider_min, float(values.min())), -_WIDEST_SLIDER)
    key.slider_max = min(max(key.slider_max, float(values.max())), _WIDEST_SLIDER)


def read_curves(
    head: bpy.types.Object,
    times: Float64Array,
    fps: float,
    actions: dict[compat.Part, bpy.types.Action | None],
) -> Motion:
    """What the Actions say at `times` (T,) curve frames, as a motion in the open space: an
    animator's edits count. Properties without a curve keep the value that they have now.

    Raises InputError `motion.no_action` if an Action is missing, `motion.rotation_mode`,
    `motion.not_finite`, ….
    """
    need_actions(actions)
    shape_curves = compat.curves_of(actions["KEY"], "KEY")
    bone_curves = compat.curves_of(actions["OBJECT"], "OBJECT")
    blocks = need_shape_keys(head).key_blocks
    expression = np.zeros((len(times), EXPRESSIONS), np.float32)
    for column, name in enumerate(expression_names(head)):
        path = expression_path(name)
        expression[:, column] = sample(shape_curves, path, 0, times, blocks[name].value)
    pose = need_quaternions(head)
    turned = np.empty((len(times), len(JOINTS), 4))
    for joint, name in enumerate(JOINTS):
        for i, value in enumerate(pose[name].rotation_quaternion):
            turned[:, joint, i] = sample(bone_curves, rotation_path(name), i, times, value)
    places = [sample(bone_curves, ROOT_PATH, i, times, pose["root"].location[i]) for i in range(3)]
    return motion_of(expression, turned, np.stack(places, 1), fps)


def motion_of(
    expression: Float32Array, quaternions: Float64Array, places: FloatArray, fps: float
) -> Motion:
    """The motion in the open space of what Blender's properties say: expression (T, 100),
    quaternions (T, 5, 4) of the joints, places (T, 3) the root's."""
    turned = {
        name: axes.rotations_from_quaternions(quaternions[:, joint]).astype(np.float32)
        for joint, name in enumerate(JOINTS)
    }
    return make_motion(
        expression=expression,
        fps=fps,
        space="open",
        rotation=turned["root"],
        neck=turned["neck"],
        jaw=turned["jaw"],
        eyes=np.concatenate([turned["eye_left"], turned["eye_right"]], 1),
        translation=axes.to_flame(places).astype(np.float32),
    )


def need_actions(actions: dict[compat.Part, bpy.types.Action | None]) -> None:
    """Raises InputError `motion.no_action` if one is missing."""
    if not all(actions.values()):
        raise InputError(
            "motion.no_action",
            "The take's Action has been deleted.",
            "Import the take again, or choose another one in the panel's Take section.",
        )


def need_quaternions(head: bpy.types.Object) -> dict[str, bpy.types.PoseBone]:
    """The joints' bones. Raises InputError `motion.rotation_mode` for one that turns otherwise."""
    pose = {name: rig_of(head).pose.bones[name] for name in JOINTS}
    for bone in pose.values():
        if bone.rotation_mode != "QUATERNION":
            raise InputError(
                "motion.rotation_mode",
                f"The bone '{bone.name}' turns in the mode {bone.rotation_mode}.",
                "Set its rotation mode to Quaternion (WXYZ); its curves can be converted in "
                "Blender.",
            )
    return pose
