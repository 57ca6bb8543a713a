# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..flame.panel import draw_flame
from ..link.drawing import draw_task
from ..panels import SidebarPanel
from ..portrait.operators import LABEL as CREATE_AVATAR
from ..portrait.panel import draw_creating, draw_lacking
from ..splats.panel import draw_importing, draw_splats
from .controls import aim_bone_of, jaw_link_of
from .find import armature_of, find_head, is_flame, is_of_head
from .identity import has_identity


class AFFEKT_MT_add_head(bpy.types.Menu):
    """Add another head, or use one of your own"""

    bl_idname = "AFFEKT_MT_add_head"
    bl_label = "Another Head"

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.operator_context = "INVOKE_DEFAULT"
        _draw_adding(self.layout)


class AFFEKT_PT_head(SidebarPanel, bpy.types.Panel):
    """Add a head or use one of your own, and shape it"""

    bl_idname = "AFFEKT_PT_head"
    bl_label = "Head"
    bl_order = 1
    page = "open_head"

    def draw(self, context: bpy.types.Context) -> None:
        head = find_head(context)
        if head is None:
            _draw_adding(self.layout)
            draw_lacking(self.layout, context)
        else:
            row = self.layout.row(align=True)
            row.label(text=head.name, translate=False, icon="USER")
            row.menu(AFFEKT_MT_add_head.bl_idname, text="", icon="ADD")
            for label in ("Add Head", "Add FLAME Head", "Import Avatar", CREATE_AVATAR):
                draw_task(self.layout, label)
            if not is_of_head(head, context.object):
                self.layout.operator("affekt.use_character", icon="ARMATURE_DATA")
            draw_flame(self.layout, head)
            if has_identity(head) and not is_flame(head):
                self.layout.operator("affekt.shape_head", icon="MOD_SMOOTH")
            draw_splats(self.layout, head)
            _draw_controls(self.layout, head)


def _draw_adding(layout: bpy.types.UILayout) -> None:
    """The ways to a head, or how far the one under way is."""
    if not draw_task(layout, "Add Head"):
        layout.operator("affekt.add_head", icon="ADD")
    if not draw_task(layout, "Add FLAME Head"):
        layout.operator("affekt.browse_flame_head", icon="ADD")
    layout.operator("affekt.use_character", icon="ARMATURE_DATA")
    draw_importing(layout)
    draw_creating(layout)


def _draw_controls(layout: bpy.types.UILayout, head: bpy.types.Object) -> None:
    """What the rig does by itself, of heads whose rig has it."""
    rig = armature_of(head)
    if rig is None:
        return
    aim, link = aim_bone_of(rig), jaw_link_of(rig)
    column = layout.column(align=True)
    if aim is not None:
        column.prop(aim, '["aim"]', text="Eyes Follow Aim", slider=True)
    if link is not None:
        column.prop(link, "influence", text="Jaw Follows jawOpen", slider=True)
