# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import find_head, need_head
from ..link.drawing import draw_task
from ..live.drawing import draw_avatar_button
from ..panels import SidebarPanel
from .rendering import is_mesh_hidden


class AFFEKT_PT_avatar(SidebarPanel, bpy.types.Panel):
    """Render the head as a Gaussian avatar into pictures for the compositor"""

    bl_idname = "AFFEKT_PT_avatar"
    bl_label = "Avatar"
    bl_order = 5
    page = "compositor"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return find_head(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        head, column = need_head(context), _column(self.layout)
        chosen = head.affekt_avatar
        column.prop(chosen, "subject")
        if chosen.subject == "FILE":
            column.prop(chosen, "file")
            column.prop(chosen, "adapter")
        column.prop(chosen, "camera")
        column.prop(chosen, "head_mesh" if chosen.camera == "SCENE" else "size")
        column.prop(chosen, "frame_range")
        column.prop(chosen, "folder")
        if chosen.subject != "MESH":
            draw_avatar_button(self.layout, context, head)
        if not draw_task(self.layout, "Render Avatar"):
            is_part = chosen.frame_range == "CURRENT"
            icon = "RENDER_STILL" if is_part else "RENDER_ANIMATION"
            self.layout.operator("affekt.render_avatar", icon=icon)
        if is_mesh_hidden(head):
            self.layout.operator("affekt.show_head_mesh", icon="HIDE_OFF")


class AFFEKT_PT_avatar_output(SidebarPanel, bpy.types.Panel):
    """File format, passes and quality of the pictures"""

    bl_idname = "AFFEKT_PT_avatar_output"
    bl_label = "Output"
    bl_parent_id = "AFFEKT_PT_avatar"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender's own form)

    def draw(self, context: bpy.types.Context) -> None:
        chosen, column = need_head(context).affekt_avatar, _column(self.layout)
        column.prop(chosen, "format")
        if chosen.format == "EXR":
            column.prop(chosen, "depth")
            column.prop(chosen, "codec")
            column.column(align=True).prop(chosen, "passes")
        if chosen.subject != "MESH":
            column.prop(chosen, "follow")
            column.prop(chosen, "antialiased")
        column.prop(chosen, "reuse")


def _column(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    return column
