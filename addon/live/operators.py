# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ..head.find import find_head, need_head
from ..head.polling import TakeOperator
from ..link.session import session
from . import running


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
