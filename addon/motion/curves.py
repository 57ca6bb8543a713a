# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a `Motion` in a head's space and F-curves on a head's shape keys and bones."""

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
from ..head.controls import JAW_LINK_PATH, jaw_link_of
from ..head.find import expression_names, expression_space, need_shape_keys, rig_of
from ..head.identity import shape_of
from .keys import fresh_curve, sample, widen_slider, write_keys

EXPRESSIONS = WIDTHS["expression"]


def rotations_of(motion: Motion) -> dict[str, Float32Array]:
    """Axis-angle (T, 3) of each joint by name."""
    parts = (motion.rotation, motion.neck, motion.jaw, motion.eyes[:, :3], motion.eyes[:, 3:])
    return dict(zip(JOINTS, parts, strict=True))


Rows = Mapping[str, IndexArray]
"""Which frames of a motion get a key, by data path."""
Turns = Mapping[str, Float64Array]
"""Quaternions (T, 4) of each joint by name, as Blender has them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Keying:
    """How a motion becomes keys. rows: which frames get one, all if None. turns: the joints'
    quaternions, where they are known to more bits than the motion has."""

    rows: Rows | None = None
    turns: Turns | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Posed:
    """What Blender's properties say at T frames: expression (T, 100), quaternions (T, 5, 4) of the
    joints, places (T, 3) of the root."""

    expression: Float32Array
    quaternions: Float64Array
    places: FloatArray


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
_EVERY_KEY = Keying()


def turns_of(motion: Motion) -> Turns:
    """Quaternions of the motion's joints."""
    rotations = rotations_of(motion)
    return {name: axes.quaternions_from_rotations(turns) for name, turns in rotations.items()}


def channels_of(
    head: bpy.types.Object, motion: Motion, turns: Turns | None = None
) -> Iterator[Channel]:
    """Every curve that the motion (in the head's space) needs on the head. turns: see `Keying`."""
    for column, name in enumerate(expression_names(head)):
        yield Channel(
            part="KEY",
            path=expression_path(name),
            index=0,
            group="Expression",
            values=motion.expression[:, column],
        )
    turned = {
        (rotation_path(bone), bone): quaternions
        for bone, quaternions in (turns or turns_of(motion)).items()
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
    keying: Keying = _EVERY_KEY,
) -> None:
    """Gives Actions that `new_take_actions` made the motion, one key at each of `times` (T,) curve
    frames, or as `keying` says. What the same curves said before is forgotten; others stay."""
    keys = need_shape_keys(head).key_blocks
    for column, name in enumerate(expression_names(head)):
        widen_slider(keys[name], motion.expression[:, column])
    for one in channels_of(head, motion, keying.turns):
        curve = fresh_curve(actions[one.part], one.part, one.path, one.index, one.group)
        kept = slice(None) if keying.rows is None else keying.rows[one.path]
        write_keys(curve, times[kept], one.values[kept])
    if jaw_link_of(rig_of(head)) is not None:  # the motion says itself how far the jaw is open
        link = fresh_curve(actions["OBJECT"], "OBJECT", JAW_LINK_PATH, 0, "jaw")
        write_keys(link, times[:1], np.zeros(1))


def read_curves(
    head: bpy.types.Object,
    times: Float64Array,
    fps: float,
    actions: dict[compat.Part, bpy.types.Action | None],
) -> Motion:
    """What the Actions say at `times` (T,) curve frames, as a motion in the head's space: see
    `read_pose`.

    Raises InputError `motion.no_action` if an Action is missing, `motion.rotation_mode`,
    `motion.not_finite`, ….
    """
    return motion_of(head, read_pose(head, times, actions), fps)


def read_pose(
    head: bpy.types.Object, times: Float64Array, actions: dict[compat.Part, bpy.types.Action | None]
) -> Posed:
    """What the Actions say at `times` (T,) curve frames: an animator's edits count. Properties
    without a curve keep the value that they have now. Raises InputError `motion.no_action`,
    `motion.rotation_mode`."""
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
    return Posed(expression=expression, quaternions=turned, places=np.stack(places, 1))


def motion_of(head: bpy.types.Object, posed: Posed, fps: float) -> Motion:
    """The pose of each frame as a motion in the head's space. Raises InputError
    `motion.not_finite`, ...."""
    turned = {
        name: axes.rotations_from_quaternions(posed.quaternions[:, joint]).astype(np.float32)
        for joint, name in enumerate(JOINTS)
    }
    return make_motion(
        expression=posed.expression,
        fps=fps,
        space=expression_space(head),
        shape=shape_of(head),
        rotation=turned["root"],
        neck=turned["neck"],
        jaw=turned["jaw"],
        eyes=np.concatenate([turned["eye_left"], turned["eye_right"]], 1),
        translation=axes.to_flame(posed.places).astype(np.float32),
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
