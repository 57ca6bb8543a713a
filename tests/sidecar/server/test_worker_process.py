# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's process: started, heard, killed, started again after the right waits, given up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zmq
from affekt.shared.alive import is_process_alive
from affekt.shared.connection import Connection
from affekt.sidecar.server.sockets import ServerSockets, local_endpoint, make_keys
from affekt.sidecar.server.worker_process import (
    Died,
    GaveUp,
    Heard,
    News,
    WorkerProcess,
    spawn_worker,
)
from affekt.sidecar.worker import orders
from fakes.link import RawClient, wait_for

STAND_IN = """
import os, sys, threading, time
sys.stdin = os.fdopen(os.dup(0), "rb", buffering=0)
from affekt.sidecar.worker.orders import decode_start
start = decode_start(sys.stdin.readline())
if "stillborn" in sys.argv:
    sys.exit(3)
if "deaf" not in sys.argv:
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()
import zmq
from affekt.sidecar.worker import orders
from affekt.sidecar.worker.main import connect
socket = connect(zmq.Context.instance(), start)
told = f"cpu.{start.cache_bytes}.{start.memory_bytes}.{os.getppid() == start.server_pid}"
socket.send_multipart(orders.pack(orders.Ready(device=told)))
while True:
    order, _ = orders.unpack(socket.recv_multipart(), orders.ORDERS)
    if isinstance(order, orders.Step):
        os._exit(9)
    if isinstance(order, orders.Answer):
        socket.send_multipart(orders.pack(orders.Answered(unit=order.unit), [b"inner"]))
"""
ANSWER = orders.pack(orders.Answer(unit=7, user="local"))
DIE = orders.pack(orders.Step(unit=8, job="ab" * 16))


class Bench:
    """A worker with a stand-in for the worker, and what it said."""

    def __init__(self, folder: Path, *words: str, **options: object) -> None:
        self.context = zmq.Context()
        self.sockets = ServerSockets(self.context, local_endpoint())
        self.news: list[News] = []
        command = [sys.executable, "-c", STAND_IN, *words]
        options = {"spawn": lambda: self.spawn(command), **options}
        self.worker = WorkerProcess(self.sockets, folder, 123, **options)
        self.processes: list[subprocess.Popen[bytes]] = []

    def spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        self.processes.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        return self.processes[-1]

    def wait_for(self, *kinds: type[News]) -> list[News]:
        """The news since the last call, once they are of these kinds."""

        def has_come() -> bool:
            self.news += self.worker.take_news()
            return len(self.news) >= len(kinds)

        wait_for(has_come, f"{kinds}, got {self.news}")
        news, self.news = self.news, []
        assert [type(item) for item in news] == list(kinds)
        return news

    def close(self) -> None:
        self.worker.stop()
        self.sockets.close(linger_ms=0)
        self.context.term()


@contextmanager
def running(folder: Path, *words: str, **options: object) -> Iterator[Bench]:
    bench = Bench(folder, *words, **options)
    try:
        bench.worker.start()
        yield bench
    finally:
        bench.close()
        assert all(process.poll() is not None for process in bench.processes)


def reply_of(news: News) -> object:
    assert isinstance(news, Heard)
    return orders.unpack(news.frames, orders.REPLIES)[0]


