# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a `Motion` in ARKit's space and F-curves on a character's shape keys and bones.

Beside the curves that move the character an Action holds the take as it was: ARKit's 52 weights and
the head's turns, as curves of custom properties of the face's shape keys. They are what a bake
starts from, since a map of weights has no inverse. What an animator changed on a key's curve is its
difference from what the map gives, and stays as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import bpy
import numpy as np
from mathutils import Euler, Quaternion

from ...shared.arkit_pose import eye_turns, jaw_turn
from ...shared.arrays import Float32Array, Float64Array
from ...shared.calibration import SHAPES
from ...shared.character_mapping import WeightMapping
from ...shared.errors import InputError
from ...shared.motion import ARKIT_NAMES, WIDTHS, Motion, make_motion
from .. import axes, compat
from ..motion.keys import fresh_curve, sample, widen_slider, write_keys
from .find import DrivenKey, bones_of
from .properties import AFFEKT_PG_character

Actions = Mapping[compat.Part, bpy.types.Action]
_RECORDED = ("rotation", "neck", "eyes", "translation")
"""What a take holds beside its weights."""
_UNTOUCHED = 2e-5
"""A key nearer to what was written than this was not edited."""
_GROUP = "ARKit"


def record_name(name: str) -> str:
    """The custom property of the face's shape keys that holds this part of a take."""
    return f"affekt {name}"


def record_path(name: str) -> str:
    """Its data path."""
    return f'["{record_name(name)}"]'


def write_record(head: bpy.types.Object, motion: Motion, times: Float64Array, to: Actions) -> None:
    """Writes the take itself: its weights and turns, (T,) keys at `times`."""
    keys = head.data.shape_keys
    for column, name in enumerate(ARKIT_NAMES):
        keys[record_name(name)] = 0.0
        curve = fresh_curve(to["KEY"], "KEY", record_path(name), 0, _GROUP)
        write_keys(curve, times, motion.expression[:, column])
        curve.hide = True
    for name in _RECORDED:
        values: Float32Array = getattr(motion, name)
        keys[record_name(name)] = [0.0] * WIDTHS[name]
        for index in range(WIDTHS[name]):
            curve = fresh_curve(to["KEY"], "KEY", record_path(name), index, _GROUP)
            write_keys(curve, times, values[:, index])
            curve.hide = True


def read_record(times: Float64Array, fps: float, actions: Actions) -> Motion:
    """The take itself at curve frames `times` (T,), in space "arkit"."""
    curves = compat.curves_of(actions["KEY"], "KEY")
    expression = np.zeros((len(times), WIDTHS["expression"]), np.float32)
    for column, name in enumerate(ARKIT_NAMES):
        expression[:, column] = sample(curves, record_path(name), 0, times, 0.0)
    others = {
        name: np.stack(
            [sample(curves, record_path(name), i, times, 0.0) for i in range(WIDTHS[name])], 1
        )
        for name in _RECORDED
    }
    return make_motion(expression=expression, fps=fps, space="arkit", **others)


def read_edited(
    record: Motion,
    times: Float64Array,
    driven: Mapping[compat.Part, Sequence[DrivenKey]],
    mapping: WeightMapping,
    actions: Actions,
) -> Motion:
    """The take with the weights that an animator's edits of the keys amount to: where a key's curve
    differs from what the mapping gives, its weight differs by as much over the shape's gain."""
    weights = record.expression[:, :SHAPES]
    given, gains = mapping.apply(weights), mapping.gains
    expression, seen = record.expression.copy(), set[int]()
    for part, keys in driven.items():
        curves = compat.curves_of(actions[part], part)
        for one in keys:
            if one.shape in seen or compat.find_curve(curves, one.path) is None:
                continue
            seen.add(one.shape)
            edit = sample(curves, one.path, 0, times, 0.0) - given[:, one.shape]
            edit = np.where(np.abs(edit) > _UNTOUCHED, edit, 0) / gains[one.shape]
            expression[:, one.shape] += edit.astype(np.float32)
    return make_motion(
        expression=expression,
        fps=record.fps,
        space="arkit",
        **{name: getattr(record, name) for name in _RECORDED},
    )


def write_keys_of(
    given: Float32Array, keys: Sequence[DrivenKey], times: Float64Array, to: Actions, part: str
) -> None:
    """Writes the character's weights (T, 52) onto the keys of one mesh."""
    for one in keys:
        _write_key(one, given[:, one.shape], times, to, part)


def write_edited_keys(
    given: Float32Array,
    before: Float32Array,
    keys: Sequence[DrivenKey],
    curves: compat.CurveList | tuple[()],
    times: Float64Array,
    to: Actions,
    part: str,
) -> None:
    """The same for a take made from another: what an animator changed on its `curves` stays, the
    difference from `before` (T, 52), which is what was written there."""
    for one in keys:
        values = given[:, one.shape]
        if compat.find_curve(curves, one.path) is not None:
            old, were = before[:, one.shape], sample(curves, one.path, 0, times, 0.0)
            # Where nothing changes the curve's own bits stay.
            values = np.where(values == old, were, values + (were - old))
        _write_key(one, values.astype(np.float32), times, to, part)


def _write_key(
    one: DrivenKey, values: Float32Array, times: Float64Array, to: Actions, part: str
) -> None:
    widen_slider(one.keys.key_blocks[one.key], values)
    write_keys(fresh_curve(to[part], part, one.path, 0, "Expression"), times, values)


