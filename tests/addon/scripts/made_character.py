# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters made from arrays that a test saved: whatever names, meshes, size and bones."""

from collections.abc import Mapping, Sequence

import bpy
import numpy as np

TO_BLENDER = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)
"""From x left, y up, z front to Blender's own axes."""


def make_mesh(
    name: str, file: str, keys: Mapping[str, str], *, parts: Sequence[int] = (), scale: float = 1.0
) -> bpy.types.Object:
    """A mesh of those vertices whose part is in `parts` (all of them without), with a key for each
    entry of `keys`: its name and its shape's. file: vertices (V, 3), faces (F, 3), part (V,),
    shapes (52, V, 3) and their names."""
    with np.load(file) as given:
        vertices, faces, part = given["vertices"], given["faces"], given["part"]
        shapes, names = given["shapes"], given["names"].tolist()
    keep = np.isin(part, list(parts)) if parts else np.ones(len(vertices), bool)
    number = np.cumsum(keep) - 1
    places = (vertices[keep] @ TO_BLENDER.T) * scale
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(places, [], number[faces[keep[faces].all(1)]])
    item = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(item)
    item.shape_key_add(name="Basis", from_mix=False)
    for key, shape in keys.items():
        moved = shapes[names.index(shape)][keep] @ TO_BLENDER.T * scale
        block = item.shape_key_add(name=key, from_mix=False)
        block.points.foreach_set("co", (places + moved).astype(np.float32).ravel())
    return item


def make_armature(bones: Mapping[str, Sequence[Sequence[float]]]) -> bpy.types.Object:
    """An armature with a bone from head to tail for each entry."""
    item = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(item)
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")
    for name, (head, tail) in bones.items():
        bone = item.data.edit_bones.new(name)
        bone.head, bone.tail = head, tail
    bpy.ops.object.mode_set(mode="OBJECT")
    return item


def bind(mesh: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Moves the mesh by the armature, as importers do."""
    mesh.parent = armature
    mesh.modifiers.new("Armature", "ARMATURE").object = armature


def activate(item: bpy.types.Object) -> None:
    """Makes it the active object."""
    bpy.context.view_layer.objects.active = item