class Waits:
    """Instead of sleeping: what would have been waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.now_s = 1000.0

    def __call__(self, event: threading.Event, seconds: float) -> bool:
        self.seconds.append(seconds)
        self.now_s += seconds
        return event.is_set()

    def now(self) -> float:
        return self.now_s


def test_ready_order_reply(tmp_path: Path) -> None:
    with running(tmp_path, memory_bytes=456) as bench:
        assert bench.worker.state == "starting"
        (ready,) = bench.wait_for(Heard)
        assert reply_of(ready) == orders.Ready(device="cpu.123.456.True")
        assert bench.worker.state == "ready"
        assert bench.worker.pid == bench.processes[0].pid
        bench.worker.send(ANSWER)
        (answered,) = bench.wait_for(Heard)
        assert reply_of(answered) == orders.Answered(unit=7)


def test_a_death_is_told_at_once_and_the_next_worker_comes(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        bench.wait_for(Heard)
        started = time.perf_counter()
        os.kill(bench.processes[0].pid, signal.SIGKILL)
        bench.news += bench.worker.take_news()
        wait_for(lambda: bench.news or bench.news.extend(bench.worker.take_news()), "a death")
        print(f"a worker's death is told after {1000 * (time.perf_counter() - started):.1f} ms")
        assert bench.news[0] == Died(-signal.SIGKILL)
        _, ready = bench.wait_for(Died, Heard)
        assert isinstance(reply_of(ready), orders.Ready)
        assert (bench.worker.state, bench.worker.restarts) == ("ready", 1)
        bench.worker.send(ANSWER)
        assert reply_of(*bench.wait_for(Heard)) == orders.Answered(unit=7)


def test_kill(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        bench.wait_for(Heard)
        bench.worker.kill()
        died, _ = bench.wait_for(Died, Heard)
        assert died == Died(-signal.SIGKILL)


def test_ctrl_c_in_the_servers_terminal_is_not_for_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has a session of its own; and its standard input is ours to close."""
    how: list[dict[str, object]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **given: how.append(given) or command)
    assert list(spawn_worker()) == [sys.executable, "-m", "affekt.sidecar.worker"]
    (given,) = how
    assert given["start_new_session"] is True
    assert given["stdin"] == subprocess.PIPE
    assert "stdout" not in given


def test_while_none_runs_there_is_none_to_kill(tmp_path: Path) -> None:
    """The watch may find a fault just when the worker has died by itself."""
    with zmq.Context() as context:
        sockets = ServerSockets(context, local_endpoint())
        worker = WorkerProcess(sockets, tmp_path, 123)
        worker.kill()
        assert (worker.state, worker.pid, worker.restarts) == ("starting", None, 0)
        worker.stop()
        sockets.close(linger_ms=0)


def test_back_off_and_after_a_quiet_minute_none(tmp_path: Path) -> None:
    waits = Waits()
    with running(tmp_path, wait=waits, now=waits.now) as bench:
        bench.wait_for(Heard)
        for _ in range(6):
            bench.worker.send(DIE)
            bench.wait_for(Died, Heard)
        for quiet_s in (55, 60):  # the last death was 59 s ago, and then 61
            waits.now_s += quiet_s
            bench.worker.send(DIE)
            bench.wait_for(Died, Heard)
        assert bench.worker.restarts == 8
    assert waits.seconds == [0, 1, 2, 4, 4, 4, 1, 0]


@pytest.mark.parametrize("how", ["stillborn", "not there"])
def test_workers_that_never_get_ready(tmp_path: Path, how: str) -> None:
    waits = Waits()
    options: dict[str, Callable[[], object]] = {}
    if how == "not there":
        command = [str(tmp_path / "python")]
        options["spawn"] = lambda: subprocess.Popen(command, stdin=subprocess.PIPE)
    with running(tmp_path, how, wait=waits, now=waits.now, **options) as bench:
        gave_up = bench.wait_for(*[Died] * 4, GaveUp)[-1]
        assert isinstance(gave_up, GaveUp)
        assert gave_up.error.code == "job.no_worker"
        code = 3 if how == "stillborn" else 127
        assert f"it ended with code {code}, 5 times." in gave_up.error.message
        assert bench.worker.state == "failed"


