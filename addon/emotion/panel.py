# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.emotion import EMOTIONS
from ..head.find import find_head
from ..panels import SidebarPanel


class AFFEKT_PT_emotion(SidebarPanel, bpy.types.Panel):
    bl_idname = "AFFEKT_PT_emotion"
    bl_label = "Emotion"
    bl_order = 3

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return find_head(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        emotion = find_head(context).affekt_emotion
        column = layout.column(align=True)
        for name in EMOTIONS:
            column.prop(emotion, name, slider=True)
        layout.prop(emotion, "influence", slider=True)
        row = layout.row(align=True)
        row.operator("affekt.key_emotions", icon="KEY_HLT")
        row.operator("affekt.neutral", icon="LOOP_BACK")


class AFFEKT_PT_emotion_strengths(SidebarPanel, bpy.types.Panel):
    bl_idname = "AFFEKT_PT_emotion_strengths"
    bl_label = "Strengths"
    bl_parent_id = "AFFEKT_PT_emotion"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender's own form)

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        emotion = find_head(context).affekt_emotion
        for name in ("upper", "lower", "geometry", "appearance"):
            column.prop(emotion, name, slider=True)
