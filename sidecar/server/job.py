# SPDX-License-Identifier: GPL-3.0-or-later
"""One job: its state, and what waits to be sent about it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...shared.errors import AffektError
from ...shared.messages import JobFailed, Message, PictureKind, Progress


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture that lies ready: sent only when the client has given credit for it."""

    index: int
    kind: PictureKind
    path: Path


Outgoing = Message | PictureFile


@dataclass(slots=True, eq=False)
class Job:
    """A job of the client with this routing id.

    `outbox`, `credit` and `is_over` belong to the sockets' thread. The state changes only under
    its lock: waiting -> running by the worker, or waiting -> cancelled by the sockets' thread.
    """

    id: str
    owner: bytes
    credit: int = 0
    outbox: deque[Outgoing] = field(default_factory=deque)
    is_over: bool = False
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _is_running: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_cancelled(self) -> bool:
        """Asked by the work, between chunks."""
        return self._cancelled.is_set()

    def try_start(self) -> bool:
        """False if it was cancelled before."""
        with self._lock:
            self._is_running = not self._cancelled.is_set()
            return self._is_running

    def cancel(self) -> bool:
        """True if the job had not started: then nobody else will report its end."""
        with self._lock:
            had_ended = self._cancelled.is_set()
            self._cancelled.set()
            return not self._is_running and not had_ended

    def put(self, item: Outgoing) -> None:
        """Appends to the outbox; a progress that waits there is superseded."""
        if self.outbox and isinstance(self.outbox[-1], Progress):
            supersedes = isinstance(item, Message) and item.SUPERSEDES != "nothing"
            if supersedes:
                self.outbox.pop()
        self.outbox.append(item)


def failed(job: str, error: AffektError) -> JobFailed:
    """The last event of a job without a result."""
    return JobFailed(
        job=job, code=error.code, message=error.message[:4000], remedy=error.remedy[:4000]
    )


class Clock:
    """Progress with an estimate: the rate of the stage so far."""

    def __init__(self, job: str, now: Callable[[], float] = time.monotonic) -> None:
        self._job = job
        self._now = now
        self._stage = ""
        self._since = 0.0
        self._first = 0

    def progress(self, stage: str, done: int, total: int) -> Progress:
        """The message for `done` of `total`."""
        if stage != self._stage:
            self._stage, self._since, self._first = stage, self._now(), done
        seconds, steps = self._now() - self._since, done - self._first
        left = seconds / steps * (total - done) if steps > 0 else None
        return Progress(job=self._job, stage=stage, done=done, total=total, seconds_left=left)
