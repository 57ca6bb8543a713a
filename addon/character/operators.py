# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.wording import say_count
from ..head.find import find_head, need_head
from ..link.session import session
from ..link.task_operator import TaskOperator, redraw_sidebars
from ..link.tasks import Steps
from ..words.sentences import translate
from .applying import apply_mapping
from .calibrating import calibration_steps
from .find import is_character
from .look import use_character


def find_character(context: bpy.types.Context) -> bpy.types.Object | None:
    """The character that the animator means, or None."""
    head = find_head(context)
    return head if head is not None and is_character(head) else None


class AFFEKT_OT_use_character(bpy.types.Operator):
    """Use the selected character as a head: its shape keys are told by their names as ARKit's, its
    jaw, eyes, neck and head among the bones; each can be corrected"""

    bl_idname = "affekt.use_character"
    bl_label = "Use This Character"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set(translate("Select a character's mesh or armature, in Object Mode"))
        active = getattr(context, "object", None)
        return active is not None and active.type in ("MESH", "ARMATURE") and active.mode != "EDIT"

    def execute(self, context: bpy.types.Context) -> set[str]:
        said = use_character(context.object)
        self.report({"INFO"}, " ".join(said))
        redraw_sidebars(context)
        return {"FINISHED"}


class _CharacterOperator:
    """Mix-in: needs a character."""

    @classmethod
    def poll(cls: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
        cls.poll_message_set(translate("Select a character that is in use"))
        return find_character(context) is not None


class AFFEKT_OT_calibrate(_CharacterOperator, TaskOperator, bpy.types.Operator):
    """Measure how far the character's shapes move its face, so that a take and its emotions are as
    strong on it as on Affekt's own head"""

    bl_idname = "affekt.calibrate"
    bl_label = "Calibrate"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and session.poll(cls)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        return calibration_steps(need_head(context), context.scene)


class AFFEKT_OT_apply_strengths(_CharacterOperator, bpy.types.Operator):
    """Write the character's takes and bakes anew by its present strengths and calibration; what was
    edited by hand stays"""

    bl_idname = "affekt.apply_strengths"
    bl_label = "Apply to Takes"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        written = apply_mapping(need_head(context), context.scene)
        self.report({"INFO"}, f"{say_count(written, 'take')} written anew.")
        return {"FINISHED"}


class AFFEKT_OT_add_shape_key_line(_CharacterOperator, bpy.types.Operator):
    """Give this shape one more key, such as one in another mesh"""

    bl_idname = "affekt.add_shape_key_line"
    bl_label = "Add a Key"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        head = need_head(context)
        character = head.affekt_character
        at = min(character.active_line, len(character.lines) - 1)
        line = character.lines.add()
        line.name, line.is_chosen = character.lines[at].name, True
        character.lines.move(len(character.lines) - 1, at + 1)
        character.active_line = at + 1
        return {"FINISHED"}


class AFFEKT_OT_release_character(_CharacterOperator, bpy.types.Operator):
    """Let go of this character: its keys, bones and Actions stay as they are"""

    bl_idname = "affekt.release_character"
    bl_label = "Release Character"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        head = need_head(context)
        head.affekt_character.is_character = head.affekt_head.is_head = False
        redraw_sidebars(context)
        return {"FINISHED"}
