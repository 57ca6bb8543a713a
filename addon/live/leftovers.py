# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of a preview where Live is not there to take it away: in a step of undo that was
made while the head was live, and in a copy of such a head.

A head says itself that it wears a preview, since only what is in the file comes along with both.
"""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from ..character.find import meshes_of
from ..head.find import armature_of
from .ranges import restore_ranges


def mark_previewed(head: bpy.types.Object, *, is_previewed: bool) -> None:
    """Notes whether the head wears a preview."""
    if head.affekt_head.is_previewed != is_previewed:
        head.affekt_head.is_previewed = is_previewed


def take_off(head: bpy.types.Object) -> None:
    """Lets the head show what animates it, if it wears a preview, at the next evaluation."""
    if not head.affekt_head.is_previewed:
        return
    for keys in keys_of(head):
        restore_ranges(keys)
        keys.update_tag(refresh={"TIME"})
    for rig in rigs_of(head):
        rig.update_tag(refresh={"TIME"})
    mark_previewed(head, is_previewed=False)


def keys_of(head: bpy.types.Object) -> Iterator[bpy.types.Key]:
    """Shape keys of all its meshes."""
    for mesh in meshes_of(head):
        if mesh.data.shape_keys is not None:
            yield mesh.data.shape_keys


def rigs_of(head: bpy.types.Object) -> set[bpy.types.Object]:
    """The armatures that move it."""
    return {rig for rig in (armature_of(head), head.affekt_character.armature) if rig is not None}
