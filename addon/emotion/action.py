# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's emotion curves have an Action of their own, never a take's or a bake's.

Blender, from 4.4 on, keys an object that has no Action into the Action of its shape keys, which is
the take's: emotions keyed there go when the take does. So a head has its Action from the start,
and curves that lie in a take's all the same are taken out of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from .. import compat
from ..head.find import heads_among
from .properties import channel_path

_PATHS = channel_path("")


def ensure_action(head: bpy.types.Object) -> None:
    """Gives the head an Action for its emotions unless it has one that it may write into."""
    separate_emotions(head, take_actions())
    data = head.animation_data
    if data is not None and data.use_tweak_mode:
        return  # the animator edits a strip, and keys go into that
    action = None if data is None else data.action
    if action is None:
        compat.new_own_action(head, _name(head)).use_fake_user = True
    elif action.library is not None:  # an override cannot write into the library's
        compat.copy_for(data, _name(head)).use_fake_user = True


def separate_emotions(head: bpy.types.Object, taken: set[bpy.types.Action]) -> bool:
    """Moves the head's curves out of takes' Actions, in its own use and in its NLA strips, into
    Actions of their own; whether there were any. taken: `take_actions()`."""
    data = head.animation_data
    if data is None or data.use_tweak_mode or head.library is not None:
        return False
    holders = [holder for holder in _holders(data) if holder.action in taken]
    for holder in holders:
        _separate(head, holder)
    return bool(holders)


def _separate(head: bpy.types.Object, holder: bpy.types.AnimData | bpy.types.NlaStrip) -> None:
    shared, slot = holder.action, compat.slot_of(holder)
    own = compat.copy_for(holder, _name(head))
    compat.keep_curves(own, _PATHS)
    own.use_fake_user = True
    if shared.library is None and not _is_used(shared, slot):
        compat.remove_curves(shared, slot, _PATHS)


def _is_used(action: bpy.types.Action, slot: bpy.types.ActionSlot | None) -> bool:
    """Whether another strip or another head still plays those curves."""
    handle = None if slot is None else slot.handle
    for item in heads_among(bpy.data.objects):
        if item.animation_data is None:
            continue
        for holder in _holders(item.animation_data):
            theirs = compat.slot_of(holder)
            if holder.action == action and (None if theirs is None else theirs.handle) == handle:
                return True
    return False


def _holders(data: bpy.types.AnimData) -> Iterator[bpy.types.AnimData | bpy.types.NlaStrip]:
    """What plays an Action on the head: the head itself, and its strips."""
    if data.action is not None:
        yield data
    for track in data.nla_tracks:
        for strip in track.strips:
            if strip.action is not None:
                yield strip


def take_actions() -> set[bpy.types.Action]:
    """The Actions of every take and bake of every head."""
    found = set()
    for head in heads_among(bpy.data.objects):
        for take in head.affekt_takes.items:
            found |= {take.rig_action, take.keys_action}
    return found - {None}


def _name(head: bpy.types.Object) -> str:
    return f"{head.name} emotions"
