# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..glance import glance
from ..link.drawing import draw_task
from ..panels import SidebarPanel, draw_sentence
from ..words.sentences import fill, translate
from .drawing import lacking
from .library import library_file
from .properties import chosen_name
from .store import is_own, own_presets

_PICTURE, _PICTURE_IN_GRID = 7.0, 4.4
"""Sizes in Blender's units of a button's height; four rows of the grid fit above or below the
panel in a window of 900 pixels."""


class AFFEKT_PT_presets(SidebarPanel, bpy.types.Panel):
    """Emotions that people show, by pictures; your own as well"""

    bl_idname = "AFFEKT_PT_presets"
    bl_label = "Presets"
    bl_parent_id = "AFFEKT_PT_emotion"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender's own form)

    def draw(self, context: bpy.types.Context) -> None:
        layout, presets = self.layout, context.window_manager.affekt_presets
        layout.template_icon_view(
            presets, "chosen", show_labels=True, scale=_PICTURE, scale_popup=_PICTURE_IN_GRID
        )
        name = chosen_name()
        row = layout.row(align=True)
        row.operator(
            "affekt.apply_preset", text=fill("Apply {name}", name=translate(name))
        ).name = name
        keyed = row.operator("affekt.apply_preset", text="", icon="KEY_HLT")
        keyed.name, keyed.key = name, True
        row.separator()
        row.operator("affekt.save_preset", text="", icon="ADD")
        if is_own(name):
            row.operator("affekt.delete_preset", text="", icon="REMOVE").name = name
        row = layout.row(align=True)
        row.operator("affekt.copy_pose", icon="COPYDOWN")
        row.operator("affekt.paste_pose", icon="PASTEDOWN")
        if not glance(("presets", library_file()), library_file().is_file):
            layout.operator("affekt.publish_presets", icon="ASSET_MANAGER")
        if not draw_task(layout, "Draw Presets") and lacking():
            layout.operator("affekt.draw_presets", icon="IMAGE_DATA")
        problem = own_presets().problem
        if problem is not None:
            draw_sentence(layout.box(), context, str(problem))
