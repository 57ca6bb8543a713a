# SPDX-License-Identifier: GPL-3.0-or-later
"""What moves a character besides its take: a bake starts from the take's own curves, since what a
map of weights made of it has no inverse."""

from __future__ import annotations

import bpy

from ...shared.emotion import EmotionTrack
from ...shared.errors import InputError
from ...shared.units import say_unseen
from ..motion.parts import actions_of
from ..motion.playback import playing_strips
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import actions_of_head, owners_of
from .find import need_driven_keys


def check_own_curves(head: bpy.types.Object, take: AFFEKT_PG_take) -> None:
    """Raises InputError `bake.character` where the take plays in NLA strips, or another Action
    plays in its place."""
    own, known = set(actions_of(take).values()), actions_of_head(head)
    for owner in owners_of(head, take).values():
        if any(strip.action in own for strip in playing_strips(owner)):
            raise InputError(
                "bake.character",
                f"NLA strips play '{take.name}' on '{head.name}', and a character's bake reads the "
                "take's own Action only.",
                "Mute those strips, choose the take in the panel's Take section, move its keys to "
                "where the strips play them, and bake again.",
            )
        assigned = owner.animation_data and owner.animation_data.action
        if assigned is not None and assigned not in known:
            raise InputError(
                "bake.character",
                f"The Action '{assigned.name}' moves '{owner.name}' in place of '{take.name}', and "
                "a character's bake reads the take's own Action only.",
                "Choose the take in the panel's Take section, and bake again.",
            )


def describe_units(head: bpy.types.Object, track: EmotionTrack) -> str:
    """A sentence on action units that the character has no shapes for; empty if there are none."""
    shapes = {line.name for line in head.affekt_character.lines if line.key}
    return say_unseen(track.unit_names, shapes)


def describe_drivers(head: bpy.types.Object, take: AFFEKT_PG_take) -> str:
    """A sentence on shape keys of the character that drivers move, whatever is baked; empty if
    there are none."""
    paths = {one.path for one in need_driven_keys(head)}
    driven = [
        curve
        for owner in owners_of(head, take).values()
        if owner.animation_data is not None
        for curve in owner.animation_data.drivers
        if curve.data_path in paths and not curve.mute
    ]
    if not driven:
        return ""
    return f"Drivers move {len(driven)} of its shape keys, where neither take nor bake shows."
