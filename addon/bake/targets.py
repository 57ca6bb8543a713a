# SPDX-License-Identifier: GPL-3.0-or-later
"""Into which bake a bake goes, and whether an animator has worked on that since."""

from __future__ import annotations

import bpy

from .. import compat
from ..character.find import is_character
from ..character.performance import can_rebake
from ..motion.parts import actions_of
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import fingerprint_of
from .options import BakeOptions


def bake_to_update(head: bpy.types.Object, source: str) -> AFFEKT_PG_take | None:
    """The bake of that take which is baked again: the one in use, else the last; None if there is
    none whose Action could be changed."""
    takes = head.affekt_takes
    bakes = [item for item in takes.items if item.kind == "BAKE" and item.source == source]
    bakes = [bake for bake in bakes if _can_change(head, bake)]
    used = next((bake for bake in bakes if bake.name == takes.active), None)
    return used or (bakes[-1] if bakes else None)


def _can_change(head: bpy.types.Object, bake: AFFEKT_PG_take) -> bool:
    holds_all = all(
        action is not None and action.library is None and compat.holds_curves(action, part)
        for part, action in actions_of(bake).items()
    )
    return holds_all and (not is_character(head) or can_rebake(head, bake))


def is_edited(bake: AFFEKT_PG_take) -> bool:
    """Whether its keys are others than those that were baked. Of bakes of older files nobody
    knows, so they count as edited."""
    return bake.baked_keys != fingerprint_of(bake)


def target_of(
    head: bpy.types.Object, source: str, options: BakeOptions
) -> tuple[AFFEKT_PG_take | None, str]:
    """The bake to write into, None for a new one; and what is to be said about that."""
    found = bake_to_update(head, source) if options.target == "UPDATE" else None
    if found is None or options.overwrite or not is_edited(found):
        return found, ""
    return None, f"{found.name} was edited after it was baked, so it stays as it is."
