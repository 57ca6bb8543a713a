# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..batch.panel import draw_adding
from ..head.find import need_head
from ..link.drawing import draw_task
from ..live.drawing import draw_button, draw_state
from ..panels import HeadPanel, SidebarPanel
from .operators import draw_options
from .properties import NAMES


class AFFEKT_PT_bake(HeadPanel, bpy.types.Panel):
    """Turn the take and its emotion curves into an Action that can be edited"""

    bl_idname = "AFFEKT_PT_bake"
    bl_label = "Bake"
    bl_order = 4
    page = "baking"

    def draw(self, context: bpy.types.Context) -> None:
        if draw_task(self.layout, "Bake", scale=1.4):
            return
        head, row = need_head(context), self.layout.row(align=True)
        row.scale_y = 1.4
        button = row.operator("affekt.bake", icon="RENDER_ANIMATION")
        for name in NAMES:
            setattr(button, name, getattr(head.affekt_bake, name))
        draw_button(row, head)
        draw_adding(self.layout, context)
        draw_state(self.layout, context, head)


class AFFEKT_PT_bake_options(SidebarPanel, bpy.types.Panel):
    """Which frames are baked, into what, and with how many keys"""

    bl_idname = "AFFEKT_PT_bake_options"
    bl_label = "Options"
    bl_parent_id = "AFFEKT_PT_bake"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender's own form)

    def draw(self, context: bpy.types.Context) -> None:
        head = need_head(context)
        draw_options(self.layout, head.affekt_bake, head)
