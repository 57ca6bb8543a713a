# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a `Motion` in the open space and F-curves on a head's shape keys and bones."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from ...shared.arrays import Float32Array, Float64Array, FloatArray
from ...shared.errors import InputError
from ...shared.head import JOINTS
from ...shared.motion import Motion, make_motion
from .. import axes, compat
from ..head.find import expression_names, need_shape_keys, rig_of

_LINEAR = 1
"""Number of the interpolation 'LINEAR' in `Keyframe.interpolation`: a key on every frame needs
no easing, and a straight line cannot overshoot."""

_WIDEST_SLIDER = 10.0


def frame_times(first_frame: float, frames: int, fps: float, scene_fps: float) -> Float64Array:
    """Scene frames (T,) of a take's frames 0..T-1 when it starts at `first_frame`."""
    return first_frame + np.arange(frames, dtype=np.float64) * (scene_fps / fps)


def scene_fps(scene: bpy.types.Scene) -> float:
    """The scene's frames per second."""
    return scene.render.fps / scene.render.fps_base


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
    """Fills new Actions with the motion, one key at each of `times` (T,) scene frames."""
    names = expression_names(head)
    keys = need_shape_keys(head)
    for column, name in enumerate(names):
        values = motion.expression[:, column]
        _widen_slider(keys.key_blocks[name], values)
        path = f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'
        _write_curve(actions["KEY"], "KEY", path, 0, "Expression", times, values)
    for bone, rotations in rotations_of(motion).items():
        path = f'pose.bones["{bone}"].rotation_quaternion'
        quaternions = axes.quaternions_from_rotations(rotations)
        for index in range(4):
            _write_curve(
                actions["OBJECT"], "OBJECT", path, index, bone, times, quaternions[:, index]
            )
    places = axes.to_blender(motion.translation)
    for index in range(3):
        path = 'pose.bones["root"].location'
        _write_curve(actions["OBJECT"], "OBJECT", path, index, "root", times, places[:, index])


def _widen_slider(key: bpy.types.ShapeKey, values: Float32Array) -> None:
    """Blender clips what an Action writes to the slider's range; a take may go further."""
    key.slider_min = max(min(key.slider_min, float(values.min())), -_WIDEST_SLIDER)
    key.slider_max = min(max(key.slider_max, float(values.max())), _WIDEST_SLIDER)


def _write_curve(
    action: bpy.types.Action,
    part: str,
    path: str,
    index: int,
    group: str,
    times: Float64Array,
    values: FloatArray,
) -> None:
    """One F-curve; a constant one gets a single key."""
    curve = compat.new_curve(action, part, path, index, group)
    if (values == values[0]).all():
        times, values = times[:1], values[:1]
    points = curve.keyframe_points
    points.add(len(times))
    points.foreach_set("co", np.stack([times, values], 1).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(times), _LINEAR, np.int32))
    curve.update()


def read_curves(
    head: bpy.types.Object,
    times: Float64Array,
    fps: float,
    actions: dict[str, bpy.types.Action | None],
) -> Motion:
    """What the Actions say at `times` (T,) scene frames, as a motion in the open space: an
    animator's edits count. Properties without a curve keep the value that they have now.

    Raises InputError `motion.no_action` if an Action is missing, `motion.not_finite`, ….
    """
    if not all(actions.values()):
        raise InputError(
            "motion.no_action",
            "The take's Action has been deleted.",
            "Import the take again, or choose another one in the panel's Take section.",
        )
    frames = times.tolist()
    shape_curves = compat.curves_of(actions["KEY"], "KEY")
    bone_curves = compat.curves_of(actions["OBJECT"], "OBJECT")
    blocks = need_shape_keys(head).key_blocks
    expression = np.zeros((len(frames), 100), np.float32)
    for column, name in enumerate(expression_names(head)):
        path = f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'
        expression[:, column] = sample(shape_curves, path, 0, frames, blocks[name].value)
    pose = {bone.name: bone for bone in rig_of(head).pose.bones}
    turned = {name: _read_rotation(bone_curves, pose[name], frames) for name in JOINTS}
    places = [
        sample(bone_curves, 'pose.bones["root"].location', i, frames, pose["root"].location[i])
        for i in range(3)
    ]
    return make_motion(
        expression=expression,
        fps=fps,
        space="open",
        rotation=turned["root"],
        neck=turned["neck"],
        jaw=turned["jaw"],
        eyes=np.concatenate([turned["eye_left"], turned["eye_right"]], 1),
        translation=axes.to_flame(np.stack(places, 1)).astype(np.float32),
    )


def _read_rotation(
    curves: compat.CurveList | tuple[()], bone: bpy.types.PoseBone, frames: Sequence[float]
) -> Float32Array:
    """Axis-angle (T, 3) in FLAME's axes. Raises InputError `motion.rotation_mode`."""
    if bone.rotation_mode != "QUATERNION":
        raise InputError(
            "motion.rotation_mode",
            f"The bone '{bone.name}' turns in the mode {bone.rotation_mode}.",
            "Set its rotation mode to Quaternion (WXYZ); its curves can be converted in Blender.",
        )
    path = f'pose.bones["{bone.name}"].rotation_quaternion'
    values = [sample(curves, path, i, frames, bone.rotation_quaternion[i]) for i in range(4)]
    return axes.rotations_from_quaternions(np.stack(values, 1)).astype(np.float32)


def sample(
    curves: compat.CurveList | tuple[()],
    path: str,
    index: int,
    frames: Sequence[float],
    otherwise: float,
) -> Float32Array:
    """Values (T,) of the property at scene frames, `otherwise` where no curve moves it."""
    curve = compat.find_curve(curves, path, index)
    if curve is None or curve.mute or (curve.is_empty and not curve.modifiers):
        return np.full(len(frames), otherwise, np.float32)
    if len(curve.keyframe_points) == 1 and not curve.modifiers:
        return np.full(len(frames), curve.keyframe_points[0].co[1], np.float32)
    return np.fromiter(map(curve.evaluate, frames), np.float32, len(frames))
