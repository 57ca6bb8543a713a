# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import find_head
from ..link.drawing import draw_task
from ..panels import SidebarPanel


class AFFEKT_PT_export(SidebarPanel, bpy.types.Panel):
    """Write the take or bake in use for another tool"""

    bl_idname = "AFFEKT_PT_export"
    bl_label = "Export"
    bl_parent_id = "AFFEKT_PT_take"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender's own form)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        head = find_head(context)
        return head is not None and bool(head.affekt_takes.active)

    def draw(self, context: bpy.types.Context) -> None:
        if not draw_task(self.layout, "Export Take"):
            self.layout.operator("affekt.browse_export", icon="EXPORT")
