# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's process without a process: what it is started with, and what it leaves behind."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import zmq
from affekt.shared import wire
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.memory import MEMORY
from affekt.sidecar.worker import main, orders
from affekt.sidecar.worker.orders import WorkerStart, encode_start
from affekt.sidecar.worker.services import LamFiles, Services
from fakes.orders import FAKE_TAKE, JOB, FakeServices, bake_request

START = WorkerStart(
    endpoint="tcp://127.0.0.1:5871",
    server_public_key="a" * 40,
    public_key="b" * 40,
    secret_key="c" * 40,
    cache_folder="",
    cache_bytes=123_456,
    memory_bytes=4_000_000,
    server_pid=4711,
)


def test_what_it_is_told_is_what_it_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is after the line stays unread, for the watch over its standard input."""
    start = replace(
        START,
        cache_folder=str(tmp_path / "cache"),
        lam_weights="/w/lam model.safetensors",
        lam_unknown=1,
    )
    reader, writer = os.pipe()
    os.write(writer, encode_start(start) + b"more")
    left: list[int] = []
    watched: list[Callable[[], object]] = []
    ran: list[tuple[object, object, Cache, int]] = []
    told: dict[str, object] = {}

    def run(
        socket: object, make: object, cache: Cache, *, memory_bytes: int, lam: LamFiles | None
    ) -> None:
        ran.append((socket, make, cache, memory_bytes))
        assert lam == LamFiles(weights=Path("/w/lam model.safetensors"), unknown_allowed=True)

    copied = os.dup(reader)
    monkeypatch.setattr(os, "dup", lambda _: copied)
    monkeypatch.setattr(main, "watch_input", watched.append)
    monkeypatch.setattr(main, "leave", left.append)
    monkeypatch.setattr(main, "connect", lambda _, access: ("connected", access))
    monkeypatch.setattr(main, "run", run)
    monkeypatch.setattr(logging, "basicConfig", lambda **how: told.update(how))
    before = signal.getsignal(signal.SIGINT)
    try:
        main.main(FakeServices().services)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    ((socket, _, cache, memory_bytes),) = ran
    assert socket == ("connected", start)
    assert (cache.root, cache.limit_bytes) == (tmp_path / "cache", 123_456)
    assert memory_bytes == 4_000_000
    assert told["level"] == logging.INFO
    assert os.read(reader, 99) == b"more"
    watched[0]()
    assert left == [4711]
    os.close(reader)
    os.close(writer)


class Script:
    """A socket on which these orders come, and then no more."""

    def __init__(self, *orders_to_come: list[wire.Frame]) -> None:
        self._orders = list(orders_to_come)
        self.said: list[object] = []

    def send_multipart(self, frames: list[bytes], copy: bool = True) -> None:
        self.said.append(orders.unpack(frames, orders.REPLIES)[0])

    def poll(self, timeout: int) -> bool:
        return True

    def recv_multipart(self, copy: bool = True) -> list[zmq.Frame]:
        if not self._orders:
            raise zmq.ZMQError(zmq.ETERM)
        return [zmq.Frame(bytes(frame)) for frame in self._orders.pop(0)]


class Compiles:
    """Something that compiles until it is ended."""

    is_ended = False

    def done(self) -> int | None:
        return 2

    def end(self) -> None:
        self.is_ended = True


def ended(script: Script, services: Services, cache: Cache, memory_bytes: int = 0) -> None:
    with pytest.raises(zmq.ZMQError):
        main.run(script, lambda: services, cache, memory_bytes=memory_bytes)  # type: ignore[arg-type]


def test_whatever_it_did_ends_with_it(tmp_path: Path) -> None:
    """A job that was open, and the process that compiles."""
    rooms, compiles, cache = FakeServices(), Compiles(), Cache(tmp_path / "c", 10**9)
    take = cache.user("anna").add(lambda file: file.write(FAKE_TAKE))[0]
    begin = orders.Begin(unit=5, user="anna", job=JOB)
    script = Script(orders.pack(begin, wire.encode(bake_request(take), 7)))
    services = replace(rooms.services(), load=lambda: "cuda", compile_aside=lambda: compiles)
    ended(script, services, cache)
    ready, _, stepped, _ = script.said  # between them how far the compiling is
    assert ready == orders.Ready(device="cuda", pieces=7)
    assert isinstance(stepped, orders.Stepped)
    assert rooms.closed == ["bake"]
    assert compiles.is_ended


@pytest.mark.parametrize(
    ("device", "memory_bytes", "limited"),
    [("cpu", 4000, [4000]), ("cpu", 0, []), ("cuda", 4000, [])],
)
def test_only_without_a_card_its_addresses_are_limited(
    device: str,
    memory_bytes: int,
    limited: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(MEMORY, "budget_bytes", 7)
    monkeypatch.setattr(main, "limit_memory", asked.append)
    services = replace(FakeServices().services(), load=lambda: device)
    ended(Script(), services, Cache(tmp_path / "c"), memory_bytes)
    assert asked == limited


@pytest.mark.parametrize(("looks", "naps"), [(3, 2), (10**6, 9)])
def test_when_it_leaves_what_a_killed_server_left_goes(
    looks: int, naps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits until that process is gone, a tenth of a second at most."""
    did: list[object] = []
    now = [100.0]

    def is_alive(pid: int) -> bool:
        did.append(pid)
        return len(did) < looks

    def nap(seconds: float) -> None:
        now[0] += 0.0112

    monkeypatch.setattr(main, "is_process_alive", is_alive)
    monkeypatch.setattr(main.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(main.time, "sleep", nap)
    monkeypatch.setattr(main.pixels, "remove_orphans", lambda: did.append("orphans"))
    monkeypatch.setattr(main.os, "_exit", lambda code: did.append(f"exit {code}"))
    main.leave(4711)
    assert did[-2:] == ["orphans", "exit 0"]
    assert set(did[:-2]) == {4711}
    assert len(did) - 2 == naps + 1


def test_its_socket_is_the_servers_alone_and_holds_nothing_back() -> None:
    made = SimpleNamespace(connect=lambda endpoint: connected.append(endpoint))
    connected: list[str] = []
    context = SimpleNamespace(socket=lambda kind: made if kind == zmq.DEALER else None)
    assert main.connect(context, START) is made  # type: ignore[arg-type]
    assert made.linger == 0
    assert (made.curve_serverkey, made.curve_publickey, made.curve_secretkey) == (
        b"a" * 40,
        b"b" * 40,
        b"c" * 40,
    )
    assert connected == ["tcp://127.0.0.1:5871"]


def test_the_real_rooms_give_up_what_they_remember() -> None:
    """Which is what is done where memory runs out."""
    made: list[int] = []
    twice = MEMORY.remembered(lambda number: made.append(number) or 2 * number)
    services = main.real_services()
    assert [twice(4), twice(4)] == [8, 8]
    assert made == [4]
    services.forget()
    assert MEMORY.size_bytes == 0
    assert twice(4) == 8
    assert made == [4, 4]
