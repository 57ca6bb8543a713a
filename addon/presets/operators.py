# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion presets, and poses by the clipboard."""

from __future__ import annotations

import bpy

from ...shared.emotion import CHANNELS, EMOTIONS
from ...shared.limits import MAX_EMOTION_WEIGHT
from ...shared.presets import POSE, preset_of
from ..emotion.pose import read_pose, strike_pose
from ..emotion.units import units_in_use
from ..head.find import need_head
from ..head.polling import HeadOperator
from ..link.session import session
from ..link.task_operator import TaskOperator, redraw_sidebars
from ..link.tasks import Steps
from .clipboard import copy_text, decode_pose, encode_pose, paste_text
from .drawing import draw_steps
from .library import publish_again
from .properties import choose, chosen_name
from .store import find_preset, is_own, keep_preset, remove_preset


class KeyProperties:
    """Mix-in: whether what is set is keyed too."""

    key: bpy.props.BoolProperty(
        name="Key",
        description="Key what is set at the current frame; with Auto Keying on it is keyed anyway",
        options={"SKIP_SAVE"},
    )


class AFFEKT_OT_apply_preset(KeyProperties, HeadOperator, bpy.types.Operator):
    """Set the six emotions and both halves of the face to those of a preset"""

    bl_idname = "affekt.apply_preset"
    bl_label = "Apply Preset"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    name: bpy.props.StringProperty(
        name="Preset",
        description="The preset's name; empty means the one that the panel shows",
        options={"SKIP_SAVE"},
    )
    strength: bpy.props.FloatProperty(
        name="Strength",
        description="Factor on the preset's emotions: half as strong at 0.5, neutral at 0",
        default=1,
        min=0,
        soft_max=1.5,
        max=10,
        subtype="FACTOR",
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        preset = find_preset(self.name or chosen_name())
        self.name = preset.name  # a change of the strength means this one again
        pose = preset.pose
        for name in EMOTIONS:
            pose[name] = min(pose[name] * self.strength, MAX_EMOTION_WEIGHT)
        strike_pose(need_head(context), pose, context.scene, key=self.key)
        return {"FINISHED"}


class AFFEKT_OT_save_preset(HeadOperator, bpy.types.Operator):
    """Save the six emotions and both halves of the face as a preset of your own, for every file"""

    bl_idname = "affekt.save_preset"
    bl_label = "Save as Preset"

    name: bpy.props.StringProperty(
        name="Name", description="What the preset will be called", options={"SKIP_SAVE"}
    )
    overwrite: bpy.props.BoolProperty(
        name="Overwrite",
        description="Put it in the place of a preset of yours with the same name",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.name and is_own(chosen_name()):
            self.name = chosen_name()
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context: bpy.types.Context) -> set[str]:
        preset = preset_of(self.name.strip(), read_pose(need_head(context), POSE))
        self.report({"INFO"}, keep_preset(preset, overwrite=self.overwrite))
        choose(preset.name)
        publish_again()
        redraw_sidebars(context)
        return {"FINISHED"}


class AFFEKT_OT_delete_preset(bpy.types.Operator):
    """Delete a preset of your own; Undo does not bring it back"""

    bl_idname = "affekt.delete_preset"
    bl_label = "Delete Preset"

    name: bpy.props.StringProperty(
        name="Preset",
        description="The preset's name; empty means the one that the panel shows",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        name = self.name or chosen_name()
        remove_preset(name)
        publish_again()
        self.report({"INFO"}, f"Deleted the preset {name}.")
        redraw_sidebars(context)
        return {"FINISHED"}


class AFFEKT_OT_copy_pose(HeadOperator, bpy.types.Operator):
    """Copy all emotion channels as they are now, for another head, frame or file"""

    bl_idname = "affekt.copy_pose"
    bl_label = "Copy Pose"

    def execute(self, context: bpy.types.Context) -> set[str]:
        head = need_head(context)
        copy_text(encode_pose(read_pose(head, (*CHANNELS, *units_in_use(head)))), context)
        self.report({"INFO"}, "The emotion pose is on the clipboard.")
        return {"FINISHED"}


class AFFEKT_OT_paste_pose(KeyProperties, HeadOperator, bpy.types.Operator):
    """Set the emotion channels to the pose on the clipboard"""

    bl_idname = "affekt.paste_pose"
    bl_label = "Paste Pose"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        head, pose = need_head(context), decode_pose(paste_text(context))
        if pose.keys() >= set(CHANNELS):  # a whole face: units that it does not name rest in it
            pose = dict.fromkeys(units_in_use(head), 0.0) | dict(pose)
        strike_pose(head, pose, context.scene, key=self.key)
        return {"FINISHED"}


class AFFEKT_OT_draw_presets(TaskOperator, bpy.types.Operator):
    """Let the sidecar draw a face for each of your own presets"""

    bl_idname = "affekt.draw_presets"
    bl_label = "Draw Presets"
    bl_options = {"REGISTER"}  # noqa: RUF012 (Blender's own form)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session.poll(cls)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        return draw_steps()