def turns_of(head: bpy.types.Object, motion: Motion) -> dict[str, Float64Array]:
    """Axis-angle (T, 3) of each bone that the take turns, by role, in the bone's own axes."""
    bones = bones_of(head)
    weights = motion.expression[:, :SHAPES]
    left, right = eye_turns(weights)
    face: dict[str, Float64Array] = {
        "jaw": jaw_turn(weights) + motion.jaw,
        "eye_left": left + motion.eyes[:, :3],
        "eye_right": right + motion.eyes[:, 3:],
        "neck": motion.neck.astype(np.float64),
        "head": motion.rotation.astype(np.float64),
    }
    if "head" not in bones:
        face["neck"] = joined_turns(face["head"], face["neck"])
    elif "neck" not in bones:
        face["head"] = joined_turns(face["head"], face["neck"])
    frame = _armature_from_face(head) if bones else np.eye(3)
    return {
        role: face[role] @ frame.T @ np.array(bone.bone.matrix_local.to_3x3().normalized())
        for role, bone in bones.items()
    }


def joined_turns(first: Float64Array, second: Float64Array) -> Float64Array:
    """Axis-angle (T, 3) of turning by the second and then by the first; where one of the two is
    none it is the other, bit for bit."""
    if not second.any():
        return first
    if not first.any():
        return second
    pairs = zip(_quaternions(first), _quaternions(second), strict=True)
    product = np.array([(one @ other)[:] for one, other in pairs])
    return axes.vectors_from_quaternions(product)


def _quaternions(turns: Float64Array) -> list[Quaternion]:
    return [Quaternion(row) for row in axes.quaternions_from_vectors(turns)]


def _armature_from_face(head: bpy.types.Object) -> Float64Array:
    """(3, 3) from the face's axes (left, up, front) to the armature's own."""
    character: AFFEKT_PG_character = head.affekt_character
    mesh_from_face = np.array(character.axes, np.float64).reshape(3, 3).T
    mesh = head.matrix_world.to_3x3().normalized()
    armature = character.armature.matrix_world.to_3x3().normalized()
    return np.array(armature.inverted() @ mesh) @ mesh_from_face


def write_bones(
    head: bpy.types.Object, turns: Mapping[str, Float64Array], times: Float64Array, to: Actions
) -> None:
    """Turns the bones by axis-angle (T, 3), by role, in their own axes."""
    for role, bone in bones_of(head).items():
        _write_turn(bone, axes.quaternions_from_vectors(turns[role]), times, to)


def write_edited_bones(
    head: bpy.types.Object,
    turns: Mapping[str, Float64Array],
    before: Mapping[str, Float64Array],
    curves: compat.CurveList | tuple[()],
    times: Float64Array,
    to: Actions,
) -> None:
    """The same for a take made from another: what an animator changed on its `curves` stays."""
    for role, bone in bones_of(head).items():
        new = axes.quaternions_from_vectors(turns[role])
        were = read_turn(curves, bone, times)
        if were is not None:
            new = edited_turns(turns[role], before[role], were)
        _write_turn(bone, new, times, to)


def edited_turns(turns: Float64Array, before: Float64Array, were: Float64Array) -> Float64Array:
    """Quaternions (T, 4) of a bone whose take turned by `before` (T, 3) and now by `turns`, where
    an animator has made `were` (T, 4) of it."""
    new, old = axes.quaternions_from_vectors(turns), axes.quaternions_from_vectors(before)
    moved = [
        Quaternion(a) @ Quaternion(b).conjugated() @ Quaternion(c)
        for a, b, c in zip(were, old, new, strict=True)
    ]
    is_same = (turns == before).all(1)[:, None]
    return np.where(is_same, were, np.array([q[:] for q in moved]))


def _write_turn(
    bone: bpy.types.PoseBone, quaternions: Float64Array, times: Float64Array, to: Actions
) -> None:
    path, values = _turn_path(bone), quaternions
    if bone.rotation_mode != "QUATERNION":
        values = _eulers(quaternions, bone.rotation_mode)
    for index in range(values.shape[1]):
        curve = fresh_curve(to["OBJECT"], "OBJECT", path, index, bone.name)
        write_keys(curve, times, values[:, index])


def read_turn(
    curves: compat.CurveList | tuple[()], bone: bpy.types.PoseBone, times: Float64Array
) -> Float64Array | None:
    """The bone's quaternions (T, 4) on its curves, or None without any."""
    path = _turn_path(bone)
    if compat.find_curve(curves, path) is None:
        return None
    rest = bone.rotation_quaternion if bone.rotation_mode == "QUATERNION" else bone.rotation_euler
    columns = [sample(curves, path, i, times, value) for i, value in enumerate(rest)]
    values = np.stack(columns, 1).astype(np.float64)
    if bone.rotation_mode == "QUATERNION":
        return values
    return np.array([Euler(row, bone.rotation_mode).to_quaternion()[:] for row in values])


def _turn_path(bone: bpy.types.PoseBone) -> str:
    """Data path of the bone's rotation. Raises InputError `motion.rotation_mode`."""
    if bone.rotation_mode == "AXIS_ANGLE":
        raise InputError(
            "motion.rotation_mode",
            f"The bone '{bone.name}' turns in the mode Axis Angle.",
            "Set its rotation mode to Quaternion (WXYZ) or to one of the Eulers.",
        )
    kind = "quaternion" if bone.rotation_mode == "QUATERNION" else "euler"
    return f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"].rotation_{kind}'


def _eulers(quaternions: Float64Array, order: str) -> Float64Array:
    """(T, 3) angles, each near the one before."""
    rows: list[Euler] = []
    for row in quaternions:
        angles = Quaternion(row)
        rows.append(angles.to_euler(order, rows[-1]) if rows else angles.to_euler(order))
    return np.array([row[:] for row in rows])
