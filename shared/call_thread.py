# SPDX-License-Identifier: GPL-3.0-or-later
"""A thread that makes calls one after the other, so that Blender never waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

Answer = TypeVar("Answer")


class CallThread:
    """Makes the calls that are submitted, in their order. A daemon thread: a call that hangs cannot
    keep Blender from closing."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Future, Callable[[], object]] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=f"affekt-{name}", daemon=True).start()

    def submit(self, call: Callable[[], Answer]) -> Future[Answer]:
        """Queues a call. Its answer or error comes in the future; a future that is cancelled before
        the call's turn stops it."""
        future: Future[Answer] = Future()
        self._calls.put((future, call))
        return future

    def stop(self) -> None:
        """Ends the thread once all queued calls are made."""
        self._calls.put(None)

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                answer = call()
            except BaseException as error:  # the caller reads it from the future
                future.set_exception(error)
            else:
                future.set_result(answer)
