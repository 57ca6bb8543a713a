# SPDX-License-Identifier: GPL-3.0-or-later
"""Which head may move what: two that share a mesh, as Alt+D makes them, would each show their own
face on it."""

from __future__ import annotations

import bpy

from ...shared.character_bones import ROLES
from ...shared.errors import InputError
from ..character.find import is_character
from .leftovers import keys_of, rigs_of

Claims = frozenset[tuple[int, str]]
"""Session numbers of data-blocks, each with a bone's name or none."""
Claimed = list[tuple[bpy.types.Object, Claims]]
"""Heads, and what Live may move of each."""


def claims_of(head: bpy.types.Object) -> Claims:
    """All that Live may move of the head."""
    roles = [getattr(head.affekt_character, role) for role in ROLES]
    bones = roles if is_character(head) else ["jaw"]
    found = {(keys.session_uid, "") for keys in keys_of(head)}
    return frozenset(
        found | {(rig.session_uid, bone) for rig in rigs_of(head) for bone in bones if bone}
    )


def check_free(head: bpy.types.Object, others: Claimed) -> Claims:
    """What Live may move of the head. Raises InputError `live.shared` if one of the others moves a
    part of it."""
    own = claims_of(head)
    for other, claims in others:
        if not own.isdisjoint(claims):
            raise InputError(
                "live.shared",
                f"'{head.name}' shares a mesh or its jaw with '{other.name}', which is live.",
                "Switch Live off for that one, or give this one its own: Object > Relations > "
                "Make Single User > Object & Data.",
            )
    return own
