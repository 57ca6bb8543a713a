# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..flame.panel import draw_flame
from ..link.drawing import draw_task
from ..panels import SidebarPanel
from .controls import aim_bone_of, jaw_link_of
from .find import armature_of, find_head, is_flame
from .identity import has_identity


class AFFEKT_PT_head(SidebarPanel, bpy.types.Panel):
    """Add a head or use one of your own, and shape it"""

    bl_idname = "AFFEKT_PT_head"
    bl_label = "Head"
    bl_order = 1
    page = "open_head"

    def draw(self, context: bpy.types.Context) -> None:
        head = find_head(context)
        if head is not None:
            self.layout.label(text=head.name, translate=False, icon="USER")
        if not draw_task(self.layout, "Add Head"):
            self.layout.operator("affekt.add_head", icon="ADD")
        if not draw_task(self.layout, "Add FLAME Head"):
            self.layout.operator("affekt.browse_flame_head", icon="ADD")
        draw_flame(self.layout, head)
        if head is None or not head.affekt_character.is_character:
            self.layout.operator("affekt.use_character", icon="ARMATURE_DATA")
        if head is not None:
            if has_identity(head) and not is_flame(head):
                self.layout.operator("affekt.shape_head", icon="MOD_SMOOTH")
            _draw_controls(self.layout, head)


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
