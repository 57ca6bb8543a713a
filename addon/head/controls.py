# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head's rig does by itself: the jaw turns with the shape key jawOpen, so that ARKit data of
other tools opens the mouth, and the eyes look at a bone.

Both are constraints that do nothing at influence 0. The eyes' is 0 until the animator turns *Eyes
Follow Aim* up. The jaw's is 1, but our own takes turn the jaw themselves: their Actions hold it at
0 by a key, and so does every bake.
"""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES
from .. import axes, compat
from .find import armature_of

JAW_LINK = "Follow jawOpen"
"""Name of the jaw's constraint."""
JAW_LINK_PATH = f'pose.bones["jaw"].constraints["{JAW_LINK}"].influence'
"""Data path, on the armature, of how far the jaw follows jawOpen."""
AIM_BONE = "eye_aim"
"""Name of the bone that the eyes look at."""
AIM_PATH = f'pose.bones["{AIM_BONE}"]["aim"]'
"""Data path, on the armature, of how far the eyes follow that bone."""
_AIM = "aim"
_AIM_LINK = "Eye Aim"
_EYES = ("eye_left", "eye_right")
_AIM_DISTANCE_M, _AIM_LENGTH_M = 0.5, 0.03
_JAW_TURN_PATH = f'pose.bones["jaw"].constraints["{JAW_LINK}"].to_min_x_rot'
_EYE_PATHS = tuple(f'pose.bones["{eye}"].constraints["{_AIM_LINK}"].influence' for eye in _EYES)
DRIVEN_PATHS = (_JAW_TURN_PATH, *_EYE_PATHS)
"""Data paths, on the armature, of what our own drivers set."""


def add_aim_bone(bones: bpy.types.ArmatureEditBones) -> None:
    """Adds, in Edit Mode, the bone that the eyes look at, half a metre before them; it goes with
    the root and not with the neck, so that a turning head goes on looking at it."""
    bone = bones.new(AIM_BONE)
    bone.parent = bones["root"]
    bone.use_deform = False
    place_aim_bone(bones)


def place_aim_bone(bones: bpy.types.ArmatureEditBones) -> None:
    """Puts that bone, in Edit Mode, where the eyes look at rest."""
    bone = bones.get(AIM_BONE)
    if bone is None:  # heads of older files have none
        return
    left, right = (np.array(bones[eye].head) for eye in _EYES)
    bone.head = 0.5 * (left + right) - np.array([0, _AIM_DISTANCE_M, 0])
    bone.tail = np.array(bone.head) + np.array([0, _AIM_LENGTH_M, 0])
    bone.roll = 0


def add_controls(head: bpy.types.Object, rig: bpy.types.Object, model: HeadModel) -> None:
    """Adds the constraints and their drivers to a rig that has the bones."""
    bone = rig.pose.bones[AIM_BONE]
    bone.rotation_mode = "QUATERNION"
    bone.lock_rotation, bone.lock_scale, bone.lock_rotation_w = (True,) * 3, (True,) * 3, True
    bone[_AIM] = 0.0
    bone.id_properties_ui(_AIM).update(
        min=0.0,
        max=1.0,
        description="How far the eyes look at this bone: 0 not at all, as the take turns them",
    )
    bone.property_overridable_library_set(f'["{_AIM}"]', True)
    for eye in _EYES:
        _add_aim(rig, eye)
    jaw_turn = float(model.arkit_jaw[0, ARKIT_NAMES.index("jawOpen")])
    if "jawOpen" in model.expression_names and jaw_turn:
        _add_jaw_link(head, rig, jaw_turn)


def _add_aim(rig: bpy.types.Object, eye: str) -> None:
    constraint = rig.pose.bones[eye].constraints.new("DAMPED_TRACK")
    constraint.name = _AIM_LINK
    constraint.target, constraint.subtarget = rig, AIM_BONE
    constraint.track_axis = "TRACK_NEGATIVE_Y"  # bones point backward, see `build`
    constraint.influence = 0
    driver = constraint.driver_add("influence").driver
    read_into(driver, "value", "OBJECT", rig, AIM_PATH)
    driver.expression = "value"


