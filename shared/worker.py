# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread that makes calls one after the other, so that Blender never waits.

It is a daemon: a call that hangs cannot keep Blender from closing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

Answer = TypeVar("Answer")


class Worker:
    """Runs calls one after the other, in the order in which they were submitted."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Future, Callable[[], object]] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=f"affekt-{name}", daemon=True).start()

    def submit(self, call: Callable[[], Answer]) -> Future[Answer]:
        """Queues the call; its answer or error comes in the future. One that is cancelled before
        its turn is not made."""
        future: Future[Answer] = Future()
        self._calls.put((future, call))
        return future

    def stop(self) -> None:
        """Ends the thread after what is queued."""
        self._calls.put(None)

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                answer = call()
            except BaseException as error:  # whoever asked for it hears of it
                future.set_exception(error)
            else:
                future.set_result(answer)
