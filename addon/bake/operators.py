# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..character.baking import bake_character_steps
from ..character.find import is_character
from ..head.find import find_head, need_head
from ..link.session import session
from ..link.task_operator import TaskOperator
from ..link.tasks import Steps
from .baking import bake_steps


class AFFEKT_OT_bake(TaskOperator, bpy.types.Operator):
    """Bake the emotion curves over the take into a new Action; the take's own stays untouched"""

    bl_idname = "affekt.bake"
    bl_label = "Bake"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        head = find_head(context)
        if head is None:
            cls.poll_message_set("Select or add a head first")
            return False
        if not head.affekt_takes.items:
            cls.poll_message_set("Import a take onto the head first")
            return False
        return session.poll(cls)

    def make_steps(self, context: bpy.types.Context) -> Steps:
        head = need_head(context)
        if is_character(head):
            return bake_character_steps(head, context.scene)
        return bake_steps(head, context.scene)
