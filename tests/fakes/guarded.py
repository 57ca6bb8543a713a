# SPDX-License-Identifier: GPL-3.0-or-later
"""A server with fake services in a process of its own, so that its memory and descriptors
can be counted; and a socket that tells what came out of it, whatever server holds it.

As a script (FOLDER secure|naked) it serves until its standard input closes, prints its
connection file's path, and answers each line with the number of frames that came out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq
from affekt.shared.connection import Connection, read_connection
from affekt.sidecar.server.authenticator import LOCAL_USER
from affekt.sidecar.server.keys import KeyPair
from affekt.sidecar.server.sockets import OpenSocket, open_plain_router, open_router

TESTS = Path(__file__).resolve().parents[1]


def overheard(open_socket: OpenSocket, hear: Callable[[bytes], None]) -> OpenSocket:
    """The same socket, but `hear` gets every frame that libzmq hands over: what is not heard
    has reached no handler."""

    class Overheard(zmq.Socket):
        def recv(self, flags: int = 0, copy: bool = True, track: bool = False):
            frame = super().recv(flags, copy, track)
            hear(bytes(frame) if copy else bytes(frame.buffer))
            return frame

    class Context:
        def __init__(self, context: zmq.Context) -> None:
            self._context = context

        def socket(self, kind: int) -> zmq.Socket:
            return self._context.socket(kind, socket_class=Overheard)

    def open_overheard(context: zmq.Context, keys: KeyPair) -> zmq.Socket:
        return open_socket(Context(context), keys)

    return open_overheard


def open_naked(context: zmq.Context, keys: KeyPair) -> zmq.Socket:
    """No CURVE, no authenticator: the control arm of every attack."""
    return open_plain_router(context)


def arms(open_socket: OpenSocket, hear: Callable[[bytes], None]) -> dict[str, object]:
    """Options of a server whose every frame is heard; a naked one takes all for the local user,
    since nobody has told it who they are."""
    options: dict[str, object] = {"open_socket": overheard(open_socket, hear)}
    if open_socket is open_naked:
        options["user_of"] = lambda frame: LOCAL_USER
    return options


class Guarded:
    """The process. connection: how a client gets in."""

    def __init__(self, process: subprocess.Popen[str], connection: Connection) -> None:
        self.connection = connection
        self._process = process

    def arrived(self) -> int:
        """Frames that have come out of its socket so far."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def memory_bytes(self) -> int:
        """Its resident memory."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def limit_descriptors(self, most: int) -> None:
        """From now on it may have no more open than so many."""
        import resource  # there is none on Windows

        resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, (most, most))

    def descriptors(self) -> int:
        """Its open files and sockets."""
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))


@contextmanager
def guarded(folder: Path, kind: str) -> Iterator[Guarded]:
    """A server process, `secure` or `naked`; it has ended by itself afterwards."""
    path = os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))
    with subprocess.Popen(
        [sys.executable, __file__, str(folder), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        assert process.stdout
        assert process.stdin
        yield Guarded(process, read_connection(Path(process.stdout.readline().strip())))
        process.stdin.close()
        assert process.wait(20) == 0


def _serve(folder: Path, kind: str) -> None:
    from fakes.link import running_server

    count = 0

    def hear(frame: bytes) -> None:
        nonlocal count
        count += 1

    opened = {"secure": open_router, "naked": open_naked}[kind]
    with running_server(folder, **arms(opened, hear)):
        print(folder / "run", flush=True)
        for _ in sys.stdin:
            print(count, flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
