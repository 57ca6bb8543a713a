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
    keep_performance,
    parts_of,
    read_performance,
    rebake_performance,
    write_performance,
)
from ..emotion.action import ensure_action
from ..head.controls import free_jaw
from ..head.find import need_movable, need_shape_keys, rig_of
from ..head.rig import own_rig
from .curves import Keying, read_curves, write_curves
from .emotions import swap_emotions
from .keys import digest_curves
from .parts import actions_of, need_actions_of, without_action
from .placement import Placement, all_times, take_times
from .properties import AFFEKT_PG_take

_EVERY_KEY = Keying()
_NO_PARTS: Parts = {}


def add_take(
    head: bpy.types.Object,
    motion: Motion,
    *,
    name: str,
    place: Placement,
    source: str = "",
    keying: Keying = _EVERY_KEY,
) -> AFFEKT_PG_take:
    """Writes the motion (in the head's space; a character's in ARKit's) into new Actions, lists
    them under a free name and puts them to use. With a `source` it is a bake of that take. If
    anything fails nothing stays.

    Raises InputError `head.linked`, `head.no_rig`, `head.no_shape_keys`, `character.*`.
    """
    need_movable(head)
    if not is_character(head):
        need_shape_keys(head)
    used = head.affekt_takes.active
    actions = compat.new_take_actions(free_name(head, name))
    placed, parts = _Placed(motion, place), _NO_PARTS
    try:
        if is_character(head):
            origin = find_take(head, source) if source else None
            parts = write_performance(head, motion, placed.times, actions, origin)
        else:
            write_curves(head, motion, placed.times, actions, keying)
        take = head.affekt_takes.items.add()
        take.name = free_name(head, name)
        take.kind, take.source = ("BAKE", source) if source else ("TAKE", "")
        take.rig_action, take.keys_action = actions["OBJECT"], actions["KEY"]
        for action in actions.values():
            action.use_fake_user = True
        if is_character(head):
            keep_performance(head, take, parts, actions)
        placed.note(take)
        use_take(head, take.name)
    except Exception:
        for action in set(actions.values()):
            bpy.data.actions.remove(action)
        drop_dead_takes(head)
        head.affekt_takes.active = used
        raise
    return take


def bake_again(
    head: bpy.types.Object,
    bake: AFFEKT_PG_take,
    motion: Motion,
    *,
    place: Placement,
    keying: Keying = _EVERY_KEY,
) -> None:
    """Writes another motion (space as in `add_take`) into the Actions of a bake and puts it to use;
    what else they move stays."""
    placed = _Placed(motion, place)
    if is_character(head):
        rebake_performance(head, bake, motion, placed.times, find_take(head, bake.source))
    else:
        write_curves(head, motion, placed.times, actions_of(bake), keying)
    placed.note(bake)
    use_take(head, bake.name)


def space_of(head: bpy.types.Object) -> TakeSpace:
    """The space of a head's takes."""
    return "arkit" if is_character(head) else "open"


class _Placed:
    """A motion's frames as the list will hold them, in single precision, so that it tells exactly
    where the keys lie."""

    def __init__(self, motion: Motion, place: Placement) -> None:
        values = (place.first, place.fps, motion.fps)
        self._first, self._placed_fps, self._fps = (float(np.float32(value)) for value in values)
        self._frames = len(motion)

    @property
    def times(self) -> Float64Array:
        """Curve frames (T,)."""
        place = Placement(first=self._first, fps=self._placed_fps)
        return all_times(self._frames, self._fps, place)

    def note(self, take: AFFEKT_PG_take) -> None:
        """Lets the list tell where the keys lie and, of a bake, which they are."""
        take.first_frame, take.placed_fps = self._first, self._placed_fps
        take.frames, take.fps = self._frames, self._fps
        note_keys(take)


def note_keys(take: AFFEKT_PG_take) -> None:
    """Lets a bake's keys count as baked, whoever moved them."""
    take.baked_keys = fingerprint_of(take) if take.kind == "BAKE" else ""


