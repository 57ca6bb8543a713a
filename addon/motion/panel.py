# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import need_head
from ..link.drawing import draw_task
from ..panels import HeadPanel, draw_sentence
from .placement import describe_speed
from .properties import AFFEKT_PG_take


class AFFEKT_PT_take(HeadPanel, bpy.types.Panel):
    bl_idname = "AFFEKT_PT_take"
    bl_label = "Take"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        takes = need_head(context).affekt_takes
        if not draw_task(self.layout, "Import Take"):
            self.layout.operator("affekt.browse_take", icon="IMPORT")
        if not takes.items:
            return
        column = self.layout.column(align=True)
        for take in takes.items:
            in_use = take.name == takes.active
            row = column.row(align=True)
            row.enabled = take.keys_action is not None and take.rig_action is not None
            icon = "RADIOBUT_ON" if in_use else "RADIOBUT_OFF"
            button = row.operator("affekt.use_take", text=take.name, icon=icon, depress=in_use)
            button.name = take.name
        used = takes.items.get(takes.active)
        if used is not None:
            self._draw_used(context, used)

    def _draw_used(self, context: bpy.types.Context, used: AFFEKT_PG_take) -> None:
        """What there is to know of the take in use."""
        for note in used.notes.splitlines():
            draw_sentence(self.layout, context, note)
        if warning := describe_speed(used, context.scene):
            box = self.layout.box()
            draw_sentence(box, context, warning)
            box.operator("affekt.fit_takes", icon="TIME")