def _add_jaw_link(head: bpy.types.Object, rig: bpy.types.Object, jaw_turn: float) -> None:
    """A constraint that turns the jaw about x, after its own turn, by as much as jawOpen says. The
    bone that it wants to look at does not matter: both ends of what it maps are one."""
    constraint = rig.pose.bones["jaw"].constraints.new("TRANSFORM")
    constraint.name = JAW_LINK
    constraint.target, constraint.subtarget = rig, "neck"
    constraint.target_space = constraint.owner_space = "LOCAL"
    constraint.map_to, constraint.mix_mode_rot = "ROTATION", "AFTER"
    driver = constraint.driver_add("to_min_x_rot").driver
    read_into(driver, "value", "KEY", head.data.shape_keys, 'key_blocks["jawOpen"].value')
    driver.expression = f"value * {axes.to_blender(np.array([jaw_turn, 0, 0]))[0]:.9g}"


def read_into(
    driver: bpy.types.Driver, name: str, kind: str, owner: bpy.types.ID, path: str
) -> None:
    """Gives the driver a variable of that name, which is a property."""
    driver.type = "SCRIPTED"  # so simple that Blender evaluates it without Python
    variable = driver.variables.new()
    variable.name = name
    target = variable.targets[0]
    target.id_type, target.id, target.data_path = kind, owner, path


def read_turn(driver: bpy.types.Driver, letter: str, rig: bpy.types.Object, bone: str) -> None:
    """Gives the driver a variable w, x, y or z: that number of the bone's local quaternion after
    constraints, always normalised, in whatever rotation mode the animator set."""
    driver.type = "SCRIPTED"
    variable = driver.variables.new()
    variable.name = letter
    variable.type = "TRANSFORMS"
    target = variable.targets[0]
    target.id = rig
    target.bone_target = bone
    target.transform_type = f"ROT_{letter.upper()}"
    target.rotation_mode = "QUATERNION"
    target.transform_space = "LOCAL_SPACE"


def turn_to(copy: bpy.types.Object, rig: bpy.types.Object, head: bpy.types.Object) -> None:
    """Lets the controls of `copy`, a copy of `rig` for that head, look at the copy and the head."""
    for bone in copy.pose.bones:
        for constraint in bone.constraints:
            if getattr(constraint, "target", None) == rig:
                constraint.target = copy
    data = copy.animation_data
    for curve in () if data is None else data.drivers:
        if curve.data_path in DRIVEN_PATHS:
            target = curve.driver.variables[0].targets[0]
            target.id = head.data.shape_keys if target.id_type == "KEY" else copy


def jaw_link_of(rig: bpy.types.Object) -> bpy.types.Constraint | None:
    """The constraint by which the jaw follows jawOpen; None on other rigs."""
    bone = rig.pose.bones.get("jaw")
    return None if bone is None else bone.constraints.get(JAW_LINK)


def free_jaw(head: bpy.types.Object) -> None:
    """Lets the jaw follow jawOpen again where no Action moves the bones any more: what the last one
    set stays in Blender."""
    rig = armature_of(head)
    if rig is None or rig.library is not None:
        return
    link, data = jaw_link_of(rig), rig.animation_data
    if link is not None and (data is None or data.action is None):
        link.influence = 1


def aim_bone_of(rig: bpy.types.Object) -> bpy.types.PoseBone | None:
    """The bone that the eyes look at; None on other rigs."""
    bone = rig.pose.bones.get(AIM_BONE)
    return bone if bone is not None and _AIM in bone else None


def is_own(bone: bpy.types.PoseBone, constraint: bpy.types.Constraint) -> bool:
    """Whether the constraint is one of ours."""
    wanted = JAW_LINK if bone.name == "jaw" else _AIM_LINK
    return constraint.name == wanted and bone.name in ("jaw", *_EYES)


def is_idle(
    rig: bpy.types.Object, bone: bpy.types.PoseBone, curves: compat.CurveList | tuple[()]
) -> bool:
    """Whether our constraint on that bone does nothing at any frame of an Action's curves for the
    armature."""
    data = rig.animation_data
    driven = set() if data is None else {curve.data_path for curve in data.drivers}
    if bone.name == "jaw":
        link = jaw_link_of(rig)
        path, value = JAW_LINK_PATH, 0.0 if link is None else link.influence
    else:
        aim = aim_bone_of(rig)
        path, value = AIM_PATH, 0.0 if aim is None else aim[_AIM]
        if not driven.issuperset(_EYE_PATHS):
            return False
    return path not in driven and _stays_zero(curves, path, value)


def _stays_zero(curves: compat.CurveList | tuple[()], path: str, value: float) -> bool:
    curve = compat.find_curve(curves, path)
    if curve is None or curve.mute:
        return value == 0
    return not curve.modifiers and all(point.co[1] == 0 for point in curve.keyframe_points)
