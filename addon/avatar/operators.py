# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import need_head
from ..head.polling import TakeOperator
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from ..words.sentences import translate
from .rendering import read_settings, render_steps


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
        chosen = context.scene.affekt_avatar
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
        scene = context.scene
        return render_steps(need_head(context), scene, read_settings(scene))
