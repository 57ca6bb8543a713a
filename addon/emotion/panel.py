# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...shared.emotion import CONTROLS, EMOTIONS
from ..head.find import need_head
from ..panels import HeadPanel, SidebarPanel
from ..preferences import preferences
from .properties import AFFEKT_PG_emotion

_FIRST = ("influence", "keep_closed")
"""The controls that stand under the emotions themselves: they decide what the take keeps."""


class AFFEKT_PT_emotion(HeadPanel, bpy.types.Panel):
    """The emotions of the head; hover over a slider and press I to key it"""

    bl_idname = "AFFEKT_PT_emotion"
    bl_label = "Emotion"
    bl_order = 3
    page = "presets"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        emotion = need_head(context).affekt_emotion
        draw_channels(layout, emotion, EMOTIONS)
        draw_channels(layout, emotion, _FIRST)
        row = layout.row(align=True)
        row.operator("affekt.key_emotions", icon="KEY_HLT")
        row.operator("affekt.neutral", icon="LOOP_BACK")
        row = layout.row(align=True)
        row.operator("affekt.import_emotions", text="Import", icon="IMPORT")
        row.operator("affekt.export_emotions", text="Export", icon="EXPORT")
        settings = preferences(context)
        if settings is not None:
            layout.prop(settings, "shows_strip")


class AFFEKT_PT_emotion_strengths(SidebarPanel, bpy.types.Panel):
    """How strongly the emotions show in the parts of the face"""

    bl_idname = "AFFEKT_PT_emotion_strengths"
    bl_label = "Strengths"
    bl_parent_id = "AFFEKT_PT_emotion"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender's own form)

    def draw(self, context: bpy.types.Context) -> None:
        emotion = need_head(context).affekt_emotion
        draw_channels(self.layout, emotion, [name for name in CONTROLS if name not in _FIRST])


def draw_channels(
    layout: bpy.types.UILayout, emotion: AFFEKT_PG_emotion, names: Sequence[str]
) -> None:
    """A slider for each channel, with the dot that keys it."""
    column = layout.column(align=True)
    for name in names:
        row = column.row(align=True)
        row.prop(emotion, name, slider=True)
        row.prop_decorator(emotion, name)
