# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue whose reader sleeps on sockets: any thread puts, one thread polls and takes."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Put from any thread; the reader waits for `fileno()` to be readable, then takes all."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """Readable while items wait."""
        return self._reader.fileno()

    def put(self, item: Item) -> None:
        """Never blocks. After `close` the item is dropped."""
        self._items.append(item)
        # A full pipe is already readable, a closed one has no reader.
        with contextlib.suppress(BlockingIOError, OSError):
            self._writer.send(b"\0")

    def take_all(self) -> list[Item]:
        """All items in order, without waiting."""
        with contextlib.suppress(BlockingIOError, OSError):
            while self._reader.recv(4096):
                pass
        items: list[Item] = []
        while self._items:
            items.append(self._items.popleft())
        return items

    def close(self) -> None:
        """Frees the sockets; the reader must be gone."""
        self._writer.close()
        self._reader.close()
