# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.character_bones import ROLES
from ...shared.errors import AffektError
from ..head.find import need_head
from ..link.drawing import draw_task
from ..panels import SidebarPanel, draw_sentence
from ..words.sentences import fill
from .applying import old_takes
from .find import has_key, mesh_of
from .operators import find_character
from .properties import AFFEKT_PG_character, AFFEKT_PG_character_line

_BOTH_FIT = 340.0
"""Pixels of a sidebar, at a scale of 1, in which a line has room for both names."""


class AFFEKT_UL_character_lines(bpy.types.UIList):
    """ARKit's shapes, each with the mesh and the key that it moves."""

    bl_idname = "AFFEKT_UL_character_lines"

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        data: AFFEKT_PG_character,
        item: AFFEKT_PG_character_line,
        icon: int,
        active_data: AFFEKT_PG_character,
        active_property: str,
        index: int = 0,
    ) -> None:
        is_there = has_key(item)
        is_wide = context.region is None or context.region.width > _BOTH_FIT * _scale(context)
        row = layout.split(factor=0.45, align=True) if is_wide else layout
        name = row.row()
        name.alert = bool(item.key) and not is_there
        name.label(text=item.name, translate=False, icon="CHECKMARK" if is_there else "BLANK1")
        keys = mesh_of(item).data.shape_keys
        if keys is None:
            row.label(text="no shape keys", icon="ERROR")
        elif is_wide:
            row.prop_search(item, "key", keys, "key_blocks", text="")


def _scale(context: bpy.types.Context) -> float:
    return context.preferences.system.ui_scale


class CharacterPanel(SidebarPanel):
    """Mix-in: a part of the panel Character."""

    bl_parent_id = "AFFEKT_PT_character"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012 (Blender's own form)


class AFFEKT_PT_character(SidebarPanel, bpy.types.Panel):
    """A character of your own with ARKit shapes, used as a head"""

    bl_idname = "AFFEKT_PT_character"
    bl_label = "Character"
    bl_order = 1
    page = "characters"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return find_character(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        head, layout = need_head(context), self.layout
        character = head.affekt_character
        for note in character.notes.splitlines():
            draw_sentence(layout, context, note)
        if not draw_task(layout, "Calibrate"):
            row = layout.row(align=True)
            row.operator("affekt.calibrate", icon="DRIVER_DISTANCE")
            if character.calibration:
                row.prop(character, "uses_calibration", text="", icon="CHECKMARK")
        _draw_old(layout, context, head)
        row = layout.row(align=True)
        row.operator("affekt.use_character", text="Look Again", icon="FILE_REFRESH")
        row.operator("affekt.release_character", text="", icon="X")


def _draw_old(
    layout: bpy.types.UILayout, context: bpy.types.Context, head: bpy.types.Object
) -> None:
    """What is to be done for takes that were written by other settings."""
    try:
        takes = old_takes(head)
    except AffektError as error:
        draw_sentence(layout, context, str(error))
        return
    if takes:
        box = layout.box()
        names = ", ".join(take.name for take in takes[:3])
        draw_sentence(box, context, fill("Written by other strengths: {names}.", names=names))
        box.operator("affekt.apply_strengths", icon="FILE_TICK")


class AFFEKT_PT_character_shapes(CharacterPanel, bpy.types.Panel):
    """Which shape key each of ARKit's shapes moves, and how strongly"""

    bl_idname = "AFFEKT_PT_character_shapes"
    bl_label = "Shapes"

    def draw(self, context: bpy.types.Context) -> None:
        character = need_head(context).affekt_character
        layout = self.layout
        layout.template_list(
            AFFEKT_UL_character_lines.bl_idname, "", character, "lines", character, "active_line"
        )
        if 0 <= character.active_line < len(character.lines):
            line = character.lines[character.active_line]
            keys = mesh_of(line).data.shape_keys
            if keys is not None:
                layout.prop_search(line, "key", keys, "key_blocks")
            layout.prop(line, "mesh")
            layout.prop(line, "strength", slider=True)
            layout.operator("affekt.add_shape_key_line", icon="ADD")


class AFFEKT_PT_character_bones(CharacterPanel, bpy.types.Panel):
    """Which bones a take turns"""

    bl_idname = "AFFEKT_PT_character_bones"
    bl_label = "Bones"

    def draw(self, context: bpy.types.Context) -> None:
        character = need_head(context).affekt_character
        layout = self.layout
        layout.use_property_split = True
        layout.prop(character, "armature")
        if character.armature is not None:
            for role in ROLES:
                layout.prop_search(character, role, character.armature.data, "bones")