def fingerprint_of(take: AFFEKT_PG_take) -> str:
    """A fingerprint of everything that the keys of the take's Actions say."""
    curves = (
        curve
        for part, action in actions_of(take).items()
        if action is not None
        for curve in compat.curves_of(action, part)
    )
    return digest_curves(curves).hex()


def free_name(head: bpy.types.Object, name: str) -> str:
    """The name, with a number behind it if another take of the head has it."""
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
    need_actions_of(take)
    if is_character(head):
        need_movable(head)
    else:
        need_shape_keys(head)
        own_rig(head)
    ensure_action(head)
    swap_emotions(head, head.affekt_takes.active, name)
    for part, owner in owners_of(head, take).items():
        _assign(head, owner, actions_of(take)[part], part)
    head.affekt_takes.active = name


def drop_dead_takes(head: bpy.types.Object) -> None:
    """Takes off the list what has lost an Action, and says none is in use if it was that."""
    takes = head.affekt_takes
    for index in reversed(range(len(takes.items))):
        if not all(actions_of(takes.items[index]).values()):
            takes.items.remove(index)
    if takes.active and takes.active not in takes.items:
        takes.active = ""
        free_jaw(head)


def owners_of(head: bpy.types.Object, take: AFFEKT_PG_take) -> dict[compat.Part, bpy.types.ID]:
    """The data-blocks that the take moves. Raises InputError `head.no_rig`, `.no_shape_keys`,
    `motion.no_action`."""
    if is_character(head):
        return parts_of(head, take)
    return {"OBJECT": rig_of(head), "KEY": need_shape_keys(head)}


def owned_by_take(head: bpy.types.Object, take: AFFEKT_PG_take) -> list[bpy.types.ID]:
    """What the take moves right now, of all that the head consists of."""
    actions = set(actions_of(take).values()) - {None}
    meshes = [head, *(part.mesh for part in take.parts if part.mesh is not None)]
    rigs = [m.object for m in head.modifiers if m.type == "ARMATURE" and m.object is not None]
    rigs += [head.affekt_character.armature] if head.affekt_character.armature else []
    owners = [*rigs, *(mesh.data.shape_keys for mesh in meshes if mesh.data.shape_keys)]
    return [
        owner
        for owner in owners
        if owner.animation_data is not None and owner.animation_data.action in actions
    ]


def _assign(
    head: bpy.types.Object, owner: bpy.types.ID, action: bpy.types.Action, part: compat.Part
) -> None:
    """Lets the Action move the data-block. On a character another Action that did goes into the
    NLA, under this one, and still plays what the take leaves alone."""
    data = owner.animation_data
    before = None if data is None else data.action
    if is_character(head) and before not in {None, action} | actions_of_head(head):
        compat.push_down(owner, before)
    compat.assign_action(owner, action, part)


def actions_of_head(head: bpy.types.Object) -> set[bpy.types.Action]:
    """The Actions of all takes and bakes of the head."""
    return {a for take in head.affekt_takes.items for a in actions_of(take).values() if a}


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
        raise without_action(take.name)
    return HeldTake(action=take.keys_action.session_uid, name=take.name)


def active_take(head: bpy.types.Object) -> AFFEKT_PG_take:
    """The take or bake in use. Raises InputError `motion.no_take`."""
    return find_take(head, head.affekt_takes.active)


def source_take(head: bpy.types.Object) -> AFFEKT_PG_take:
    """What a bake starts from: the take in use, or the one that the bake in use was made from. An
    Action that was put to use past the list counts.

    Raises InputError `motion.no_take`.
    """
    data = head.data.shape_keys and head.data.shape_keys.animation_data
    shown = data and data.action
    items = [item for item in head.affekt_takes.items if item.keys_action == shown]
    take = active_take(head)
    if shown is not None and items and take not in items:
        take = items[0]
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
