# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker as a process of its own: it says when it is ready, and never outlives its server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import zmq
from affekt.shared import messages, wire
from affekt.shared.messages import Message
from affekt.shared.pixels import default_pixel_folder
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.memory import MEMORY
from affekt.sidecar.worker import main, orders
from affekt.sidecar.worker.orders import WorkerStart, decode_start, encode_start
from fakes.link import wait_for
from fakes.orders import FAKE_TAKE, FakeServices, preview_request

REAL = [sys.executable, "-m", "affekt.sidecar.worker"]
BUSY = [sys.executable, str(Path(__file__).with_name("busy_worker.py"))]
DEADLINE_S = 60.0


@dataclass
class Bench:
    """A server's socket for its worker, and the worker."""

    socket: zmq.Socket[bytes]
    start: WorkerStart
    process: subprocess.Popen[bytes]

    def receive(self) -> tuple[Message, Message | None]:
        """The next reply, and what is behind it. What tells of the compiling aside comes unasked,
        where this is the first worker of this code."""
        reply: Message = orders.Compiled(pieces=0)
        inner: Sequence[wire.Frame] = ()
        while isinstance(reply, orders.Compiled):
            assert self.socket.poll(int(1000 * DEADLINE_S)), "the worker said nothing"
            self.peer, *frames = self.socket.recv_multipart()
            reply, inner = orders.unpack(frames, orders.REPLIES)
        return reply, wire.decode_frames(inner)[1] if inner else None

    def send(self, order: Message, request: Message) -> None:
        self.socket.send_multipart([self.peer, *orders.pack(order, wire.encode(request, 3))])

    def close_input(self) -> float:
        """Closes the worker's standard input; seconds until it has ended."""
        assert self.process.stdin is not None
        began = time.monotonic()
        self.process.stdin.close()
        self.process.wait(DEADLINE_S)
        return time.monotonic() - began


@contextmanager
def running(command: Sequence[str], folder: Path, **changes: object) -> Iterator[Bench]:
    context = zmq.Context[zmq.Socket[bytes]]()
    (public, secret), (worker_public, worker_secret) = zmq.curve_keypair(), zmq.curve_keypair()
    socket = context.socket(zmq.ROUTER)
    socket.linger = 0
    socket.curve_server = True
    socket.curve_publickey, socket.curve_secretkey = public, secret
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    start = WorkerStart(
        endpoint=f"tcp://127.0.0.1:{port}",
        server_public_key=public.decode(),
        public_key=worker_public.decode(),
        secret_key=worker_secret.decode(),
        cache_folder=str(folder / "cache"),
        cache_bytes=10**9,
        memory_bytes=0,
        server_pid=os.getpid(),
    )
    start = replace(start, **changes)
    tests = Path(__file__).parents[2]
    path = os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    try:
        assert process.stdin is not None
        process.stdin.write(encode_start(start))
        process.stdin.flush()
        yield Bench(socket, start, process)
    finally:
        process.kill()
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        socket.close()
        context.term()


def test_ready_answers_and_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with running(REAL, tmp_path, memory_bytes=4 * 10**9) as bench:
        ready, _ = bench.receive()
        took = time.monotonic() - began
        assert isinstance(ready, orders.Ready)
        assert ready.device in ("cpu", "cuda")
        bench.send(orders.Answer(unit=1, user="local"), messages.GetHead(name="open"))
        reply, head = bench.receive()
        assert isinstance(reply, orders.Answered)
        assert isinstance(head, messages.HeadRead)
        if sys.platform == "linux" and ready.device == "cpu":
            told = Path(f"/proc/{bench.process.pid}/limits").read_text()
            assert re.search(r"^Max data size +4000000000 ", told, re.MULTILINE)
        ended = bench.close_input()
        assert bench.process.returncode == 0
    with capsys.disabled():
        print(f"\n  worker ready after {took:.2f} s, gone {1000 * ended:.0f} ms after its stdin")
        print("  gone after at most 3 s")
    assert ended < 3


def test_it_ends_in_the_middle_of_a_step(tmp_path: Path) -> None:
    user = Cache(tmp_path / "cache", 10**9).user("local")
    motion = user.add(lambda file: file.write(FAKE_TAKE))[0]
    with running(BUSY, tmp_path) as bench:
        assert isinstance(bench.receive()[0], orders.Ready)
        bench.send(orders.Answer(unit=1, user="local"), preview_request(motion))
        begun = user.path(motion, "take").with_name("begun")
        wait_for(begun.exists, "the preview", DEADLINE_S)
        assert bench.process.poll() is None
        assert bench.close_input() < 3
        assert bench.process.returncode == 0


def test_a_dead_servers_shared_memory_goes_with_the_worker(tmp_path: Path) -> None:
    """The server was killed: nobody else is left to remove it."""
    make = (
        "import os\nfrom affekt.shared.pixels import PixelRing\n"
        "print(os.getpid(), PixelRing.create(1, 64).name, flush=True)\nos._exit(9)"
    )
    told = subprocess.run([sys.executable, "-c", make], stdout=subprocess.PIPE, check=False)
    pid, name = told.stdout.decode().split()
    ring = default_pixel_folder() / name
    assert ring.exists()
    with running(BUSY, tmp_path, server_pid=int(pid)) as bench:
        assert isinstance(bench.receive()[0], orders.Ready)
        bench.close_input()
    assert not ring.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_is_the_servers_to_heed(tmp_path: Path) -> None:
    with running(BUSY, tmp_path) as bench:
        assert isinstance(bench.receive()[0], orders.Ready)
        bench.process.send_signal(signal.SIGINT)
        bench.send(orders.Answer(unit=1, user="local"), messages.GetHead(name="open"))
        assert isinstance(bench.receive()[0], orders.Answered)


