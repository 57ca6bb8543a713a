# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import find_head, need_head
from ..head.polling import TakeOperator
from ..link.session import session
from ..words.sentences import translate
from . import running


class AFFEKT_OT_show_avatar(TakeOperator, bpy.types.Operator):
    """Show the avatar over the head in the camera's view, with the emotions in it, small while
    something moves and fine once all rests. Only the viewport shows it: for pictures, Render
    Avatar"""

    bl_idname = "affekt.show_avatar"
    bl_label = "Show in Camera View"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        head = find_head(context)
        if head is not None and running.avatar_of(head) is not None:
            return True
        if not super().poll(context):
            return False
        if context.scene.camera is None:
            cls.poll_message_set(translate("Add a camera to the scene first"))
            return False
        return session.poll(cls)

    def execute(self, context: bpy.types.Context) -> set[str]:
        head = need_head(context)
        if running.avatar_of(head) is not None:
            running.hide_avatar(head)
        else:
            running.show_avatar(head, context.scene)
        return {"FINISHED"}


class AFFEKT_OT_live(TakeOperator, bpy.types.Operator):
    """Show the emotions in the viewport while sliders move and the timeline plays; neither the
    take nor a bake is touched"""

    bl_idname = "affekt.live"
    bl_label = "Live"

    action: bpy.props.EnumProperty(
        name="Action",
        description="What is done",
        items=(
            ("TOGGLE", "Toggle", "On if it is off, off if it is on"),
            ("ON", "On", "Show the emotions live"),
            ("OFF", "Off", "Show the take or the bake as it is"),
        ),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        head = find_head(context)
        if head is not None and running.live_of(head) is not None:
            return True
        return super().poll(context) and session.poll(cls)

    def execute(self, context: bpy.types.Context) -> set[str]:
        head = need_head(context)
        is_off = running.live_of(head) is None
        if self.action == "ON" or (self.action == "TOGGLE" and is_off):
            running.start(head, context.scene)
        else:
            running.stop(head)
        return {"FINISHED"}
