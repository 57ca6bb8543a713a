# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..link.panel import draw_task
from ..panels import HeadPanel


class AFFEKT_PT_bake(HeadPanel, bpy.types.Panel):
    bl_idname = "AFFEKT_PT_bake"
    bl_label = "Bake"
    bl_order = 4

    def draw(self, context: bpy.types.Context) -> None:
        if draw_task(self.layout, "Bake", scale=1.4):
            return
        column = self.layout.column()
        column.scale_y = 1.4
        column.operator("affekt.bake", icon="RENDER_ANIMATION")
