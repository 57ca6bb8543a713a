# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import sys

import bpy

from ...shared.supervisor import SupervisorState
from ..guard import guard_call
from ..preferences import preferences, remote_file, sidecar_command
from .log_text import newest_log, show_log
from .session import session
from .task_operator import redraw_sidebars
from .tasks import end_task, running_task

START_TICK_S = 0.1
TICK_S = 0.25
"""How often the session is looked after: a death shows within this and a hang within 3 s."""


def watch_session() -> None:
    """Lets a timer look after the session until it is off. Timers need a window."""
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=START_TICK_S, persistent=True)


def unwatch_session() -> None:
    """Takes the timer away."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


_shown = ""


def _tick() -> float | None:
    guard_call(_look_after, "Looking after the sidecar")
    state = session.state
    if state in (SupervisorState.OFF, SupervisorState.FAILED):
        return None
    return START_TICK_S if state is SupervisorState.STARTING else TICK_S


def _look_after() -> None:
    global _shown
    session.step()
    if session.describe() != _shown:
        _shown = session.describe()
        redraw_sidebars(bpy.context)


class AFFEKT_OT_start_sidecar(bpy.types.Operator):
    """Start the sidecar, the process that computes heads, bakes and avatars"""

    bl_idname = "affekt.start_sidecar"
    bl_label = "Start Sidecar"

    def execute(self, context: bpy.types.Context) -> set[str]:
        session.start(sidecar_command(preferences(context)))
        watch_session()
        return {"FINISHED"}


class AFFEKT_OT_connect_sidecar(bpy.types.Operator):
    """Connect to a sidecar that was started in a terminal with 'affekt serve', or to the one of
    the connection file in the add-on's preferences"""

    bl_idname = "affekt.connect_sidecar"
    bl_label = "Connect to a Running One"

    def execute(self, context: bpy.types.Context) -> set[str]:
        session.connect(remote_file(preferences(context)))
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


class AFFEKT_OT_open_log(bpy.types.Operator):
    """Show what the sidecar has logged"""

    bl_idname = "affekt.open_log"
    bl_label = "Open Log"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("No sidecar of this Blender's has a log")
        return session.log_path is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = session.log_path
        assert path is not None  # poll
        newest, has_opener = newest_log(path), sys.platform in ("win32", "darwin")
        has_opener = has_opener or shutil.which("xdg-open") is not None
        if has_opener and newest is not None and not bpy.app.background:
            bpy.ops.wm.path_open(filepath=str(newest))
            self.report({"INFO"}, f"The log is {newest}; older ones lie beside it.")
        else:
            self.report({"INFO"}, show_log(context, path))
        return {"FINISHED"}
