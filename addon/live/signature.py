# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reading of a head's take depends on, as far as it can be asked at every tick: the take
itself is read again when it changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import bpy

from ..emotion.sample import needs_playback
from ..motion.parts import actions_of
from ..motion.placement import curve_fps
from ..motion.playback import playing_strips
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import owners_of, source_take


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """take_actions, emotion_actions: session numbers of the Actions that were read. keys: names of
    the head's shape keys. others: the take, the scene's rate, what plays in strips."""

    take_actions: frozenset[int]
    emotion_actions: frozenset[int]
    keys: tuple[str, ...]
    others: tuple[object, ...]


def signature_of(head: bpy.types.Object, scene: bpy.types.Scene) -> Signature:
    """The same as before as long as the take reads the same. Raises InputError `motion.*`,
    `head.*`."""
    take = source_take(head)
    owners = [*owners_of(head, take).values()]
    keys = head.data.shape_keys
    return Signature(
        take_actions=frozenset(_actions(take, owners)),
        emotion_actions=frozenset(_playing(head)),
        keys=() if keys is None else tuple(keys.key_blocks.keys()),
        others=(
            take.name,
            curve_fps(scene),
            needs_playback(head),
            *(_assigned(owner) for owner in owners),
            *(_shape_of(strip) for owner in (head, *owners) for strip in playing_strips(owner)),
        ),
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