def test_only_those_in_a_row_that_never_get_ready_count(tmp_path: Path) -> None:
    """Four after a worker that was ready, another ready one, and then five: now it is given up."""
    waits = Waits()
    ready = [sys.executable, "-c", STAND_IN]
    stillborn = [sys.executable, "-S", "-c", "input(); raise SystemExit(6)"]
    commands = [ready, *[stillborn] * 4, ready]

    def spawn() -> subprocess.Popen[bytes]:
        command = commands.pop(0) if commands else stillborn
        return subprocess.Popen(command, stdin=subprocess.PIPE)

    with running(tmp_path, spawn=spawn, wait=waits, now=waits.now) as bench:
        bench.wait_for(Heard)
        bench.worker.send(DIE)
        bench.wait_for(*[Died] * 5, Heard)
        assert bench.worker.state == "ready"
        bench.worker.send(DIE)
        first, *_, gave_up = bench.wait_for(*[Died] * 5, GaveUp)
        assert first == Died(9)
        assert isinstance(gave_up, GaveUp)
        assert "it ended with code 6, 5 times." in gave_up.error.message
        assert (bench.worker.state, bench.worker.restarts) == ("failed", 10)


def test_words_of_a_dead_worker_are_not_heard(tmp_path: Path) -> None:
    """Its keys open nothing any more, and what it said before is not its successor's."""
    with running(tmp_path) as bench:
        bench.wait_for(Heard)
        bench.worker.send(ANSWER)
        assert bench.sockets.worker.poll(10_000)
        os.kill(bench.processes[0].pid, signal.SIGKILL)
        wait_for(lambda: len(bench.processes) == 2, "the next worker")
        news = bench.wait_for(Heard, Died, Heard)
        assert reply_of(news[0]) == orders.Answered(unit=7)
        assert isinstance(reply_of(news[2]), orders.Ready)


def test_an_order_to_a_worker_that_has_just_died_is_no_error(tmp_path: Path) -> None:
    """Its connection has gone, but its death is not told yet."""

    def is_unreachable() -> bool:
        worker = bench.worker._worker
        assert worker is not None
        try:
            bench.sockets.worker.send_multipart([worker, b""], flags=zmq.NOBLOCK)
        except zmq.ZMQError as error:
            return error.errno == zmq.EHOSTUNREACH
        return False

    with running(tmp_path) as bench:
        bench.wait_for(Heard)
        os.kill(bench.processes[0].pid, signal.SIGKILL)
        # Asked often while it lives, its queue would be full, which is another error.
        wait_for(lambda: len(bench.processes) == 2, "the next worker")
        wait_for(is_unreachable, "the end of its connection")
        bench.worker.send(ANSWER)
        died, ready = bench.wait_for(Died, Heard)
        assert died == Died(-signal.SIGKILL)
        assert isinstance(reply_of(ready), orders.Ready)


def test_no_client_connects_as_the_worker(tmp_path: Path) -> None:
    """The key of the connection file is good for the clients' socket alone. The control arm is
    every test above: with the worker's own key one may connect."""
    endpoint = local_endpoint()
    assert endpoint.client is not None
    with zmq.Context() as context:
        sockets = ServerSockets(context, endpoint)
        back = sockets.grant_worker_access()
        for keys in (endpoint.client, make_keys()):
            connection = Connection(
                endpoint=back.endpoint,
                server_public_key=back.server_public_key,
                client_public_key=keys.public,
                client_secret_key=keys.secret,
                pid=1,
                protocol=(3, 0),
                affekt="0.1.0",
            )
            with RawClient(connection) as raw:
                raw.wait_for_refusal()
        sockets.close(linger_ms=0)


def test_stop_closes_its_input(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        bench.wait_for(Heard)
        bench.worker.stop()
        assert bench.processes[0].returncode == 0


def test_stop_kills_one_that_does_not_listen(tmp_path: Path) -> None:
    with running(tmp_path, "deaf") as bench:
        bench.wait_for(Heard)
        started = time.monotonic()
        bench.worker.stop()
        assert time.monotonic() - started < 2
        assert not is_process_alive(bench.processes[0].pid)


def test_stop_while_it_waits_to_start_again(tmp_path: Path) -> None:
    def wait(event: threading.Event, seconds: float) -> bool:
        return event.wait(60)

    with running(tmp_path, wait=wait) as bench:
        bench.wait_for(Heard)
        bench.worker.kill()
        bench.wait_for(Died)
        assert bench.worker.state == "restarting"
        started = time.monotonic()
        bench.worker.stop()
        assert time.monotonic() - started < 2
