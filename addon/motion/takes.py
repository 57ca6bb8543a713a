# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's list of takes and bakes: adding one, putting one to use."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ...shared.arrays import Float64Array
from ...shared.errors import InputError
from ...shared.motion import Motion, TakeSpace
from .. import compat
from ..character.find import is_character
from ..character.performance import (
    Parts,
    assign_performance,
    keep_performance,
    read_performance,
    write_performance,
)
from ..emotion.action import ensure_action
from ..head.find import need_movable, need_shape_keys, rig_of
from ..head.rig import own_rig
from .curves import read_curves, write_curves
from .parts import actions_of
from .placement import Placement, all_times, take_times
from .properties import AFFEKT_PG_take


def add_take(
    head: bpy.types.Object, motion: Motion, *, name: str, place: Placement, source: str = ""
) -> AFFEKT_PG_take:
    """Writes the motion (in the head's space; a character's in ARKit's) into new Actions, lists
    them under a free name and puts them to use. With a `source` it is a bake of that take. If
    anything fails nothing stays.

    Raises InputError `head.linked`, `head.no_rig`, `head.no_shape_keys`, `character.*`.
    """
    _make_ready(head)
    used = head.affekt_takes.active
    actions = compat.new_take_actions(_free_name(head, name))
    # As the list will hold them, in single precision, so that it tells exactly where the keys lie.
    first, placed_fps, fps = (
        float(np.float32(value)) for value in (place.first, place.fps, motion.fps)
    )
    times = all_times(len(motion), fps, Placement(first=first, fps=placed_fps))
    parts: Parts = {}
    try:
        if is_character(head):
            origin = find_take(head, source) if source else None
            parts = write_performance(head, motion, times, actions, origin)
        else:
            write_curves(head, motion, times, actions)
        take = head.affekt_takes.items.add()
        take.name = _free_name(head, name)
        take.kind, take.source = ("BAKE", source) if source else ("TAKE", "")
        take.rig_action, take.keys_action = actions["OBJECT"], actions["KEY"]
        take.first_frame, take.placed_fps = first, placed_fps
        take.frames, take.fps = len(motion), fps
        for action in actions.values():
            action.use_fake_user = True
        if is_character(head):
            keep_performance(head, take, parts, actions)
        head.affekt_takes.active = take.name
        _assign(head, take)
    except Exception:
        for action in set(actions.values()):
            bpy.data.actions.remove(action)
        drop_dead_takes(head)
        head.affekt_takes.active = used
        raise
    return take


def space_of(head: bpy.types.Object) -> TakeSpace:
    """The space of a head's takes."""
    return "arkit" if is_character(head) else "open"


def _free_name(head: bpy.types.Object, name: str) -> str:
    taken = {take.name for take in head.affekt_takes.items}
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free


def use_take(head: bpy.types.Object, name: str) -> None:
    """Lets that take or bake move the head. Raises InputError `motion.no_take`, `.no_action`,
    `head.linked`."""
    take = find_take(head, name)
    if take.rig_action is None or take.keys_action is None:
        raise _without_action(name)
    _make_ready(head)
    _assign(head, take)
    head.affekt_takes.active = name


def _make_ready(head: bpy.types.Object) -> None:
    """Makes sure that takes can move the head, its own armature and no other's."""
    if is_character(head):
        need_movable(head)
    else:
        need_shape_keys(head), own_rig(head)
    ensure_action(head)


def drop_dead_takes(head: bpy.types.Object) -> None:
    """Takes off the list what has lost an Action, and says none is in use if it was that."""
    takes = head.affekt_takes
    for index in reversed(range(len(takes.items))):
        if not all(actions_of(takes.items[index]).values()):
            takes.items.remove(index)
    if takes.active and takes.active not in takes.items:
        takes.active = ""


def _assign(head: bpy.types.Object, take: AFFEKT_PG_take) -> None:
    if is_character(head):
        assign_performance(head, take)
        return
    rig, keys = rig_of(head), need_shape_keys(head)
    compat.assign_action(rig, take.rig_action, "OBJECT")
    compat.assign_action(keys, take.keys_action, "KEY")


def find_take(head: bpy.types.Object, name: str) -> AFFEKT_PG_take:
    """The head's take of that name. Raises InputError `motion.no_take`."""
    take = next((t for t in head.affekt_takes.items if t.name == name), None)
    if take is None:
        raise InputError(
            "motion.no_take",
            f"The head '{head.name}' has no take called '{name}'."
            if name
            else f"The head '{head.name}' has no take in use.",
            "Import a take, or choose one in the panel's Take section.",
        )
    return take


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTake:
    """A take, kept while a task runs: by its Action, since the animator may rename both and the
    list moves in memory as it grows."""

    action: int
    name: str

    def find(self, head: bpy.types.Object) -> AFFEKT_PG_take:
        """The take as it is now. Raises InputError `motion.no_action`."""
        for take in head.affekt_takes.items:
            if take.keys_action is not None and take.keys_action.session_uid == self.action:
                return take
        raise InputError(
            "motion.no_action",
            f"The take '{self.name}' was deleted meanwhile.",
            "Undo that, or import it again.",
        )


def hold_take(take: AFFEKT_PG_take) -> HeldTake:
    """Keeps the take for later steps of a task. Raises InputError `motion.no_action`."""
    if take.keys_action is None:
        raise _without_action(take.name)
    return HeldTake(action=take.keys_action.session_uid, name=take.name)


def _without_action(name: str) -> InputError:
    return InputError(
        "motion.no_action",
        f"The Action of '{name}' has been deleted.",
        "Import the take again, or choose another one.",
    )


def active_take(head: bpy.types.Object) -> AFFEKT_PG_take:
    """The take or bake in use. Raises InputError `motion.no_take`."""
    return find_take(head, head.affekt_takes.active)


def source_take(head: bpy.types.Object) -> AFFEKT_PG_take:
    """What a bake starts from: the take in use, or the one that the bake in use was made from.

    Raises InputError `motion.no_take`.
    """
    take = active_take(head)
    return find_take(head, take.source) if take.kind == "BAKE" else take


def read_take(head: bpy.types.Object, take: AFFEKT_PG_take, scene: bpy.types.Scene) -> Motion:
    """The take's motion at its own frame rate, with every edit of its curves."""
    return read_take_at(head, take, take_times(take, scene), take.fps)


def read_take_at(
    head: bpy.types.Object, take: AFFEKT_PG_take, times: Float64Array, fps: float
) -> Motion:
    """The take's motion at any curve frames `times` (T,)."""
    if is_character(head):
        return read_performance(head, take, times, fps)
    return read_curves(head, times, fps, actions_of(take))
