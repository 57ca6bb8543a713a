# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of a head on FLAME, baked into its basis: every shape key and every bone goes along.

The mesh keeps what is needed to change it without the sidecar: the basis without the first ten
components as an attribute, those components as ten more, and the joints' as a property.
"""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ...shared.errors import InputError
from ...shared.head import JOINTS, HeadModel
from .. import axes
from .controls import place_aim_bone
from .editing import edit_mode
from .find import need_shape_keys, rig_of
from .rig import own_rig

SLIDERS = 10
"""How many of the components an animator turns: the first are the largest."""
_TEMPLATE = "affekt_template"
_COMPONENT = "affekt_identity_{}"
_JOINTS = "affekt_identity_joints"
"""Property of the mesh: the joints (1 + 10, 5, 3) of the template and of each component."""
_SHAPE = "affekt_shape"
"""Property of the mesh: all of its identity (300,)."""
_WIDTH = 300


def add_identity(head: bpy.types.Object, model: HeadModel) -> None:
    """Gives a head that was just built what its identity needs; it keeps the model's average."""
    mesh = head.data
    for name in (_TEMPLATE, *map(_COMPONENT.format, range(SLIDERS))):
        mesh.attributes.new(name, "FLOAT_VECTOR", "POINT")
    components = min(SLIDERS, model.shape_basis.shape[2])
    directions = np.zeros((len(model.template), 3, SLIDERS), np.float32)
    directions[..., :components] = model.shape_basis[..., :components]
    for number in range(SLIDERS):
        _write(mesh, _COMPONENT.format(number), axes.to_blender(directions[..., number]))
    _keep_template(mesh, model, np.zeros(_WIDTH, np.float32))
    mesh[_SHAPE] = [0.0] * _WIDTH


def shape_of(head: bpy.types.Object) -> Float32Array:
    """The head's identity (300,); zeros on a head that has none."""
    kept = head.data.get(_SHAPE)
    return np.zeros(_WIDTH, np.float32) if kept is None else np.array(kept, np.float32)


def wear_identity(
    head: bpy.types.Object, model: HeadModel, shape: Float32Array, context: bpy.types.Context
) -> None:
    """Bakes an identity (300,) of the model into the head. Raises InputError `head.*`."""
    _check(head, context)
    _keep_template(head.data, model, shape)
    head.data[_SHAPE] = shape.tolist()
    _rebuild(head, context)


def turn_sliders(head: bpy.types.Object, values: Float32Array, context: bpy.types.Context) -> None:
    """Sets the first ten components (10,) and bakes them; the others stay. Raises InputError
    `head.*`."""
    _check(head, context)
    head.data[_SHAPE] = np.concatenate([values, shape_of(head)[SLIDERS:]]).tolist()
    _rebuild(head, context)


def _check(head: bpy.types.Object, context: bpy.types.Context) -> None:
    """Checks that the basis and the bones can be changed."""
    rig, mesh = own_rig(head), head.data
    need_shape_keys(head)
    if _SHAPE not in mesh or _TEMPLATE not in mesh.attributes:
        raise InputError(
            "head.no_identity",
            f"The head '{head.name}' has no identity that could be changed.",
            "Add a head from a FLAME file: Add > Mesh > FLAME Head.",
        )
    if len(mesh.attributes[_TEMPLATE].data) != len(mesh.vertices):
        raise InputError(
            "head.shape", f"The mesh of '{head.name}' has lost vertices.", "Undo, or add a head."
        )
    if context.mode != "OBJECT" or context.view_layer.objects.get(rig.name) != rig:
        raise InputError(
            "head.not_editable",
            f"The bones of '{rig.name}' cannot be moved: it is being edited, or not in this view "
            "layer.",
            "Go to Object Mode in the head's own view layer.",
        )
    if not rig.visible_get():
        raise InputError(
            "head.not_editable",
            f"The bones of '{rig.name}' cannot be moved while it is hidden.",
            "Show the armature first.",
        )


def _keep_template(mesh: bpy.types.Mesh, model: HeadModel, shape: Float32Array) -> None:
    """Keeps the template with all components behind the sliders', and where its joints are."""
    basis = model.shape_basis.astype(np.float64)
    rest = np.array(shape[: basis.shape[2]], np.float64)
    rest[:SLIDERS] = 0
    template = model.template + basis[..., : len(rest)] @ rest
    _write(mesh, _TEMPLATE, axes.to_blender(template))
    steps = np.zeros((1 + SLIDERS, *template.shape))
    steps[0] = template
    first = np.moveaxis(basis[..., :SLIDERS], 2, 0)
    steps[1 : 1 + len(first)] = first
    joints = axes.to_blender(np.einsum("jv,svc->sjc", model.joint_regressor, steps))
    mesh[_JOINTS] = joints.ravel().tolist()


def _rebuild(head: bpy.types.Object, context: bpy.types.Context) -> None:
    """Moves every shape key by as much as the basis moves, and every bone to its joint."""
    mesh, values = head.data, shape_of(head)[:SLIDERS].astype(np.float64)
    basis = _read(mesh, _TEMPLATE)
    for number in np.flatnonzero(values):
        basis += values[number] * _read(mesh, _COMPONENT.format(number))
    blocks = mesh.shape_keys.key_blocks
    shift = basis - _points(blocks[0])
    for block in blocks:
        block.points.foreach_set("co", (_points(block) + shift).astype(np.float32).ravel())
    mesh.vertices.foreach_set("co", basis.astype(np.float32).ravel())
    mesh.update()
    joints = np.array(mesh[_JOINTS]).reshape(1 + SLIDERS, len(JOINTS), 3)
    _move_bones(rig_of(head), joints[0] + np.einsum("s,sjc->jc", values, joints[1:]), context)


def _move_bones(rig: bpy.types.Object, joints: Float64Array, context: bpy.types.Context) -> None:
    with edit_mode(rig, context):
        for name, place in zip(JOINTS, joints, strict=True):
            bone = rig.data.edit_bones[name]
            arm = bone.tail - bone.head
            bone.head = place
            bone.tail = bone.head + arm
        place_aim_bone(rig.data.edit_bones)


def _points(block: bpy.types.ShapeKey) -> Float64Array:
    flat = np.empty(len(block.points) * 3, np.float32)
    block.points.foreach_get("co", flat)
    return flat.reshape(-1, 3).astype(np.float64)


def _read(mesh: bpy.types.Mesh, name: str) -> Float64Array:
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.attributes[name].data.foreach_get("vector", flat)
    return flat.reshape(-1, 3).astype(np.float64)


def _write(mesh: bpy.types.Mesh, name: str, vectors: np.ndarray) -> None:
    flat = np.ascontiguousarray(vectors, np.float32).ravel()
    mesh.attributes[name].data.foreach_set("vector", flat)
