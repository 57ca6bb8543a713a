# SPDX-License-Identifier: GPL-3.0-or-later
"""From a `HeadModel` to Blender: mesh, shape keys, armature, weights.

The result deforms as FLAME's equations say (Li et al. 2017, eq. 1 to 4): shape keys add the
expression, driven shape keys the pose correctives, and the Armature modifier blends the skin.
"""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from ...shared.arrays import Float32Array
from ...shared.head import JOINTS, PARENTS, HeadModel
from .. import axes
from .controls import add_aim_bone, add_controls
from .correctives import add_correctives
from .editing import all_or_nothing, edit_mode
from .identity import Sliders, add_identity
from .lids import add_lids
from .material import COLOUR, add_surface_attributes, head_material
from .shape_keys import add_expressions
from .upkeep import prepare_head
from .wrinkles import add_wrinkles, can_wrinkle

_BONE_LENGTH_M = {"root": 0.09, "neck": 0.07, "jaw": 0.06, "eye_left": 0.03, "eye_right": 0.03}


def build_head(
    model: HeadModel,
    model_name: str,
    context: bpy.types.Context,
    label: str = "Affekt Head",
    sliders: Sliders | None = None,
    *,
    wrinkles: bool = False,
) -> bpy.types.Object:
    """Adds a head at the 3D cursor and makes it the active object; returns its mesh object.

    `model_name` is what the sidecar calls the model, `label` what Blender calls the object,
    `sliders` shape its identity; with `wrinkles` the open head's skin folds in renders. If anything
    fails, nothing stays behind.
    """
    with all_or_nothing():
        rig, head = _new_rig(label), _new_mesh(model, label)
        for item in (rig, head):
            context.collection.objects.link(item)
        _add_bones(rig, model, context)
        add_expressions(head, model)
        add_weights(head, dict(zip(JOINTS, model.skin_weights.T, strict=True)))
        head.parent = rig
        head.modifiers.new("Affekt", "ARMATURE").object = rig
        add_correctives(head, rig, model)
        add_controls(head, rig, model)
        add_lids(head, rig, model)
        if sliders is not None:
            add_identity(head, model, sliders)
        if wrinkles and can_wrinkle(model):
            add_wrinkles(head, rig, model)
        head.data.materials.append(head_material())
        head.affekt_head.is_head = True
        head.affekt_head.model = model_name
        head.affekt_head.expression_names = "/".join(model.expression_names)
        rig.location = context.scene.cursor.location
        prepare_head(head)
        select_only(head, context)
    return head


def _new_mesh(model: HeadModel, label: str) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(label)
    mesh.from_pydata(axes.to_blender(model.template), [], model.faces)
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    if model.uv.any():  # a FLAME file may have none
        layer = mesh.uv_layers.new(name="UVMap")
        layer.uv.foreach_set("vector", np.ascontiguousarray(model.uv, np.float32).ravel())
    _add_attributes(mesh, model)
    mesh.update()
    return bpy.data.objects.new(label, mesh)


def _add_attributes(mesh: bpy.types.Mesh, model: HeadModel) -> None:
    colours = np.ones((len(model.template), 4), np.float32)
    colours[:, :3] = model.colour
    attribute = mesh.color_attributes.new(COLOUR, "BYTE_COLOR", "POINT")
    attribute.data.foreach_set("color_srgb", colours.ravel())
    mesh.color_attributes.active_color = attribute
    add_surface_attributes(mesh, model.region)


def _new_rig(label: str) -> bpy.types.Object:
    armature = bpy.data.armatures.new(f"{label} Rig")
    armature.display_type = "STICK"
    return bpy.data.objects.new(armature.name, armature)


def _add_bones(rig: bpy.types.Object, model: HeadModel, context: bpy.types.Context) -> None:
    """Bones at the joints, all along +y without roll: their rest rotation is then the identity,
    and a bone's own rotation is the joint's, in Blender's axes."""
    joints = axes.to_blender(model.joint_regressor.astype(np.float64) @ model.template)
    with edit_mode(rig, context):
        bones = rig.data.edit_bones
        for name, place, parent in zip(JOINTS, joints, PARENTS, strict=True):
            bone = bones.new(name)
            bone.head = place
            bone.tail = place + np.array([0, _BONE_LENGTH_M[name], 0])
            bone.roll = 0
            bone.parent = bones[JOINTS[parent]] if parent >= 0 else None
        add_aim_bone(bones)
    for bone in (rig.pose.bones[name] for name in JOINTS):
        bone.rotation_mode = "QUATERNION"
        bone.lock_location = (bone.name != "root",) * 3
        bone.lock_scale = (True,) * 3


def add_weights(head: bpy.types.Object, weights: Mapping[str, Float32Array]) -> None:
    """Vertex groups with these weights (V,)."""
    for name, values in weights.items():
        group = head.vertex_groups.new(name=name)
        # One call for each distinct weight: most vertices have one of a few.
        distinct, inverse = np.unique(values, return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        ends = np.cumsum(np.bincount(inverse, minlength=len(distinct)))
        for value, members in zip(distinct, np.split(order, ends[:-1]), strict=True):
            if value > 0:
                group.add(members.tolist(), float(value), "REPLACE")


def select_only(head: bpy.types.Object, context: bpy.types.Context) -> None:
    """Selects the object alone and makes it the active one."""
    for item in context.selected_objects:
        item.select_set(False)
    head.select_set(True)
    context.view_layer.objects.active = head
