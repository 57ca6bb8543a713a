# SPDX-License-Identifier: GPL-3.0-or-later
"""The armature of one head alone: a mesh that was duplicated without its armature shares it, and a
take on one would turn the bones of both."""

from __future__ import annotations

import bpy

from ..notice import say
from .controls import turn_to
from .find import heads_among, need_movable, rig_of


def own_rig(head: bpy.types.Object) -> bpy.types.Object:
    """The head's armature object, which moves no other head afterwards: the oldest of those that
    share it keeps it, and each other one gets a copy that goes on as it did.

    Raises InputError `head.linked`, `head.no_rig`.
    """
    need_movable(head)
    rig = rig_of(head)
    first, *others = sorted(_sharing(rig), key=lambda item: item.session_uid)
    for other in others:
        if other.data != first.data:  # a linked duplicate is the same face
            _give_copy(other, rig)
            say(f"{other.name} got an armature of its own: it shared that of {first.name}.")
    return rig_of(head)


def _sharing(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """The heads whose bones are that armature's."""
    return [
        head
        for head in heads_among(bpy.data.objects)
        if any(_is_bound(modifier, rig) for modifier in head.modifiers)
    ]


def _is_bound(modifier: bpy.types.Modifier, rig: bpy.types.Object) -> bool:
    return modifier.type == "ARMATURE" and modifier.object == rig


def _give_copy(head: bpy.types.Object, rig: bpy.types.Object) -> None:
    copy = rig.copy()
    for collection in rig.users_collection:
        collection.objects.link(copy)
    for modifier in head.modifiers:
        if _is_bound(modifier, rig):
            modifier.object = copy
    if head.parent == rig:
        inverse = head.matrix_parent_inverse.copy()
        head.parent = copy
        head.matrix_parent_inverse = inverse
    for curve in _drivers(head):
        for variable in curve.driver.variables:
            for target in variable.targets:
                if target.id == rig:
                    target.id = copy
                elif target.id_type == "KEY":  # a key that reads another of the same head
                    target.id = head.data.shape_keys
    turn_to(copy, rig, head)


def _drivers(head: bpy.types.Object) -> list[bpy.types.FCurve]:
    """Every driver on the head and its shape keys."""
    owners = (head, head.data, head.data.shape_keys)
    datas = (owner.animation_data for owner in owners if owner is not None)
    return [curve for data in datas if data is not None for curve in data.drivers]
