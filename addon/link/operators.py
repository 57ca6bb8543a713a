# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bpy

from ...shared.errors import AffektError
from ..preferences import preferences, sidecar_command
from .session import LinkState, session
from .task_operator import redraw_sidebars
from .tasks import end_task, running_task

_TICK_SECONDS = {LinkState.STARTING: 0.1, LinkState.CONNECTED: 1.0}


def watch_session() -> None:
    """Lets a timer look after the session until it is off. Timers need a window."""
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=0.1, persistent=True)


def _tick() -> float | None:
    before = session.state
    after = session.step()
    if after is not before:
        redraw_sidebars(bpy.context)
    return _TICK_SECONDS.get(after)


class AFFEKT_OT_start_sidecar(bpy.types.Operator):
    """Start the sidecar, the process that computes heads, bakes and avatars"""

    bl_idname = "affekt.start_sidecar"
    bl_label = "Start Sidecar"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            session.start(sidecar_command(preferences(context)))
        except AffektError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        watch_session()
        return {"FINISHED"}


class AFFEKT_OT_connect_sidecar(bpy.types.Operator):
    """Connect to a sidecar that was started in a terminal with 'affekt serve'"""

    bl_idname = "affekt.connect_sidecar"
    bl_label = "Connect to a Running One"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            session.connect()
        except AffektError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        watch_session()
        return {"FINISHED"}


class AFFEKT_OT_stop_sidecar(bpy.types.Operator):
    """Leave the sidecar; one that this Blender started ends"""

    bl_idname = "affekt.stop_sidecar"
    bl_label = "Stop"

    def execute(self, context: bpy.types.Context) -> set[str]:
        end_task()
        session.stop()
        return {"FINISHED"}


class AFFEKT_OT_cancel(bpy.types.Operator):
    """Stop the work that is under way (Esc)"""

    bl_idname = "affekt.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("Nothing is under way")
        return running_task() is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        end_task()  # its operator sees at the next tick that the task is gone
        return {"FINISHED"}


class AFFEKT_OT_copy_error(bpy.types.Operator):
    """Copy the whole error to the clipboard"""

    bl_idname = "affekt.copy_error"
    bl_label = "Copy Error"

    def execute(self, context: bpy.types.Context) -> set[str]:
        error = session.error
        context.window_manager.clipboard = "" if error is None else f"{error} [{error.code}]"
        return {"FINISHED"}
