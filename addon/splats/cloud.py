# SPDX-License-Identifier: GPL-3.0-or-later
"""An avatar's Gaussians as a point cloud, which Blender draws as they are from 5.3 on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import bpy
import numpy as np

from ...shared.avatar_messages import AvatarRead
from ...shared.errors import InputError
from .appearance import fold_columns, write_places
from .binding import Columns, RestMesh, are_flat, binding_columns, gaussian_columns, supports_of
from .group import APPEARANCE, ARMATURE, LABEL, MESH, Plan, new_group
from .names import BINDING, MESH_FACES, Attribute

LEAST_BLENDER = (5, 3, 0)
Inputs: TypeAlias = Mapping[str, bpy.types.PropertyGroup]
"""A modifier's inputs by their names; the `value` of each is what an animator sets."""
PLAN = "affekt_plan"
"""Property of the point cloud: its `Plan`, of which its node group can be made again."""
_TYPES = {1: "FLOAT", 3: "FLOAT_VECTOR", 4: "FLOAT4"}
_FIELDS = {"INT": "value", "FLOAT": "value", "QUATERNION": "value"}


def need_splats() -> None:
    """Raises InputError `splats.blender` in a Blender that does not draw Gaussians."""
    if bpy.app.version < LEAST_BLENDER:
        raise InputError(
            "splats.blender",
            "Gaussians as objects of the scene need Blender 5.3; this is "
            f"{bpy.app.version_string}.",
            "Use Blender 5.3 or later, or render the avatar as pictures: Avatar, Render Avatar.",
        )


def add_cloud(
    avatar: AvatarRead, rest: RestMesh | None, label: str, context: bpy.types.Context
) -> bpy.types.Object:
    """Adds the avatar's Gaussians at rest, in the head's axes."""
    data = bpy.data.pointclouds.new(label)
    data.resize(len(avatar))
    data.type = "GAUSSIAN_SPLAT"
    columns: dict[str, np.ndarray] = dict(gaussian_columns(avatar, rest))
    if rest is not None:
        columns |= {**binding_columns(avatar, rest), **fold_columns(avatar)}
    _write(data, columns)
    cloud = bpy.data.objects.new(label, data)
    context.collection.objects.link(cloud)
    return cloud


def bind_cloud(
    cloud: bpy.types.Object,
    avatar: AvatarRead,
    rest: RestMesh,
    head: bpy.types.Object,
    bones: tuple[str, ...],
) -> None:
    """Lets the head's mesh move the Gaussians. bones: of its armature, those that turn it; where
    they are an avatar's own, the rest of a vertex's weight is the body's."""
    plan = Plan(
        binding=avatar.binding,
        follow=avatar.follow,
        vertices=len(rest.vertices),
        faces=len(rest.faces),
        bones=bones,
        has_body=avatar.surface == "arkit",
        is_flat=avatar.binding == "face" and are_flat(avatar, rest),
        thin=int(np.bincount(avatar.scales.argmin(1), minlength=3).argmax()),
        head_bone="neck" if "neck" in bones else bones[-1],
        tint=() if avatar.fold_tint is None else tuple(avatar.fold_tint.tolist()),
    )
    cloud.data[PLAN] = plan.encode()
    _write_mesh(head.data, avatar, rest)
    write_places(head.data, avatar)
    cloud.parent = head
    attach_group(cloud)


def attach_group(cloud: bpy.types.Object) -> None:
    """Gives a bound cloud a new node group; its modifier stays where it is. Raises InputError
    `splats.unbound`."""
    head, text = cloud.parent, cloud.data.get(PLAN)
    if head is None or head.type != "MESH" or not isinstance(text, str):
        raise InputError(
            "splats.unbound",
            f"'{cloud.name}' is bound to no head: it has lost its parent, or what it was made by.",
            "Undo that, or import the avatar again.",
        )
    plan, names = Plan.decode(text), cloud.data.attributes.keys()
    has_own = BINDING[plan.binding].issubset(names)
    if not (has_own and MESH_FACES[plan.binding].issubset(head.data.attributes.keys())):
        raise InputError(
            "splats.unbound",
            f"'{cloud.name}' lacks data that binds it to '{head.name}': another version of Affekt "
            "has added it, or attributes were removed.",
            "Import the avatar again.",
        )
    harmonics = sum(name.startswith("radiance:sh_") for name in names)
    group = new_group(plan, harmonics=harmonics)
    modifier = modifier_of(cloud) or cloud.modifiers.new(LABEL, "NODES")
    modifier.node_group = group
    rig = next((m.object for m in head.modifiers if m.type == "ARMATURE"), None)
    given = inputs_of(modifier)
    given[MESH].value, given[ARMATURE].value = head, rig


