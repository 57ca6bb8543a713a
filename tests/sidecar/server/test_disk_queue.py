# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk's thread: in order within a client, in turns between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from affekt.shared.errors import LinkError
from affekt.sidecar.server.disk_queue import DiskQueue
from fakes.link import wait_for


class Log:
    """A queue whose first task waits at a gate, so that the others queue."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.gate, self.at_gate = threading.Event(), threading.Event()
        self.queue = DiskQueue(lambda result: result())
        self.queue.submit(b"gate", self._wait)

    def _wait(self) -> Callable[[], None]:
        self.at_gate.set()
        self.gate.wait(5)
        return lambda: None

    def submit(self, client: bytes, name: str) -> None:
        self.queue.submit(client, lambda: lambda: self.done.append(name))


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    assert log.at_gate.wait(5)
    yield log
    log.gate.set()
    log.queue.stop()
    assert log.queue.join(5)


def test_in_turns(log: Log) -> None:
    for name in ("a1", "a2", "a3"):
        log.submit(b"a", name)
    log.submit(b"b", "b1")
    log.gate.set()
    wait_for(lambda: len(log.done) == 4, "all tasks")
    assert log.done == ["a1", "b1", "a2", "a3"]


def test_what_waits_of_a_client_that_left_is_not_done(log: Log) -> None:
    log.submit(b"a", "a1")
    log.submit(b"b", "b1")
    log.queue.forget(b"a")
    log.gate.set()
    wait_for(lambda: log.done, "the task")
    assert log.done == ["b1"]


def test_too_many(log: Log) -> None:
    for _ in range(16):
        log.submit(b"a", "a")
    with pytest.raises(LinkError) as caught:
        log.submit(b"a", "a")
    assert caught.value.code == "link.busy"
    log.submit(b"b", "b")


def test_too_much(log: Log) -> None:
    """Over all clients; what has been done counts no more."""
    log.queue.submit(b"a", lambda: lambda: log.done.append("a"), (256 << 20) - 1)
    with pytest.raises(LinkError) as caught:
        log.queue.submit(b"b", lambda: lambda: None, 2)
    assert caught.value.code == "link.busy"
    log.submit(b"b", "b")
    log.queue.submit(b"b", lambda: lambda: log.done.append("last byte"), 1)
    log.gate.set()
    wait_for(lambda: len(log.done) == 3, "all")
    log.queue.submit(b"b", lambda: lambda: None, 2)


def test_a_bug_is_not_the_end(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    log.queue.submit(b"a", lambda: 1 // 0)
    log.submit(b"a", "a2")
    log.gate.set()
    wait_for(lambda: log.done, "the next task")
    assert "ZeroDivisionError" in caplog.text


def test_stop_leaves_what_waits(log: Log) -> None:
    log.submit(b"a", "a1")
    log.queue.stop()
    assert not log.queue.join(0.01)
    log.gate.set()
    assert log.queue.join(5)
    assert log.done == []
