# SPDX-License-Identifier: GPL-3.0-or-later
"""The one thread of the server that uses the disk: uploads, downloads, pieces of pictures,
eviction. Tasks of several clients take turns."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from ...shared import limits
from ...shared.errors import LinkError
from .round_robin import RoundRobin

_log = logging.getLogger("affekt.server")

Result: TypeAlias = Callable[[], None]
"""Run on the sockets' thread once the task is done."""
Task: TypeAlias = Callable[[], Result]


class DiskQueue:
    """Runs tasks on a thread of its own: round robin over the clients, in order within one. Passes
    each result to `on_done`, on that thread. Tasks must not raise."""

    def __init__(self, on_done: Callable[[Result], None]) -> None:
        self._on_done = on_done
        self._tasks: dict[bytes, deque[tuple[Task, int]]] = {}
        self._turns: RoundRobin[bytes] = RoundRobin()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="affekt-disk", daemon=True)
        self._thread.start()

    def submit(self, client: bytes, task: Task, size: int = 0) -> None:
        """Queues a task of the client's. size: bytes that it keeps in memory. Raises LinkError
        `link.busy` if too many of the client's tasks wait, or too many bytes of all clients'."""
        with self._changed:
            waiting = self._tasks.get(client, ())
            held = sum(held for tasks in self._tasks.values() for _, held in tasks) if size else 0
            if (
                len(waiting) >= limits.MAX_WAITING_REQUESTS
                or held + size > limits.MAX_DISK_QUEUE_BYTES
            ):
                raise LinkError("link.busy", "The sidecar has too much to do.", "Try again later.")
            self._tasks.setdefault(client, deque()).append((task, size))
            self._changed.notify()

    def forget(self, client: bytes) -> None:
        """Drops the client's tasks that wait."""
        with self._changed:
            self._tasks.pop(client, None)

    def stop(self) -> None:
        """Ends the thread after the task under way."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()

    def join(self, timeout_s: float) -> bool:
        """Waits for the thread's end; False if the disk keeps it longer than `timeout_s`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (task := self._next()) is not None:
            try:
                self._on_done(task())
            except Exception:
                _log.exception("a task at the disk failed")

    def _next(self) -> Task | None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopping or self._tasks)
            if self._is_stopping:
                return None
            client = self._turns.take(self._tasks)
            assert client is not None
            task, _ = self._tasks[client].popleft()
            if not self._tasks[client]:
                del self._tasks[client]
            return task
