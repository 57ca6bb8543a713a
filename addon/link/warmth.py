# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sidecar does for itself after its start, as its status tells: it loads, and compiles
what is compiled once on a machine. Work does not wait for the latter."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future

from ...shared.messages import Status
from ...shared.supervisor import Supervisor, SupervisorState
from .tasks import Progress

LOOK_S = 1.0


class Warmth:
    """Asks for the status once a second until all is warm, and again after each new connection.
    now: for tests."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._forget()

    def step(self, line: Supervisor | None) -> None:
        """Asks, or takes the answer. Never waits."""
        if line is None or line.state is not SupervisorState.CONNECTED:
            self._forget()
        elif self._asked is not None:
            if self._asked.done():
                asked, self._asked = self._asked, None
                # Whoever cannot tell it is not asked again.
                self._status = None if asked.exception() else asked.result()
                self._is_known = self._status is None or _is_warm(self._status)
        elif not self._is_known and self._now() >= self._due_at:
            self._due_at = self._now() + LOOK_S
            self._asked = line.submit(lambda client: client.status())

    @property
    def progress(self) -> Progress | None:
        """What the panel shows; None where all is warm, or nothing is known."""
        status = self._status
        if status is None or _is_warm(status):
            return None
        if status.worker != "ready":
            return Progress(fraction=0.0, text="Loading")
        share = status.compiled / status.pieces
        return Progress(
            fraction=share, text=f"Warming up: {status.compiled + 1} of {status.pieces}"
        )

    def _forget(self) -> None:
        self._status: Status | None = None
        self._asked: Future[Status] | None = None
        self._is_known, self._due_at = False, 0.0


def _is_warm(status: Status) -> bool:
    """Whether nothing is left to do, or to be hoped for."""
    if status.worker in ("starting", "restarting"):
        return False
    return status.worker == "failed" or status.compiled >= status.pieces
