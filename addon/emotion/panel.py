# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence

import bpy

from ...shared.emotion import CONTROLS, EMOTIONS
from ...shared.units import REGIONS, UNITS, ActionUnit, UnitRegion
from ..head.find import need_head
from ..panels import HeadPanel, SidebarPanel, draw_sentence
from ..preferences import preferences
from ..words.sentences import translate
from .describing import last_described
from .properties import AFFEKT_PG_emotion, unit_label
from .units import units_in_use

_REGIONS: dict[UnitRegion, str] = {
    "brows": "Brows",
    "eyes": "Eyes",
    "nose": "Nose",
    "mouth": "Mouth",
    "jaw": "Jaw",
}
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


class AFFEKT_PT_words(SidebarPanel, bpy.types.Panel):
    """Words for the face, which become keys of emotions and action units"""

    bl_idname = "AFFEKT_PT_words"
    bl_label = "In Words"
    bl_parent_id = "AFFEKT_PT_emotion"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender's own form)

    def draw(self, context: bpy.types.Context) -> None:
        layout, head = self.layout, need_head(context)
        layout.prop(head.affekt_emotion, "words", text="", icon="TEXT")
        layout.operator("affekt.describe", icon="KEY_HLT")
        settings, notes = last_described(head)
        column = layout.column(align=True)
        for setting in settings:
            row = column.split(factor=0.6)
            row.label(text=f"{_channel_label(setting.channel)}: {setting.weight:.2f}")
            row.label(text=setting.words)
        for note in notes:
            draw_sentence(layout, context, note)


def _channel_label(channel: str) -> str:
    """What a slider is called, in the interface's language."""
    return translate(AFFEKT_PG_emotion.bl_rna.properties[channel].name)


class AFFEKT_MT_units(bpy.types.Menu):
    """Movements of single muscles of the face, by the numbers of FACS"""

    bl_idname = "AFFEKT_MT_units"
    bl_label = "Add Action Unit"

    def draw(self, _: bpy.types.Context) -> None:
        row = self.layout.row()
        for region in REGIONS:
            column = row.column()
            column.label(text=translate(_REGIONS[region]))
            column.separator()
            for unit in UNITS:
                if unit.region == region:
                    text = translate(unit_label(unit))
                    column.operator("affekt.add_unit", text=text).number = unit.number


class AFFEKT_PT_units(SidebarPanel, bpy.types.Panel):
    """Movements of single muscles, on top of the emotions; only those in use are listed"""

    bl_idname = "AFFEKT_PT_units"
    bl_label = "Fine Expressions"
    bl_parent_id = "AFFEKT_PT_emotion"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender's own form)

    def draw(self, context: bpy.types.Context) -> None:
        layout, head = self.layout, need_head(context)
        used = units_in_use(head)
        for region in REGIONS:
            units = [unit for unit in UNITS if unit.region == region and {*unit.channels} & {*used}]
            if units:
                layout.label(text=translate(_REGIONS[region]))
            for unit in units:
                _draw_unit(layout.column(align=True), head.affekt_emotion, unit, used)
        layout.menu("AFFEKT_MT_units", icon="ADD")


def _draw_unit(
    column: bpy.types.UILayout, emotion: AFFEKT_PG_emotion, unit: ActionUnit, used: Sequence[str]
) -> None:
    """The unit's sliders, and beside the first what splits it and what removes it."""
    shown = [name for name in unit.channels if name in used or name == unit.channels[0]]
    for name in shown:
        row = column.row(align=True)
        row.prop(emotion, name, slider=True)
        row.prop_decorator(emotion, name)
        if name != shown[0]:
            continue
        if len(shown) < len(unit.channels):
            row.operator("affekt.split_unit", text="", icon="MOD_MIRROR").number = unit.number
        row.operator("affekt.clear_unit", text="", icon="X").number = unit.number


def draw_channels(
    layout: bpy.types.UILayout, emotion: AFFEKT_PG_emotion, names: Sequence[str]
) -> None:
    """A slider for each channel, with the dot that keys it."""
    column = layout.column(align=True)
    for name in names:
        row = column.row(align=True)
        row.prop(emotion, name, slider=True)
        row.prop_decorator(emotion, name)
