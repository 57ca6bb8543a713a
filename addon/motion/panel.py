# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import need_head
from ..link.drawing import draw_task
from ..panels import HeadPanel, draw_sentence
from .placement import describe_speed
from .properties import AFFEKT_PG_take


class AFFEKT_PT_take(HeadPanel, bpy.types.Panel):
    """Facial performances of this head, and what was baked from them"""

    bl_idname = "AFFEKT_PT_take"
    bl_label = "Take"
    bl_order = 2
    page = "formats"

    def draw(self, context: bpy.types.Context) -> None:
        takes = need_head(context).affekt_takes
        if not draw_task(self.layout, "Import Take"):
            self.layout.operator("affekt.browse_take", icon="IMPORT")
        if not takes.items:
            self.layout.operator("affekt.import_demo", icon="FILE_MOVIE")
            return
        column = self.layout.column(align=True)
        for take in takes.items:
            in_use = take.name == takes.active
            row = column.row(align=True)
            row.enabled = take.keys_action is not None and take.rig_action is not None
            icon = "RADIOBUT_ON" if in_use else "RADIOBUT_OFF"
            button = row.operator(
                "affekt.use_take", text=take.name, translate=False, icon=icon, depress=in_use
            )
            button.name = take.name
            if in_use:
                row.menu("AFFEKT_MT_take", text="", icon="DOWNARROW_HLT")
        used = takes.items.get(takes.active)
        if used is not None:
            _draw_used(self.layout, context, used)
        self.layout.prop(takes, "own_emotions")


def _draw_used(
    layout: bpy.types.UILayout, context: bpy.types.Context, used: AFFEKT_PG_take
) -> None:
    """What there is to know of the take in use."""
    for note in used.notes.splitlines():
        draw_sentence(layout, context, note)
    if warning := describe_speed(used, context.scene):
        box = layout.box()
        draw_sentence(box, context, warning)
        box.operator("affekt.fit_takes", icon="TIME")
        box.operator("affekt.use_take_rate", icon="SCENE_DATA")


class AFFEKT_MT_take(bpy.types.Menu):
    """What can be done with the take in use"""

    bl_idname = "AFFEKT_MT_take"
    bl_label = "Take"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"  # a menu would skip the dialogs
        for name, icon in (("rename", "GREASEPENCIL"), ("duplicate", "DUPLICATE")):
            layout.operator(f"affekt.{name}_take", icon=icon)
        layout.operator("affekt.trim_take", icon="IPO_CONSTANT")
        layout.operator("affekt.loop_take", icon="FILE_REFRESH")
        layout.separator()
        layout.operator("affekt.use_take_rate", icon="SCENE_DATA")
        layout.operator("affekt.set_take_rate", icon="TIME")
        layout.separator()
        layout.operator("affekt.delete_take", icon="TRASH")
