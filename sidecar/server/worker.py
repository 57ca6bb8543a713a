# SPDX-License-Identifier: GPL-3.0-or-later
"""A thread that does one task after the other.

The seam to a worker process: tasks get plain records and paths and give plain records back
through one function, never a socket.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Task = Callable[[], None]


class Worker:
    """Runs tasks in order. A task must not raise."""

    def __init__(self, name: str) -> None:
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"affekt-{name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Tasks that have not begun."""
        return self._tasks.qsize()

    def submit(self, task: Task) -> None:
        """Queues a task."""
        self._tasks.put(task)

    def stop(self) -> None:
        """No task begins after those that are queued."""
        self._tasks.put(None)

    def join(self, timeout_s: float) -> bool:
        """Waits for the end; False if the current task takes longer."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
