# SPDX-License-Identifier: GPL-3.0-or-later
"""A set-up under way in a Blender with windows. It goes on while other files are opened and windows
are closed, so it hangs on a timer of its own and not, as other tasks, on an operator."""

from __future__ import annotations

import bpy

from ...shared.errors import AffektError
from ..guard import fault_of
from ..link.task_operator import redraw_sidebars
from ..link.tasks import POLL_SECONDS, Steps, Task, end_task, running_task, start_task
from ..notice import say
from .drawing import LABEL

_task: Task | None = None
_error: AffektError | None = None


def last_error() -> AffektError | None:
    """Why the last set-up failed; None if it did not, or was cancelled."""
    return _error


def remember(error: AffektError | None) -> None:
    """The panel shows why no set-up could begin; None forgets the last one's error."""
    global _error
    _error = error
    redraw_sidebars(bpy.context)


def begin(steps: Steps) -> None:
    """Lets a timer do the steps. Raises JobError `job.busy` while another task is under way."""
    global _task, _error
    _task, _error = start_task(Task(LABEL, steps, outlives_file=True)), None
    bpy.app.timers.register(step, first_interval=POLL_SECONDS, persistent=True)


def step() -> float | None:
    """The timer's: goes on; the seconds until the next time, None at the end."""
    global _error
    task = running_task()
    if task is None or task is not _task:  # cancelled
        redraw_sidebars(bpy.context)
        return None
    try:
        is_over = task.step()
    except AffektError as error:
        _error, is_over = error, True
    except Exception:
        _error, is_over = fault_of(LABEL), True
    if is_over:
        end_task()
        say(str(_error or task.result))
    redraw_sidebars(bpy.context)
    return None if is_over else POLL_SECONDS


def unwatch() -> None:
    """Takes the timer away."""
    if bpy.app.timers.is_registered(step):
        bpy.app.timers.unregister(step)
