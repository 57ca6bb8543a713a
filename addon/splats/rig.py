# SPDX-License-Identifier: GPL-3.0-or-later
"""The driving mesh of an avatar that brings its own, as LAM's do: a mesh with ARKit's shapes and
the chain of joints that turns its head, as a character that takes, emotions and bakes work on."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.avatar_messages import AvatarRead
from ...shared.calibration import Calibration
from ...shared.character_bones import ROLES
from ...shared.character_mapping import encode_calibration
from ...shared.motion import ARKIT_NAMES
from .. import axes
from ..character.look import WORLD_AXES, use_character
from ..head.build import add_weights, select_only
from ..head.editing import edit_mode

TURN = "head"
"""The bone that a take turns: the whole turn of the head against the shoulders."""
_BODY = "body"
_JOINT = "turn {}"
_LENGTH_M = 0.06


def joint_names(avatar: AvatarRead) -> tuple[str, ...]:
    """The bones that turn the mesh, lowest first."""
    assert avatar.joint_shares is not None
    return tuple(_JOINT.format(number + 1) for number in range(len(avatar.joint_shares)))


def build_rig(avatar: AvatarRead, label: str, context: bpy.types.Context) -> bpy.types.Object:
    """Adds the mesh and its armature at the 3D cursor as a character; returns the mesh's object."""
    armature = bpy.data.armatures.new(f"{label} Rig")
    armature.display_type = "STICK"
    rig = bpy.data.objects.new(armature.name, armature)
    head = _new_mesh(avatar, label)
    for item in (rig, head):
        context.collection.objects.link(item)
    _add_bones(rig, avatar, context)
    _add_shapes(head, avatar)
    add_weights(head, _weights(avatar))
    head.parent = rig
    head.modifiers.new("Affekt", "ARMATURE").object = rig
    rig.location = context.scene.cursor.location
    _make_character(head, rig, avatar)
    select_only(head, context)
    return head


def _new_mesh(avatar: AvatarRead, label: str) -> bpy.types.Object:
    assert avatar.vertices is not None
    assert avatar.faces is not None
    mesh = bpy.data.meshes.new(label)
    mesh.from_pydata(axes.to_blender(avatar.vertices), [], avatar.faces)
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    mesh.update()
    return bpy.data.objects.new(label, mesh)


def _add_bones(rig: bpy.types.Object, avatar: AvatarRead, context: bpy.types.Context) -> None:
    """The body's bone; the chain, of which each turns by its share; and the one that a take turns.
    All lie along +y without roll, so that their turns are the head's."""
    assert avatar.joint_pivots is not None
    assert avatar.joint_shares is not None
    names, pivots = joint_names(avatar), axes.to_blender(avatar.joint_pivots.astype(np.float64))
    with edit_mode(rig, context):
        bones = rig.data.edit_bones
        places = [(_BODY, pivots[0]), *zip(names, pivots, strict=True), (TURN, pivots[-1])]
        for name, place in places:
            bone = bones.new(name)
            bone.head, bone.tail = place, place + np.array([0, _LENGTH_M, 0])
            bone.roll = 0
        for name, parent in zip((*names, TURN), (_BODY, *names[:-1], _BODY), strict=True):
            bones[name].parent = bones[parent]
    for name, share in zip(names, avatar.joint_shares, strict=True):
        constraint = rig.pose.bones[name].constraints.new("COPY_ROTATION")
        constraint.target, constraint.subtarget = rig, TURN
        constraint.owner_space = constraint.target_space = "LOCAL"
        constraint.influence = float(share)
    for bone in rig.pose.bones:
        bone.rotation_mode = "QUATERNION"
        bone.lock_location = bone.lock_scale = (True,) * 3
        if bone.name in (_BODY, *names):
            bone.bone.hide_select = True


def _add_shapes(head: bpy.types.Object, avatar: AvatarRead) -> None:
    """A key for each of ARKit's shapes that the mesh has."""
    assert avatar.vertices is not None
    assert avatar.arkit_shapes is not None
    head.shape_key_add(name="Basis", from_mix=False)
    for name, moved in zip(ARKIT_NAMES, avatar.arkit_shapes, strict=True):
        if moved.any():
            key = head.shape_key_add(name=name, from_mix=False)
            flat = axes.to_blender(avatar.vertices + moved).astype(np.float32)
            key.points.foreach_set("co", flat.ravel())
            key.value = 0


def _weights(avatar: AvatarRead) -> dict[str, np.ndarray]:
    """(V,) of each bone; the body has what is left, since Blender divides by the sum."""
    assert avatar.joint_weights is not None
    weights = avatar.joint_weights
    body = np.maximum(1 - weights.sum(1), 0)
    return {_BODY: body} | dict(zip(joint_names(avatar), weights.T, strict=True))


def _make_character(head: bpy.types.Object, rig: bpy.types.Object, avatar: AvatarRead) -> None:
    use_character(head, WORLD_AXES)
    character = head.affekt_character
    character.armature, character.notes = rig, "\n".join(avatar.notes)
    for role in ROLES:
        setattr(character, role, TURN if role == "head" else "")
    if avatar.map is not None:
        assert avatar.most is not None
        assert avatar.gaps is not None
        assert avatar.reach is not None
        known = Calibration(map=avatar.map, most=avatar.most, gaps=avatar.gaps, reach=avatar.reach)
        character.calibration = encode_calibration(known)
