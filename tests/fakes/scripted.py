# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar that says what a test tells it to, for the client's faults: it dies, stalls, lies,
repeats itself. It greets and answers pings by itself, as long as it is told nothing else.

As a program (`python -m fakes.scripted`) it prints its connection as JSON and does only that, so
that a test may stop and kill it.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TypeVar

import zmq
from affekt.shared import limits, wire
from affekt.shared.connection import Connection
from affekt.shared.mailbox import Mailbox
from affekt.shared.messages import Hello, Message, Ping, Pong, Welcome
from affekt.shared.version import AFFEKT_VERSION
from affekt.shared.wire import Frame

from .link import DEADLINE_S

Asked = TypeVar("Asked", bound=Message)
WELCOME = Welcome(
    protocol=limits.PROTOCOL_VERSION, affekt=AFFEKT_VERSION, capabilities=("bake", "render")
)


@dataclass(frozen=True, slots=True)
class _Request:
    client: bytes
    number: int
    message: Message
    frames: list[bytes]


class ScriptedSidecar:
    """A ROUTER on a thread. `expect` waits for a client's request, `answer`, `tell` and
    `tell_frames` speak to the client that was heard last."""

    def __init__(self) -> None:
        self.is_mute = False
        """Whether it reads and never answers by itself, pings included."""
        self.is_deaf = False
        """Whether it does not even read."""
        self.welcome: Message = WELCOME
        self.pings = 0
        self.heard: list[str] = []
        """TYPE of everything that came, pings apart."""
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        self._last: dict[type[Message], _Request] = {}
        self._client = b""
        self._orders: Mailbox[Callable[[], None]] = Mailbox()
        self._is_dead = False
        self._context = zmq.Context()
        public, secret = zmq.curve_keypair()
        self._socket = self._context.socket(zmq.ROUTER)
        # Past its mark a ROUTER drops messages without a word, answers too; the server keeps below.
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.linger = 0
        self._socket.curve_server = True
        self._socket.curve_publickey, self._socket.curve_secretkey = public, secret
        self._socket.bind("tcp://127.0.0.1:*")
        client = zmq.curve_keypair()
        self.connection = Connection(
            endpoint=self._socket.last_endpoint.decode().rstrip("\0"),
            server_public_key=public.decode(),
            client_public_key=client[0].decode(),
            client_secret_key=client[1].decode(),
            pid=os.getpid(),
            protocol=limits.PROTOCOL_VERSION,
            affekt=AFFEKT_VERSION,
        )
        self._thread = threading.Thread(target=self._run, name="affekt-scripted", daemon=True)
        self._thread.start()

    def expect(self, kind: type[Asked], deadline_s: float = DEADLINE_S) -> Asked:
        """The next request of this kind; others before it are passed over."""
        return self._expect(kind, deadline_s).message  # type: ignore[return-value]

    def expect_frames(self, kind: type[Message]) -> list[bytes]:
        """The same as its bytes, without the header's id."""
        request = self._expect(kind, DEADLINE_S)
        again = wire.encode(request.message, 0)
        return [bytes(again[0]), *request.frames[1:]]

    def answer(self, kind: type[Message], message: Message, *, times: int = 1) -> None:
        """Answers the request of this kind that was expected last."""
        request = self._last[kind]
        for _ in range(times):
            self._say(request.client, wire.encode(message, request.number))

    def tell(self, *told: Message, number: int = 0) -> None:
        """Events, or answers with whatever number, to the client that was heard last."""
        for message in told:
            self._say(self._client, wire.encode(message, number))

    def tell_frames(self, frames: Sequence[Frame]) -> None:
        """Whatever bytes."""
        self._say(self._client, frames)

    def die(self) -> None:
        """Closes the door, at once and for good."""
        if not self._is_dead:
            self._is_dead = True
            self._orders.put(lambda: None)
            self._thread.join(DEADLINE_S)
            self._orders.close()

    def _expect(self, kind: type[Message], deadline_s: float) -> _Request:
        end = time.monotonic() + deadline_s
        while True:
            left_s = end - time.monotonic()
            try:
                request = self._requests.get(timeout=max(left_s, 0.001))
            except queue.Empty:
                raise AssertionError(f"waited in vain for {kind.TYPE}") from None
            if isinstance(request.message, kind):
                self._last[kind] = request
                return request

    def _say(self, client: bytes, frames: Sequence[Frame]) -> None:
        self._orders.put(lambda: self._socket.send_multipart([client, *frames]))

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._orders.fileno(), zmq.POLLIN)
        try:
            while not self._is_dead:
                poller.register(self._socket, 0 if self.is_deaf else zmq.POLLIN)
                ready = dict(poller.poll(10))
                for order in self._orders.take_all():
                    order()
                if self._socket in ready:
                    self._hear()
        finally:
            self._socket.close(linger=0)
            self._context.term()

    def _hear(self) -> None:
        client, *frames = self._socket.recv_multipart()
        number, message = wire.decode_frames(frames)
        self._client = client
        if isinstance(message, Ping):
            self.pings += 1
        else:
            self.heard.append(message.TYPE)
        own = {Ping: Pong(), Hello: self.welcome}.get(type(message))
        if own is None:
            self._requests.put(_Request(client, number, message, frames))
        elif not self.is_mute:
            self._socket.send_multipart([client, *wire.encode(own, number)])


@contextmanager
def scripted() -> Iterator[ScriptedSidecar]:
    """A sidecar that is gone afterwards."""
    sidecar = ScriptedSidecar()
    try:
        yield sidecar
    finally:
        sidecar.die()


def main() -> None:
    """Prints the connection and lives until its standard input ends."""
    sidecar = ScriptedSidecar()
    print(json.dumps(asdict(sidecar.connection)), flush=True)
    with suppress(KeyboardInterrupt):
        sys.stdin.read()
    sidecar.die()


if __name__ == "__main__":
    main()
