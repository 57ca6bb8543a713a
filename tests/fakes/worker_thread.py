# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker on a thread, for servers with fake services. It can die like a process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from affekt.shared.errors import AffektError
from affekt.shared.mailbox import Mailbox
from affekt.shared.messages import WorkerState
from affekt.shared.wire import Frame
from affekt.sidecar.server.worker_process import Died, GaveUp, Heard, News
from affekt.sidecar.worker import orders

KILLED = -9


class Handler(Protocol):
    """What `sidecar/worker/work.py Work` does."""

    def handle(self, frames: Sequence[Frame]) -> list[Frame] | None: ...
    def close(self) -> None: ...


@dataclass(eq=False)
class _Life:
    """One worker. What it says after its death is not heard."""

    work: Handler
    orders: queue.SimpleQueue[Sequence[Frame] | None] = field(default_factory=queue.SimpleQueue)
    is_dead: bool = False


class WorkerThread:
    """A `Worker` whose worker is any object with `handle` and `close`, made by `make_worker`
    for each life. It begins life at once, and says that it is ready unless `is_ready` is False.
    `kill` is the death of a process: what it was doing has no reply, and the next one starts."""

    def __init__(
        self, make_worker: Callable[[], Handler], *, is_ready: bool = True, device: str = "cpu"
    ) -> None:
        self._make_worker = make_worker
        self._is_ready, self._device = is_ready, device
        self._news: Mailbox[News] = Mailbox()
        self._lock = threading.Lock()
        self._life: _Life | None = None
        self._threads: list[threading.Thread] = []
        self._has_given_up = False
        self.restarts = 0
        self.sent: list[Sequence[Frame]] = []
        """Every order, as it was sent."""

    @property
    def state(self) -> WorkerState:
        if self._has_given_up:
            return "failed"
        if self._is_ready:
            return "ready"
        return "restarting" if self.restarts else "starting"

    @property
    def pid(self) -> int | None:
        return None

    def sources(self) -> Sequence[int]:
        return (self._news.fileno(),)

    def start(self) -> None:
        self._begin()

    def take_news(self) -> list[News]:
        return self._news.take_all()

    def send(self, frames: Sequence[Frame]) -> None:
        self.sent.append(frames)
        life = self._life
        assert life is not None
        life.orders.put(frames)

    def ready(self, *, pieces: int = 0) -> None:
        """The worker says that it is ready, where it was told to wait with that."""
        self._is_ready = True
        self._news.put(Heard(orders.pack(orders.Ready(device=self._device, pieces=pieces))))

    def has_compiled(self, pieces: int) -> None:
        """The worker says so, unasked."""
        self._news.put(Heard(orders.pack(orders.Compiled(pieces=pieces))))

    def give_up(self, error: AffektError) -> None:
        """There will be no worker any more."""
        self._has_given_up = True
        self._news.put(GaveUp(error))

    def kill(self) -> None:
        """From any thread; returns before the worker's thread has ended."""
        with self._lock:
            life = self._life
            assert life is not None
            life.is_dead = True
            life.orders.put(None)
            self._news.put(Died(KILLED))
            self.restarts += 1
        self._begin()

    def stop(self) -> None:
        life = self._life
        if life is not None:
            life.is_dead = True
            life.orders.put(None)
        for thread in self._threads:
            thread.join(5)
        self._news.close()

    def _begin(self) -> None:
        life = self._life = _Life(self._make_worker())
        thread = threading.Thread(target=self._run, args=(life,), name="affekt-worker", daemon=True)
        self._threads = [*(t for t in self._threads if t.is_alive()), thread]
        thread.start()
        if self._is_ready:
            self.ready()

    def _run(self, life: _Life) -> None:
        while (frames := life.orders.get()) is not None and not life.is_dead:
            reply = life.work.handle(frames)
            with self._lock:
                if reply is not None and not life.is_dead:
                    self._news.put(Heard(reply))
        life.work.close()
