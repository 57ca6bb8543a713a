# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..flame.panel import draw_flame
from ..link.drawing import draw_task
from ..panels import SidebarPanel
from .find import find_head


class AFFEKT_PT_head(SidebarPanel, bpy.types.Panel):
    bl_idname = "AFFEKT_PT_head"
    bl_label = "Head"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        head = find_head(context)
        if head is not None:
            self.layout.label(text=head.name, icon="USER")
        if not draw_task(self.layout, "Add Head"):
            self.layout.operator("affekt.add_head", icon="ADD")
        if not draw_task(self.layout, "Add FLAME Head"):
            self.layout.operator("affekt.browse_flame_head", icon="ADD")
        draw_flame(self.layout, head)
        if head is None or not head.affekt_character.is_character:
            self.layout.operator("affekt.use_character", icon="ARMATURE_DATA")