def follow_slider(head: bpy.types.Object) -> None:
    """Gives the head's *Appearance*, as its slider stands, to its Gaussians. No driver does it: a
    farm without Affekt would not find the slider."""
    for cloud in clouds_of(head):
        given, wanted = inputs_of(modifier_of(cloud)), head.affekt_emotion.appearance
        if APPEARANCE in given and cloud.library is None and given[APPEARANCE].value != wanted:
            given[APPEARANCE].value = wanted
            cloud.update_tag()


def inputs_of(modifier: bpy.types.NodesModifier | None) -> Inputs:
    """The modifier's inputs by their names; none where it has no group, or there is none."""
    group = None if modifier is None else modifier.node_group
    if modifier is None or group is None:
        return {}
    found: dict[str, bpy.types.PropertyGroup] = {}
    for item in group.interface.items_tree:
        if item.item_type == "SOCKET" and item.in_out == "INPUT":
            given = getattr(modifier.properties.inputs, item.identifier, None)
            if given is not None:  # as of the geometry, which nobody sets
                found.setdefault(item.name, given)
    return found


def modifier_of(cloud: bpy.types.Object) -> bpy.types.NodesModifier | None:
    """The cloud's modifier that moves it, by its name or its group's."""
    for modifier in cloud.modifiers:
        if modifier.type == "NODES":
            group = modifier.node_group
            if modifier.name.startswith(LABEL) or (group and group.name.startswith(LABEL)):
                return modifier
    return None


def is_cloud(item: bpy.types.Object | None) -> bool:
    """Whether the object is an avatar's Gaussians that a head moves."""
    return item is not None and item.type == "POINTCLOUD" and PLAN in item.data


def is_cloud_of(head: bpy.types.Object, item: bpy.types.Object) -> bool:
    """Whether the object is Gaussians that the head moves."""
    return is_cloud(item) and item.parent == head


def clouds_of(head: bpy.types.Object) -> list[bpy.types.Object]:
    """The Gaussians that the head moves."""
    return [child for child in head.children if is_cloud_of(head, child)]


def need_whole_mesh(cloud: bpy.types.Object) -> None:
    """Raises InputError `splats.mesh` if the driving mesh has other vertices than the Gaussians
    were bound to."""
    head, text = cloud.parent, cloud.data.get(PLAN)
    if head is None or not isinstance(text, str):
        return  # `attach_group` says so
    wanted = Plan.decode(text).vertices
    if head.type == "MESH" and len(head.data.vertices) != wanted:
        raise InputError(
            "splats.mesh",
            f"'{head.name}' has {len(head.data.vertices):,} vertices; the splats of "
            f"'{cloud.name}' were bound to {wanted:,}.",
            "Undo what changed the mesh, or import the avatar again.",
        )


def _write(data: bpy.types.PointCloud, columns: Columns) -> None:
    for name, values in columns.items():
        kind = (
            "INT"
            if values.dtype.kind == "i"
            else _TYPES[1 if values.ndim == 1 else values.shape[1]]
        )
        if kind == "FLOAT4" and name != "radiance:base":
            kind = "QUATERNION"
        attribute = data.attributes.get(name) or data.attributes.new(name, kind, "POINT")
        numbers = np.ascontiguousarray(values, np.int32 if kind == "INT" else np.float32)
        attribute.data.foreach_set(_FIELDS.get(kind, "vector"), numbers.ravel())


def _write_mesh(mesh: bpy.types.Mesh, avatar: AvatarRead, rest: RestMesh) -> None:
    """What the node group reads of the mesh's faces beside its shape: their corners, which no node
    gives as cheaply, and supports. A head that had splats before has the attributes already."""
    if avatar.binding == "vertex":
        return
    names = (*Attribute.CORNERS, *Attribute.SUPPORTS)
    for name, corner in zip(names, (*rest.faces.T, *supports_of(avatar, rest).T), strict=True):
        attribute = mesh.attributes.get(name) or mesh.attributes.new(name, "INT", "FACE")
        attribute.data.foreach_set("value", np.ascontiguousarray(corner, np.int32))
