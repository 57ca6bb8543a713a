# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import bpy

from ...shared.errors import LinkError
from ...shared.process import START_S
from ...shared.supervisor import SupervisorState
from ..guard import guard_call
from ..preferences import preferences, remote_file, sidecar_command, sidecar_options
from ..words.sentences import translate
from .log_text import open_log
from .session import session
from .task_operator import redraw_sidebars
from .tasks import end_task, running_task

_PAUSE_S = 0.02
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
    told = f"{session.describe()} {session.warming}"
    if told != _shown:
        _shown = told
        redraw_sidebars(bpy.context)


class AFFEKT_OT_start_sidecar(bpy.types.Operator):
    """Start the sidecar, the process that computes heads, bakes and avatars"""

    bl_idname = "affekt.start_sidecar"
    bl_label = "Start Sidecar"

    wait: bpy.props.BoolProperty(
        name="Wait",
        description="Return once the sidecar is connected, as scripts and farms need it: without a "
        "window nothing else looks after it",
        options={"SKIP_SAVE"},
    )
    timeout: bpy.props.FloatProperty(
        name="Timeout",
        description="Longest time to wait for it, in seconds",
        default=START_S,
        min=0,
        subtype="TIME_ABSOLUTE",
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = preferences(context)
        session.start(sidecar_command(settings), sidecar_options(settings))
        if self.wait:
            wait_for_session(self.timeout)
        watch_session()
        return {"FINISHED"}


def wait_for_session(timeout_s: float) -> None:
    """Returns once the session is connected. Raises the LinkError that it failed with, or
    `link.start` when the time is over; then no sidecar is left."""
    deadline = time.monotonic() + timeout_s
    while session.step() is not SupervisorState.CONNECTED:
        if session.state is SupervisorState.FAILED and session.error is not None:
            raise session.error
        if time.monotonic() >= deadline:
            said = session.describe()
            session.stop()
            raise LinkError(
                "link.start",
                f"The sidecar did not connect within {timeout_s:.0f} seconds ({said}).",
                "Try again with a longer timeout; `affekt doctor` says what may be wrong.",
            )
        time.sleep(_PAUSE_S)


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
        cls.poll_message_set(translate("Nothing is under way"))
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
        cls.poll_message_set(translate("No sidecar of this Blender's has a log"))
        return session.log_path is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = session.log_path
        assert path is not None  # poll
        self.report({"INFO"}, open_log(context, path))
        return {"FINISHED"}
