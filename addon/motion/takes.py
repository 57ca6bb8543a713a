# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's list of takes and bakes: adding one, putting one to use."""

from __future__ import annotations

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
from ..head.find import need_shape_keys, rig_of
from .curves import read_curves, write_curves
from .parts import actions_of
from .placement import Placement, all_times, take_times
from .properties import AFFEKT_PG_take


def add_take(
    head: bpy.types.Object, motion: Motion, *, name: str, place: Placement, source: str = ""
) -> AFFEKT_PG_take:
    """Writes the motion (open space; a character's in ARKit's) into new Actions, lists them under a
    free name and puts them to use. With a `source` it is a bake of that take. If anything fails
    nothing stays."""
    if not is_character(head):
        rig_of(head), need_shape_keys(head)
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
    except Exception:
        for action in set(actions.values()):
            bpy.data.actions.remove(action)
        raise
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
    _assign(head, take)
    head.affekt_takes.active = take.name
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
    """Lets that take or bake move the head. Raises InputError `motion.no_take`, `.no_action`."""
    take = find_take(head, name)
    if take.rig_action is None or take.keys_action is None:
        raise InputError(
            "motion.no_action",
            f"The Action of '{name}' has been deleted.",
            "Import the take again, or choose another one.",
        )
    _assign(head, take)
    head.affekt_takes.active = name


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
            else f"The head '{head.name}' has no take yet.",
            "Import a take first.",
        )
    return take


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
