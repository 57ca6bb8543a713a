# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides when the server must kill its worker: when it takes too long to load or to do an order,
or uses too much memory. Has no thread of its own; the sockets' thread asks it now and then."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

import psutil

from ...shared import limits
from ...shared.errors import AffektError, JobError

# How often the worker's memory is measured, which takes 0.1 ms.
LOOK_S = 0.25
_SHARE = 0.75
"""The worker's share of the machine's memory; the rest is for Blender."""
_CONTAINER = Path("/sys/fs/cgroup/memory.max")
_log = logging.getLogger("affekt.server")


def resident_bytes(pid: int) -> int:
    """Bytes of a process that are in memory; 0 if there is no such process, or the system does
    not tell."""
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


def default_memory_bytes(container: Path = _CONTAINER) -> int:
    """Bytes that a worker may use unless the user says otherwise: three quarters of the machine's
    memory, or of its container's (cgroup 2)."""
    whole = psutil.virtual_memory().total
    with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
        whole = min(whole, int(container.read_text("ascii")))
    return int(_SHARE * whole)


class WorkerWatch:
    """Watches one worker after the other; `begun`, `ready` and `ordered` tell it what happens."""

    def __init__(
        self,
        most_bytes: int,
        now: Callable[[], float],
        measure: Callable[[int], int] = resident_bytes,
    ) -> None:
        """most_bytes: memory that a worker may use. now: a clock in seconds. measure: memory of
        the process with an id in bytes, 0 if unknown."""
        self._most_bytes = most_bytes
        self._now, self._measure = now, measure
        self._look_at = 0.0
        self.begun()

    def begun(self) -> None:
        """A worker is being started, and has to load."""
        self._since = self._now()
        self._is_ready, self._has_worked = False, False

    def ready(self) -> None:
        """The worker has loaded and waits for orders."""
        self._is_ready = True

    def ordered(self) -> None:
        """The worker has been sent an order."""
        self._since, self._has_worked = self._now(), True

    def verdict(self, pid: int | None, *, is_busy: bool) -> AffektError | None:
        """None if the worker may go on, else the reason to kill it, with which an order fails that
        causes this twice. pid: the worker's process. is_busy: whether an order is under way."""
        if self._is_late(is_busy=is_busy):
            what = "come back from an order" if self._is_ready else "load"
            _log.error("the worker does not %s: it is killed", what)
            self._since = self._now()
            return crashed()
        # A worker that is too large before its first order would be so after a restart, too.
        if pid is None or not self._has_worked or self._now() < self._look_at:
            return None
        self._look_at = self._now() + LOOK_S
        size = self._measure(pid)
        if size <= self._most_bytes:
            return None
        _log.error("the worker has %.1f GB in memory: it is killed", size / 1e9)
        return _too_large(self._most_bytes)

    def _is_late(self, *, is_busy: bool) -> bool:
        waited = self._now() - self._since
        if self._is_ready:
            return is_busy and waited > limits.ORDER_S
        return waited > limits.LOAD_S


def crashed() -> JobError:
    """The error for a request during which the worker died twice."""
    return JobError(
        "job.crashed",
        "The sidecar's worker broke down at this, twice.",
        "Choose a smaller picture or a part of the take. The reason is in the sidecar's log; "
        "please report it.",
    )


def stuck(times: int, *, frame: int | None, done: int) -> JobError:
    """The error for a job that killed `times` workers without getting further than `done` frames,
    the next of which is the take's frame `frame`; None for a job without a take."""
    if frame is None:
        return JobError(
            "job.crashed",
            f"The sidecar's worker broke down {times} times at this.",
            "Try another photo. The reason is in the sidecar's log; please report it.",
        )
    return JobError(
        "job.crashed",
        f"The sidecar's worker broke down {times} times at the frames from {frame} on, where the "
        f"take's first is 0; {done} before them are done.",
        "Start it again for the frames before and behind them, or with a smaller picture: what is "
        "done is kept. The reason is in the sidecar's log; please report it.",
    )


def _too_large(most_bytes: int) -> JobError:
    return JobError(
        "job.memory",
        f"This takes more than the {most_bytes / 1e9:.1f} GB of memory that the sidecar may use.",
        "Choose a smaller picture or a part of the take, or start the sidecar with a larger "
        "`--memory-gb`; what is done is kept.",
    )
