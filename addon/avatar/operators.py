# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import need_head
from ..head.polling import HeadOperator, TakeOperator
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from ..words.sentences import translate
from .rendering import read_settings, render_steps, show_mesh


class AFFEKT_OT_render_avatar(TakeOperator, TaskOperator, bpy.types.Operator):
    """Render a Gaussian avatar or the head with the head's motion, and bring the frames into the
    compositor"""

    bl_idname = "affekt.render_avatar"
    bl_label = "Render Avatar"
    cancelled = "what was rendered waits for the next time, the compositor is as it was"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        chosen = need_head(context).affekt_avatar
        if chosen.subject == "FILE" and not chosen.file:
            cls.poll_message_set(translate("Choose an avatar file first"))
            return False
        if chosen.camera == "SCENE" and context.scene.camera is None:
            cls.poll_message_set(
                translate("Add a camera to the scene first, or render the portrait")
            )
            return False
        return session.poll(cls)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        head, scene = need_head(context), context.scene
        return render_steps(head, scene, read_settings(head, scene))


class AFFEKT_OT_show_head_mesh(HeadOperator, bpy.types.Operator):
    """Bring the head's own mesh back into the scene's rendering, and let later renderings of the
    avatar leave it there"""

    bl_idname = "affekt.show_head_mesh"
    bl_label = "Show Head Mesh"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)

    def execute(self, context: bpy.types.Context) -> set[str]:
        show_mesh(need_head(context))
        return {"FINISHED"}
