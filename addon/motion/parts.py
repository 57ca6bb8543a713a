# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a take: what moves the bones, the head's shape keys, and those of further meshes."""

from __future__ import annotations

import bpy

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
