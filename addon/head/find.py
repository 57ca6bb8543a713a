# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding our heads among the scene's objects, by their properties and never by their names."""

from __future__ import annotations

import bpy

from ...shared.errors import InputError
from ..character.find import belongs_to


def is_head(item: bpy.types.Object | None) -> bool:
    return item is not None and item.type == "MESH" and item.affekt_head.is_head


def find_head(context: bpy.types.Context) -> bpy.types.Object | None:
    """The head that the animator means: the active object if it is a head or a part of one,
    else the scene's only head, else None."""
    active = context.object
    if is_head(active):
        return active
    heads = [item for item in context.scene.objects if is_head(item)]
    if active is not None:
        owned = [head for head in heads if _is_part(head, active)]
        if owned:
            return owned[0]
    return heads[0] if len(heads) == 1 else None


def _is_part(head: bpy.types.Object, item: bpy.types.Object) -> bool:
    """Whether the object is the head's armature or another mesh of a character."""
    return belongs_to(head, item) or _armature_modifier_object(head) == item


def need_head(context: bpy.types.Context) -> bpy.types.Object:
    """`find_head`, or InputError `head.none_selected`."""
    head = find_head(context)
    if head is None:
        raise InputError(
            "head.none_selected",
            "No Affekt head is selected.",
            "Select a head, or add one in the panel's Head section.",
        )
    return head


def named_head(name: str) -> bpy.types.Object:
    """The head with that name, if it has not been deleted since.

    Raises InputError `head.gone`.
    """
    head = bpy.data.objects.get(name)
    if not is_head(head):
        raise InputError(
            "head.gone",
            f"The head '{name}' is no longer there.",
            "Undo its deletion, or start again on another head.",
        )
    return head


def rig_of(head: bpy.types.Object) -> bpy.types.Object:
    """The head's armature object. Raises InputError `head.no_rig`."""
    rig = _armature_modifier_object(head)
    if rig is None:
        raise InputError(
            "head.no_rig",
            f"The head '{head.name}' has lost its armature.",
            "Undo that, or add a new head.",
        )
    return rig


def _armature_modifier_object(head: bpy.types.Object) -> bpy.types.Object | None:
    for modifier in head.modifiers:
        if modifier.type == "ARMATURE" and modifier.object is not None:
            return modifier.object
    return None


def expression_names(head: bpy.types.Object) -> tuple[str, ...]:
    """Names of the head's expression shape keys, in the model's order."""
    return tuple(head.affekt_head.expression_names.split("/"))


def need_shape_keys(head: bpy.types.Object) -> bpy.types.Key:
    """The head's shape keys. Raises InputError `head.no_shape_keys`."""
    keys = head.data.shape_keys
    blocks = () if keys is None else keys.key_blocks
    missing = [name for name in expression_names(head) if name not in blocks]
    if keys is None or missing:
        label = f"the shape key '{missing[0]}'" if missing else "its shape keys"
        raise InputError(
            "head.no_shape_keys",
            f"The head '{head.name}' has lost {label}.",
            "Undo that, or add a new head.",
        )
    return keys
