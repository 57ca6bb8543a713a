# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import find_head
from ..link.drawing import draw_task
from ..panels import SidebarPanel
from .adding import LABEL
from .properties import NAMES


def draw_adding(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The button that adds a row, with what the scene's panel says."""
    if draw_task(layout, LABEL):
        return
    button = layout.operator("affekt.add_to_batch", icon="PRESET_NEW")
    for name in NAMES:
        setattr(button, name, getattr(context.scene.affekt_batch, name))


class AFFEKT_PT_batch(SidebarPanel, bpy.types.Panel):
    """Which sheet a row is added to, and what the row makes"""

    bl_idname = "AFFEKT_PT_batch"
    bl_label = "Batch"
    bl_parent_id = "AFFEKT_PT_bake"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender's own form)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return find_head(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        chosen, column = context.scene.affekt_batch, self.layout.column()
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(chosen, "sheet")
        column.column(align=True).prop(chosen, "outputs")
        if "GLB" in chosen.outputs:
            column.prop(chosen, "character")
