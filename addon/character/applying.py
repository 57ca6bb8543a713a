# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a character's takes anew where its strengths or its calibration have changed."""

from __future__ import annotations

import bpy

from ...shared.character_mapping import encode_mapping
from ...shared.errors import AffektError
from ..motion.placement import take_times
from ..motion.takes import fingerprint_of, note_keys
from .find import mapping_of
from .performance import rewrite_performance


def old_takes(head: bpy.types.Object) -> list[bpy.types.PropertyGroup]:
    """Takes and bakes that were written by other settings. Raises InputError
    `avatar.calibration_values`."""
    now = encode_mapping(mapping_of(head))
    return [take for take in head.affekt_takes.items if take.mapping != now]


def apply_mapping(head: bpy.types.Object, scene: bpy.types.Scene) -> int:
    """Writes old takes anew; how many. Raises InputError `motion.no_action`, `character.*`."""
    takes = old_takes(head)
    for take in takes:
        was_as_baked = take.baked_keys == fingerprint_of(take)
        rewrite_performance(head, take, take_times(take, scene))
        if was_as_baked:
            note_keys(take)
    return len(takes)


def apply_quietly(head: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """The same for a property that was changed: what cannot be written stays, and the panel
    shows it."""
    try:
        apply_mapping(head, scene)
    except AffektError:
        return
