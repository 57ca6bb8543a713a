# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator around a task: a timer steps it, Esc cancels it, a report ends it."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from ...shared.errors import AffektError
from ..guard import report_error
from .session import session
from .tasks import POLL_SECONDS, Steps, Task, end_task, running_task, start_task


class TaskOperator:
    """Mix-in for operators whose work is a task. Subclasses give `make_steps`.

    `bpy.ops.affekt.…("INVOKE_DEFAULT")`, as a button does, returns at once; a plain call from a
    script returns when the task is done.
    """

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender's own form)
    bl_label: str
    report: Callable[[set[str], str], None]  # Blender's own
    cancelled = "nothing has changed"
    """The end of the sentence that is reported after Esc."""
    _timer: bpy.types.Timer | None = None

    def make_steps(self, context: bpy.types.Context) -> Steps:
        """The work. Raises AffektError if it cannot start."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        task = start_task(Task(self.bl_label, self.make_steps(context)))
        try:
            self.report({"INFO"}, task.run())
        finally:
            end_task()
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.begin(context)

    def begin(self, context: bpy.types.Context) -> set[str]:
        """Starts the task under a timer, or blocks where there is no window to have one."""
        if bpy.app.background or context.window is None:
            return self.execute(context)
        start_task(Task(self.bl_label, self.make_steps(context)))
        manager = context.window_manager
        self._timer = manager.event_timer_add(POLL_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        context.workspace.status_text_set(f"{self.bl_label}: Esc cancels")
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        task = running_task()
        if task is None:
            return self._end(context, {"CANCELLED"})
        if event.type == "ESC" and event.value == "PRESS":
            self.report({"WARNING"}, f"{task.label} was cancelled; {self.cancelled}.")
            return self._end(context, {"CANCELLED"})
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            done = task.step()
        except AffektError as error:
            report_error(self.report, _describe(task, error))
            return self._end(context, {"CANCELLED"})
        except Exception:
            self._end(context, {"CANCELLED"})
            raise
        redraw_sidebars(context)
        if not done:
            return {"PASS_THROUGH"}
        self.report({"INFO"}, task.result)
        return self._end(context, {"FINISHED"})

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender calls this when it closes while the task runs."""
        self._end(context, {"CANCELLED"})

    def _end(self, context: bpy.types.Context, answer: set[str]) -> set[str]:
        end_task()
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        context.workspace.status_text_set(None)
        redraw_sidebars(context)
        return answer


def _describe(task: Task, error: AffektError) -> str:
    """The sentence to report. It is short where the sidecar is gone, since the panel says why."""
    if error is session.error:
        return (
            f"{task.label} stopped: there is no sidecar any more. What is done is kept; the "
            "Affekt panel says what is wrong."
        )
    return str(error)


def redraw_sidebars(context: bpy.types.Context) -> None:
    """Asks every 3D view to draw its panels again, and not its picture, which may take long; and
    the preferences, which show a set-up."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()
