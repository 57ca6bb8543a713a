# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is: round robin over whoever has work, however often each asks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Turns(Generic[Key]):
    """Remembers who was served when. Between two turns of one, every other that waits has one."""

    def __init__(self) -> None:
        self._served: dict[Key, int] = {}
        self._count = 0

    def take(self, waiting: Iterable[Key]) -> Key | None:
        """Who of those that wait was served longest ago; None if nobody waits. Who did not wait
        the last time stands behind those that did, the first of several first."""
        self._served = {key: self._served.get(key) or self._next() for key in waiting}
        if not self._served:
            return None
        chosen = min(self._served, key=self._served.__getitem__)
        self._served[chosen] = self._next()
        return chosen

    def _next(self) -> int:
        self._count += 1
        return self._count
