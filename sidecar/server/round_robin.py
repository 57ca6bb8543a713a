# SPDX-License-Identifier: GPL-3.0-or-later
"""Round robin over clients that have work."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class RoundRobin(Generic[Key]):
    """Chooses who is served next. Between two turns of one client, every other that waits has
    one, however often each asks."""

    def __init__(self) -> None:
        self._served: dict[Key, int] = {}
        self._count = 0

    def take(self, waiting: Iterable[Key]) -> Key | None:
        """The key that was served longest ago; None if nobody waits. Keys that did not wait at the
        last call come after those that did, in the order given."""
        self._served = {key: self._served.get(key) or self._next() for key in waiting}
        if not self._served:
            return None
        chosen = min(self._served, key=self._served.__getitem__)
        self._served[chosen] = self._next()
        return chosen

    def _next(self) -> int:
        self._count += 1
        return self._count
