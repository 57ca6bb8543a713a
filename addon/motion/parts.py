# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a take: what moves the bones, the head's shape keys, and those of further meshes."""

from __future__ import annotations

import bpy

from ...shared.errors import InputError
from ..compat import Part
from .properties import AFFEKT_PG_take


def actions_of(take: AFFEKT_PG_take) -> dict[Part, bpy.types.Action | None]:
    """The Action of each part; None for one that was deleted. From Blender 4.4 on it is one for
    all."""
    found: dict[Part, bpy.types.Action | None] = {
        "OBJECT": take.rig_action,
        "KEY": take.keys_action,
    }
    return found | {part.name: part.action for part in take.parts}


def need_actions_of(take: AFFEKT_PG_take) -> dict[Part, bpy.types.Action]:
    """The take's Actions by part. Raises InputError `motion.no_action` if one was deleted."""
    actions = actions_of(take)
    found = {part: action for part, action in actions.items() if action is not None}
    if len(found) < len(actions):
        raise without_action(take.name)
    return found


def without_action(name: str) -> InputError:
    """The error for a take of that name whose Action is gone."""
    return InputError(
        "motion.no_action",
        f"An Action of '{name}' has been deleted.",
        "Import the take again, or choose another one.",
    )
