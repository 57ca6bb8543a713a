# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import find_head
from ..link.panel import draw_task
from ..panels import SidebarPanel


class AFFEKT_PT_avatar(SidebarPanel, bpy.types.Panel):
    bl_idname = "AFFEKT_PT_avatar"
    bl_label = "Avatar"
    bl_order = 5

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return find_head(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        for name in ("file", "size", "folder"):
            column.prop(context.scene.affekt_avatar, name)
        if not draw_task(self.layout, "Render Avatar"):
            self.layout.operator("affekt.render_avatar", icon="RENDER_ANIMATION")
