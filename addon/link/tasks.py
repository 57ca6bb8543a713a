# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that takes longer than a redraw: one generator, stepped by a modal operator's timer, or
run to its end by a script. A task yields its progress and returns the sentence to report.

Between two steps the animator may do anything, so a task keeps session numbers (`head.find.hold`),
never Blender objects or their names, and changes the scene only in its last step.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, replace

from ...shared.errors import JobError

POLL_SECONDS = 0.05
_STILL_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a task is: 0..1, and what it is doing."""

    fraction: float
    text: str


Steps = Generator[Progress, None, str]


class Task:
    """One running task. `step` is all that timers, modal operators and tests call. outlives_file:
    it changes no scene, and goes on when another file is opened."""

    def __init__(self, label: str, steps: Steps, *, outlives_file: bool = False) -> None:
        self.label = label
        self.outlives_file = outlives_file
        self._shown, self._since = Progress(fraction=0.0, text=label), time.monotonic()
        self.result = ""
        self._steps = steps

    @property
    def progress(self) -> Progress:
        """How far it is. What stands still for a while without saying what is left has the seconds
        with it, as a sign of life."""
        seconds, text = time.monotonic() - self._since, self._shown.text
        if seconds < _STILL_S or text.endswith(" left"):
            return self._shown
        return replace(self._shown, text=f"{text}, {seconds:.0f} s")

    def step(self) -> bool:
        """Does the next bit of work, without waiting; True once the task is done and `result`
        is its sentence. Raises whatever AffektError ends it."""
        try:
            new = next(self._steps)
        except StopIteration as end:
            self.result = end.value
            return True
        if new != self._shown:
            self._shown, self._since = new, time.monotonic()
        return False

    def cancel(self) -> None:
        """Ends the task where it is; its own clean-up tells the sidecar."""
        self._steps.close()

    def run(self) -> str:
        """Steps to the end and returns the sentence; for scripts, where blocking is wanted."""
        began = time.monotonic()
        while not self.step():
            # A step that was work, not a look at what is done elsewhere, is followed by the next.
            time.sleep(max(0.0, POLL_SECONDS - (time.monotonic() - began)))
            began = time.monotonic()
        return self.result


_running: Task | None = None


def running_task() -> Task | None:
    """The task that is under way in this Blender, if any."""
    return _running


def start_task(task: Task) -> Task:
    """Makes it the running task. Raises JobError `job.busy` while another one is under way."""
    global _running
    if _running is not None:
        raise JobError(
            "job.busy", f"{_running.label} is still under way.", "Wait for it, or press Esc."
        )
    _running = task
    return task


def end_task() -> None:
    """Forgets the running task, cancelling what is left of it."""
    global _running
    if _running is not None:
        task, _running = _running, None
        task.cancel()


def end_task_of_file() -> None:
    """Ends the running task as `end_task` does, if it is about the file that is open."""
    if _running is not None and not _running.outlives_file:
        end_task()
