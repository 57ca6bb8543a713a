# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the worker must be ended: it does not load, does not come back from an order, or has
become too large. No thread: whoever owns it asks now and then."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ...shared import limits
from ...shared.errors import AffektError, JobError
from .memory import resident_bytes

# How often its memory is looked at, which takes 20 us.
LOOK_S = 0.25
_log = logging.getLogger("affekt.server")


class Watch:
    """Of one worker after the other; `begun`, `ready` and `ordered` say what happens to it."""

    def __init__(
        self,
        most_bytes: int,
        now: Callable[[], float],
        measure: Callable[[int], int] = resident_bytes,
    ) -> None:
        """most_bytes: of memory. measure: a process's memory in bytes, 0 for unknown."""
        self._most_bytes = most_bytes
        self._now, self._measure = now, measure
        self._look_at = 0.0
        self.begun()

    def begun(self) -> None:
        """There will be a worker, which has to load."""
        self._since = self._now()
        self._is_ready, self._has_worked = False, False

    def ready(self) -> None:
        """It waits for orders."""
        self._is_ready = True

    def ordered(self) -> None:
        """It has got an order."""
        self._since, self._has_worked = self._now(), True

    def verdict(self, pid: int | None, *, is_busy: bool) -> AffektError | None:
        """What ends the order under way if the worker is ended for it twice; None if it may go
        on. pid: the worker's process. is_busy: whether an order is under way."""
        if self._is_late(is_busy=is_busy):
            what = "come back from an order" if self._is_ready else "load"
            _log.error("the worker does not %s: it is killed", what)
            self._since = self._now()
            return crashed()
        # Where nothing was done yet, the next worker would be as large.
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
    """Of an order that the worker dies of."""
    return JobError(
        "job.crashed",
        "The sidecar's worker broke down at this, twice.",
        "Choose a smaller picture or a part of the take. The reason is in the sidecar's log; "
        "please report it.",
    )


def _too_large(most_bytes: int) -> JobError:
    return JobError(
        "job.memory",
        f"This takes more than the {most_bytes / 1e9:.1f} GB of memory that the sidecar may use.",
        "Choose a smaller picture or a part of the take, or start the sidecar with a larger "
        "`--memory-gb`; what is done is kept.",
    )
