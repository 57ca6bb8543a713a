# SPDX-License-Identifier: GPL-3.0-or-later
"""What every panel of the sidebar shares."""

from __future__ import annotations

import blf
import bpy

from .head.find import find_head
from .words.manual import FIRST_PAGE
from .words.sentences import translate
from .wrapping import wrap

_FONT = 0
_BORDER = 62.0
"""Pixels of a sidebar beside its text, at a scale of 1: margins, a box, the tabs."""
_NARROWEST = 80.0


class SidebarPanel:
    """Mix-in: the tab 'Affekt' in the 3D view's sidebar."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Affekt"
    bl_parent_id = ""
    page = FIRST_PAGE
    """Of the manual, behind the question mark in the panel's heading."""
    layout: bpy.types.UILayout  # Blender's own

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        if not self.bl_parent_id:
            button = self.layout.operator("affekt.open_manual", text="", icon="HELP", emboss=False)
            button.page = self.page


class HeadPanel(SidebarPanel):
    """Mix-in: a panel that shows only where there is a head."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return find_head(context) is not None


def draw_sentence(layout: bpy.types.UILayout, context: bpy.types.Context, sentence: str) -> None:
    """Draws a sentence in as many lines as the region's width needs; a label alone would be cut
    off."""
    preferences = context.preferences
    scale = preferences.system.ui_scale
    blf.size(_FONT, preferences.ui_styles[0].widget.points * scale)
    width = max(_NARROWEST, context.region.width - _BORDER * scale)
    column = layout.column(align=True)
    column.scale_y = 0.85
    for line in wrap(translate(sentence), width, lambda text: blf.dimensions(_FONT, text)[0]):
        column.label(text=line)
