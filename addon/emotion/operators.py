# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys on all emotion channels at once, and back to neutral."""

from __future__ import annotations

import bpy

from ...shared.emotion import CHANNELS, EMOTIONS
from ..head.find import find_head, need_editable, need_head
from .action import ensure_action
from .properties import channel_path


def key_channels(head: bpy.types.Object, frame: float) -> None:
    """Keys every emotion channel of the head at its present value, in the head's own Action.

    Raises InputError `head.linked`.
    """
    need_editable(head)
    ensure_action(head)
    for name in CHANNELS:
        head.keyframe_insert(channel_path(name), frame=frame, group="Emotion")


class AFFEKT_OT_key_emotions(bpy.types.Operator):
    """Key all emotion channels at the current frame"""

    bl_idname = "affekt.key_emotions"
    bl_label = "Key All"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("Select or add a head first")
        return find_head(context) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        key_channels(need_head(context), context.scene.frame_current)
        return {"FINISHED"}


class AFFEKT_OT_neutral(bpy.types.Operator):
    """Set the six emotions to 0 (keys are not touched)"""

    bl_idname = "affekt.neutral"
    bl_label = "Neutral"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("Select or add a head first")
        return find_head(context) is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        head = need_head(context)
        need_editable(head)
        for name in EMOTIONS:
            setattr(head.affekt_emotion, name, 0.0)
        return {"FINISHED"}