def test_another_server_hears_nothing(tmp_path: Path) -> None:
    """The worker knows its server by its key; `test_ready_answers_and_ends` is the control arm."""
    other = zmq.curve_keypair()[0].decode()
    with running(BUSY, tmp_path, server_public_key=other) as bench:
        assert not bench.socket.poll(1500)
        assert bench.process.poll() is None


@pytest.mark.parametrize("line", [b"", b"{}\n", b"nonsense\n", b"[1]\n"])
def test_a_line_that_is_none(line: bytes) -> None:
    ended = subprocess.run(
        BUSY,
        input=line,
        capture_output=True,
        check=False,
        timeout=60,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
            ),
        },
    )
    assert ended.returncode != 0


def test_the_line_says_what_was_told() -> None:
    start = WorkerStart(
        endpoint="tcp://127.0.0.1:1",
        server_public_key="a" * 40,
        public_key="b" * 40,
        secret_key="c" * 40,
        cache_folder="/somewhere else",
        cache_bytes=5,
        memory_bytes=6,
        server_pid=7,
    )
    line = encode_start(start)
    assert line.count(b"\n") == 1
    assert decode_start(line) == start
    assert "c" * 40 not in repr(start)
    for wrong in (b'{"endpoint": 1}', line.replace(b": 5", b': "5"'), b"\xff"):
        with pytest.raises(ValueError, match=r"."):
            decode_start(wrong)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's own memory")
def test_a_worker_gets_no_more_memory_than_it_may() -> None:
    """numpy and torch each say it in their way, and both become `job.memory`; the control arm has
    the memory. Pages that nobody touches cost nothing."""
    program = (
        "import sys, numpy, torch\n"
        "from affekt.sidecar.worker import failures, main\n"
        "if sys.argv[1:]: main.limit_memory(1_000_000_000)\n"
        "for make in (numpy.empty, torch.empty):\n"
        "    try: print(len(make(300_000_000)))\n"
        "    except Exception as error: print(failures.known(error, 'a test').code)\n"
    )
    for limit, said in (("limited", b"job.memory"), (None, b"300000000")):
        command = [sys.executable, "-c", program, *([limit] if limit else [])]
        told = subprocess.run(command, capture_output=True, check=True)
        assert told.stdout.split() == [said] * 2


def test_nothing_heavy_is_imported_before_it_is_connected() -> None:
    look = (
        "import sys, affekt.sidecar.worker.main\n"
        "print(*sorted({'torch', 'numba', 'scipy', 'cv2'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", look], stdout=subprocess.PIPE, check=True)
    assert told.stdout.split() == []


class ClosedSocket:
    """Ends a worker at its first message."""

    def send_multipart(self, _: object) -> None:
        raise zmq.ZMQError(zmq.ETERM)


def test_a_quarter_of_its_memory_is_for_what_it_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MEMORY, "budget_bytes", 7)
    # On a card, or the test's own process would be limited.
    services = replace(FakeServices().services(), load=lambda: "cuda")
    for memory_bytes, budget in ((0, 7), (4000, 1000)):
        with pytest.raises(zmq.ZMQError):
            main.run(
                ClosedSocket(), lambda: services, Cache(tmp_path / "c"), memory_bytes=memory_bytes
            )
        assert MEMORY.budget_bytes == budget


class PacedSocket:
    """Orders that come after so many milliseconds of quiet each; then the socket is closed."""

    def __init__(self, *pauses_ms: int) -> None:
        self._pauses_ms = list(pauses_ms)

    def send_multipart(self, _: object, copy: bool = True) -> None:
        pass

    def poll(self, timeout: int) -> bool:
        if not self._pauses_ms:
            return True
        self._pauses_ms[0] -= timeout
        return self._pauses_ms[0] <= 0

    def recv_multipart(self, copy: bool = True) -> list[zmq.Frame]:
        if not self._pauses_ms:
            raise zmq.ZMQError(zmq.ETERM)
        self._pauses_ms.pop(0)
        return [zmq.Frame(frame) for frame in orders.pack(orders.Drop(job="0" * 32))]


def test_it_warms_up_only_where_orders_do_not_follow_each_other(tmp_path: Path) -> None:
    warmed: list[int] = []
    pieces = (warmed.append(number) for number in range(100))
    services = replace(FakeServices().services(), load=lambda: "cuda", warm_up=lambda: pieces)
    socket = PacedSocket(0, 50, 1999)
    with pytest.raises(zmq.ZMQError):
        main.run(socket, lambda: services, Cache(tmp_path / "c"))
    assert warmed == []  # a first order waits; two more come within milliseconds
    with pytest.raises(zmq.ZMQError):
        main.run(PacedSocket(0, 2001), lambda: services, Cache(tmp_path / "c"))
    assert warmed
