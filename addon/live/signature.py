# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reading of a head's take depends on, as far as it can be asked at every tick: the take
itself is read again when it changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import bpy

from .. import compat
from ..character.find import bones_of, is_character, mesh_of
from ..character.properties import AFFEKT_PG_character_line
from ..emotion.sample import needs_playback
from ..motion.keys import digest_curves
from ..motion.parts import actions_of
from ..motion.placement import curve_fps
from ..motion.playback import playing_strips
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import owners_of, source_take
from .leftovers import keys_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """take_actions, emotion_actions: session numbers of the Actions that were read. keys: names of
    the shape keys, mesh by mesh. others: the take, the scene's rate, what plays in strips, which
    keys a character has for what."""

    take_actions: frozenset[int]
    emotion_actions: frozenset[int]
    keys: tuple[tuple[str, ...], ...]
    others: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """read: what the reading depends on. face: what a character makes of the numbers that were
    read, its strengths and bones."""

    read: Read
    face: tuple[object, ...]


def signature_of(head: bpy.types.Object, scene: bpy.types.Scene) -> Signature:
    """The same as before as long as the take reads the same. Raises InputError `motion.*`,
    `head.*`, `character.*`."""
    take = source_take(head)
    owners = [*owners_of(head, take).values()]
    read = Read(
        take_actions=frozenset(_actions(take, owners)),
        emotion_actions=frozenset(_playing(head)),
        keys=tuple(tuple(keys.key_blocks.keys()) for keys in keys_of(head)),
        others=(
            take.name,
            curve_fps(scene),
            needs_playback(head),
            *(_assigned(owner) for owner in owners),
            *(_shape_of(strip) for owner in (head, *owners) for strip in playing_strips(owner)),
            *((line.name, line.key, mesh_of(line).session_uid) for line in _lines(head)),
        ),
    )
    return Signature(read=read, face=_face(head))


def stamp_of(actions: frozenset[int]) -> bytes:
    """What the keys of the Actions with those session numbers say, in short."""
    those = (action for action in bpy.data.actions if action.session_uid in actions)
    return digest_curves(curve for action in those for curve in compat.all_curves(action))


def _lines(head: bpy.types.Object) -> list[AFFEKT_PG_character_line]:
    return [line for line in head.affekt_character.lines if line.key]


def _face(head: bpy.types.Object) -> tuple[object, ...]:
    if not is_character(head):
        return ()
    character, bones = head.affekt_character, bones_of(head)
    rig = character.armature
    return (
        character.uses_calibration,
        character.calibration,
        0 if rig is None else rig.session_uid,
        *((role, bone.name, bone.rotation_mode) for role, bone in bones.items()),
        *(line.strength for line in _lines(head)),
    )


def _actions(take: AFFEKT_PG_take, owners: list[bpy.types.ID]) -> Iterator[int]:
    """Of the take, and of what plays in its place."""
    for action in actions_of(take).values():
        if action is not None:
            yield action.session_uid
    for owner in owners:
        yield from _playing(owner)


def _playing(owner: bpy.types.ID) -> Iterator[int]:
    data = owner.animation_data
    if data is not None and data.action is not None:
        yield data.action.session_uid
    yield from (strip.action.session_uid for strip in playing_strips(owner) if strip.action)


def _assigned(owner: bpy.types.ID) -> int:
    """The session number of the Action in use, 0 for none."""
    data = owner.animation_data
    return 0 if data is None or data.action is None else data.action.session_uid


def _shape_of(strip: bpy.types.NlaStrip) -> tuple[object, ...]:
    """Where and how the strip plays."""
    return (
        strip.name,
        strip.frame_start,
        strip.frame_end,
        strip.action_frame_start,
        strip.scale,
        strip.influence,
        strip.blend_type,
    )
