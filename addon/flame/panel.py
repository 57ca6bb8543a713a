# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import is_flame


def draw_flame(layout: bpy.types.UILayout, head: bpy.types.Object | None) -> None:
    """What the head's panel has of a head on FLAME: its identity and its file."""
    if head is not None and is_flame(head):
        layout.operator("affekt.set_identity", icon="MOD_SMOOTH")
        layout.prop(head.affekt_head, "flame_file", text="")
