# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of a head, baked into its basis: every shape key and every bone goes along.

An animator turns sliders: of a head on FLAME its first ten components, of the open head words (age,
weight ...), which are directions among its components. The mesh keeps what is needed to change it
without the sidecar: the basis without the sliders' share as an attribute, what each slider does as
one more, and the joints' as a property.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ...shared.errors import InputError
from ...shared.head import JOINTS, HeadModel
from .. import axes
from ..splats.names import Attribute
from .controls import place_aim_bone
from .editing import edit_mode
from .find import need_shape_keys, rig_of
from .rig import own_rig

SLIDERS = 10
"""How many of FLAME's components an animator turns: the first are the largest."""
_TEMPLATE = "affekt_template"
_COMPONENT = "affekt_identity_{}"
_JOINTS = "affekt_identity_joints"
"""Property of the mesh: the joints (1 + n, 5, 3) of the template and of each slider."""
_SHAPE = "affekt_shape"
"""Property of the mesh: all of its identity (300,)."""
_DIRECTIONS = "affekt_identity_directions"
"""Property of the mesh: what each slider adds to its identity, n rows; heads of earlier files
have none."""
_WIDTH = 300


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sliders:
    """names: of the sliders; directions (n, 300): what each adds to an identity at 1."""

    names: tuple[str, ...]
    directions: Float64Array


def flame_sliders() -> Sliders:
    """FLAME's first ten components."""
    names = tuple(f"Shape {number + 1}" for number in range(SLIDERS))
    return Sliders(names=names, directions=np.eye(SLIDERS, _WIDTH))


@functools.cache
def open_sliders() -> Sliders:
    """The open head's, by MakeHuman's words; `affekt head build-open` writes what they are."""
    known = json.loads(Path(__file__).with_name("identities.json").read_text("utf-8"))
    directions = np.zeros((len(known), _WIDTH))
    for row, values in zip(directions, known.values(), strict=True):
        row[: len(values)] = values
    return Sliders(names=tuple(known), directions=directions)


def add_identity(head: bpy.types.Object, model: HeadModel, sliders: Sliders) -> None:
    """Gives a head that was just built what its identity needs; it keeps the model's average."""
    mesh, basis = head.data, model.shape_basis
    for name in (_TEMPLATE, *map(_COMPONENT.format, range(len(sliders.names)))):
        mesh.attributes.new(name, "FLOAT_VECTOR", "POINT")
    for number, direction in enumerate(sliders.directions):
        moves = basis @ direction[: basis.shape[2]].astype(np.float32)
        _write(mesh, _COMPONENT.format(number), axes.to_blender(moves))
    mesh[_DIRECTIONS] = sliders.directions.ravel().tolist()
    _keep_template(mesh, model, np.zeros(_WIDTH, np.float32))
    mesh[_SHAPE] = [0.0] * _WIDTH


def has_identity(head: bpy.types.Object) -> bool:
    """Whether the head's identity can be changed."""
    return _SHAPE in head.data


def values_of(head: bpy.types.Object) -> Float32Array:
    """How far each slider (n,) of the head's is turned."""
    return _turned(head.data, shape_of(head)).astype(np.float32)


def _directions(mesh: bpy.types.Mesh) -> Float64Array:
    kept = mesh.get(_DIRECTIONS)
    return np.eye(SLIDERS, _WIDTH) if kept is None else np.array(kept).reshape(-1, _WIDTH)


def _turned(mesh: bpy.types.Mesh, shape: Float32Array) -> Float64Array:
    """The sliders' share (n,) of an identity (300,)."""
    rows = _directions(mesh)
    return np.asarray(np.linalg.solve(rows @ rows.T, rows @ shape.astype(np.float64)), np.float64)


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
    """Sets the head's sliders (n,) and bakes them; what else its identity is stays. Raises
    InputError `head.*`."""
    _check(head, context)
    shape, mesh = shape_of(head), head.data
    change = values.astype(np.float64) - _turned(mesh, shape)
    mesh[_SHAPE] = (shape + change @ _directions(mesh)).astype(np.float32).tolist()
    _rebuild(head, context)


def _check(head: bpy.types.Object, context: bpy.types.Context) -> None:
    """Checks that the basis and the bones can be changed."""
    rig, mesh = own_rig(head), head.data
    need_shape_keys(head)
    if _SHAPE not in mesh or _TEMPLATE not in mesh.attributes:
        raise InputError(
            "head.no_identity",
            f"The head '{head.name}' has no identity that could be changed.",
            "Add a new head: those of older files, and characters, keep their shape.",
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
    """Keeps the template with the identity less the sliders' share, and where its joints are."""
    basis, rows = model.shape_basis.astype(np.float64), _directions(mesh)
    width = min(basis.shape[2], _WIDTH)
    rest = shape - _turned(mesh, shape) @ rows
    steps = np.empty((1 + len(rows), *model.template.shape))
    steps[0] = model.template
    if rest.any():
        steps[0] += basis[..., :width] @ rest[:width]
    _write(mesh, _TEMPLATE, axes.to_blender(steps[0]))
    for number in range(len(rows)):
        steps[1 + number] = axes.to_flame(_read(mesh, _COMPONENT.format(number)))
    joints = axes.to_blender(np.einsum("jv,svc->sjc", model.joint_regressor, steps))
    mesh[_JOINTS] = joints.ravel().tolist()


def _rebuild(head: bpy.types.Object, context: bpy.types.Context) -> None:
    """Moves every shape key by as much as the basis moves, and every bone to its joint."""
    mesh = head.data
    values = _turned(mesh, shape_of(head))
    basis = _read(mesh, _TEMPLATE)
    for number in np.flatnonzero(values):
        basis += values[number] * _read(mesh, _COMPONENT.format(number))
    blocks = mesh.shape_keys.key_blocks
    shift = basis - _points(blocks[0])
    for block in blocks:
        block.points.foreach_set("co", (_points(block) + shift).astype(np.float32).ravel())
    mesh.vertices.foreach_set("co", basis.astype(np.float32).ravel())
    if Attribute.REST in mesh.attributes:
        _write(mesh, Attribute.REST, basis)
    mesh.update()
    joints = np.array(mesh[_JOINTS]).reshape(1 + len(values), len(JOINTS), 3)
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
