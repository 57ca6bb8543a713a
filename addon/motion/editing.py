# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator does to takes as a whole: renaming, duplicating, trimming, deleting one."""

from __future__ import annotations

import bpy
import numpy as np

from ...shared.errors import InputError
from ...shared.wording import say_count
from .. import compat
from ..head.controls import free_jaw
from .keys import cut_keys
from .parts import actions_of, need_actions_of
from .placement import grid_of, stretch
from .properties import AFFEKT_PG_take
from .retiming import need_own_actions
from .takes import find_take, free_name, owned_by_take, use_take

_COPIED = (
    "kind",
    "source",
    "first_frame",
    "frames",
    "fps",
    "placed_fps",
    "mapping",
    "over_rig",
    "over_keys",
    "baked_keys",
    "notes",
)
_ROUNDING = 1e-3
"""Keys lie beside whole frames by less, in frames."""


def rename_take(head: bpy.types.Object, name: str, new_name: str) -> None:
    """Calls the take or bake otherwise, and its Actions where they were called after it; its bakes
    know it by the new name. Raises InputError `motion.no_take`, `motion.take_name`."""
    take, new_name = find_take(head, name), new_name.strip()
    if not new_name or (new_name != name and new_name in head.affekt_takes.items):
        said = f"'{new_name}' is taken by another take." if new_name else "A take needs a name."
        raise InputError("motion.take_name", said, "Give another name.")
    for action in {action for action in actions_of(take).values() if action is not None}:
        if action.library is None and action.name.startswith(name):
            action.name = new_name + action.name.removeprefix(name)
    for other in head.affekt_takes.items:
        if other.kind == "BAKE" and other.source == name:
            other.source = new_name
    if head.affekt_takes.active == name:
        head.affekt_takes.active = new_name
    take.name = new_name


def duplicate_take(head: bpy.types.Object, name: str) -> AFFEKT_PG_take:
    """A take with the same keys in Actions of its own, put to use. Raises InputError
    `motion.no_take`, `.no_action`, `head.*`."""
    take = find_take(head, name)
    actions = need_actions_of(take)
    copies = {action: _copy(action, name) for action in dict.fromkeys(actions.values())}
    values = {field: getattr(take, field) for field in _COPIED}
    parts = [(part.name, part.mesh) for part in take.parts]
    new = head.affekt_takes.items.add()  # from here on `take` may lie elsewhere in memory
    new.name = free_name(head, f"{name} copy")
    for field, value in values.items():
        setattr(new, field, value)
    new.rig_action, new.keys_action = copies[actions["OBJECT"]], copies[actions["KEY"]]
    for part, mesh in parts:
        entry = new.parts.add()
        entry.name, entry.mesh, entry.action = part, mesh, copies[actions[part]]
    use_take(head, new.name)
    return new


def _copy(action: bpy.types.Action, name: str) -> bpy.types.Action:
    copy = action.copy()
    copy.name = action.name.replace(name, f"{name} copy", 1)
    copy.use_fake_user = True
    return copy


def delete_take(head: bpy.types.Object, name: str) -> str:
    """Takes the take or bake off the list, and deletes its Actions unless something else plays
    them; the sentence to report. What it was baked from, or the next one, is put to use if it was
    in use. Raises InputError `motion.no_take`."""
    takes = head.affekt_takes
    take = find_take(head, name)
    actions = {action for action in actions_of(take).values() if action is not None}
    was_used, source = takes.active == name, take.source
    for owner in owned_by_take(head, take):
        owner.animation_data.action = None
    takes.items.remove(next(i for i, item in enumerate(takes.items) if item.name == name))
    kept = [action.name for action in actions if not _drop(action)]
    if was_used:
        takes.active = ""
        following = source if source in takes.items else next((t.name for t in takes.items), "")
        if following:
            use_take(head, following)
        else:
            free_jaw(head)
    stays = f" {', '.join(sorted(kept))} stays: something else plays it." if kept else ""
    return f"Deleted {name}.{stays}"


def _drop(action: bpy.types.Action) -> bool:
    """Deletes the Action unless it is used; whether it did."""
    if action.library is not None:
        return True  # it stays where it comes from
    action.use_fake_user = False
    if action.users:
        action.use_fake_user = True
        return False
    bpy.data.actions.remove(action)
    return True


def trim_take(
    head: bpy.types.Object, name: str, scene: bpy.types.Scene, first: int, last: int
) -> str:
    """Cuts the take's keys before the timeline's frame `first` and behind `last`; the sentence to
    report. Curves with few keys get one where they were cut.

    Raises InputError `motion.no_take`, `.no_action`, `.linked`, `motion.trim`; then nothing was
    cut.
    """
    take = find_take(head, name)
    actions = need_actions_of(take)
    need_own_actions(actions.values())
    grid = grid_of(take, scene)
    times = grid.times
    low, high = first * stretch(scene) - _ROUNDING, last * stretch(scene) + _ROUNDING
    inside = times[(times >= low) & (times <= high)]
    if not len(inside):
        raise InputError(
            "motion.trim",
            f"{name} has no frame from {first} to {last}.",
            "Give frames of the timeline between which the take plays.",
        )
    for part, action in actions.items():
        for curve in compat.curves_of(action, part):
            cut_keys(curve, float(inside[0]), float(inside[-1]))
    cut = len(times) - len(inside)
    take.first_frame, take.frames = float(np.float32(inside[0])), len(inside)
    take.placed_fps = grid.place.fps
    return f"Trimmed {name}: {say_count(cut, 'frame')} cut, {len(inside):,} left."
