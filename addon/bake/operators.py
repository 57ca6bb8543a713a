# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.errors import AffektError
from ..browsing import hand_on
from ..character.find import is_character
from ..head.find import need_head
from ..head.polling import TakeOperator
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from ..motion.takes import source_take
from ..panels import draw_sentence
from .baking import bake_steps
from .properties import NAMES, BakeProperties
from .targets import target_of


class AFFEKT_OT_bake(BakeProperties, TakeOperator, TaskOperator, bpy.types.Operator):
    """Bake the emotion curves over what plays; the take's own Action stays untouched"""

    bl_idname = "affekt.bake"
    bl_label = "Bake"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and session.poll(cls)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        return bake_steps(need_head(context), context.scene, self.bake_options())

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if say_edited(self, context):
            chosen = {name: getattr(self, name) for name in NAMES}
            bpy.ops.affekt.bake_edited("INVOKE_DEFAULT", **chosen)
            return {"CANCELLED"}
        return self.begin(context)

    def draw(self, context: bpy.types.Context) -> None:
        draw_options(self.layout, self, need_head(context))
        self.layout.prop(self, "overwrite")


class AFFEKT_OT_bake_edited(BakeProperties, bpy.types.Operator):
    """Ask before a bake that was edited by hand is baked again"""

    # An operator that Blender has executed from its dialog may not go on under a timer, so the
    # bake is an operator of its own.
    bl_idname = "affekt.bake_edited"
    bl_label = "This Bake Was Edited"
    bl_options = {"INTERNAL"}  # noqa: RUF012 (Blender's own form)

    edits: bpy.props.EnumProperty(
        name="Edits",
        description="What becomes of the keys that you have changed in the bake",
        items=(
            ("KEEP", "Keep Them", "Bake into a new Action"),
            ("LOSE", "Overwrite Them", "Bake into the same Action; its edits are lost"),
        ),
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=360)

    def draw(self, context: bpy.types.Context) -> None:
        draw_sentence(self.layout, context, say_edited(self, context))
        self.layout.row().prop(self, "edits", expand=True)

    def execute(self, context: bpy.types.Context) -> set[str]:
        chosen = {name: getattr(self, name) for name in NAMES}
        if self.edits == "LOSE":
            chosen["overwrite"] = True
        else:
            chosen["target"] = "NEW"
        return hand_on(self, lambda: bpy.ops.affekt.bake("INVOKE_DEFAULT", **chosen))


def say_edited(chosen: BakeProperties, context: bpy.types.Context) -> str:
    """A sentence on the bake that would lose an animator's edits; empty where none would."""
    try:
        head = need_head(context)
        _, kept = target_of(head, source_take(head).name, chosen.bake_options())
    except AffektError:  # which the bake itself reports
        return ""
    return kept


def draw_options(
    layout: bpy.types.UILayout, chosen: BakeProperties, head: bpy.types.Object
) -> None:
    """The options of a bake, one below the other; a character's has not all of them."""
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(chosen, "frame_range")
    if chosen.frame_range == "OWN":
        pair = column.column(align=True)
        for name in ("first", "last"):
            pair.prop(chosen, name)
    column.prop(chosen, "target")
    has_all = not is_character(head)
    if has_all:
        column.prop(chosen, "simplify_mm")
    if has_all and not chosen.simplify_mm:
        column.prop(chosen, "step")
    column.prop(chosen, "as_strip")
    if has_all:
        column.prop(chosen, "cache")
