# SPDX-License-Identifier: GPL-3.0-or-later
"""A wire in foreign hands: a TCP proxy between client and server that records every byte, and
changes what it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from affekt.shared.connection import Connection

from .strangers import DEADLINE_S, address

Tamper = Callable[[bytes], bytes]


class Proxy:
    """Passes on every connection to `endpoint` until it is closed.

    to_server, to_client: all bytes so far, over all connections. tamper: changes what goes to the
    server; set it when the handshake is done.
    """

    def __init__(self, endpoint: str) -> None:
        self.to_server = bytearray()
        self.to_client = bytearray()
        self.tamper: Tamper | None = None
        self._endpoint = endpoint
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends all connections and threads."""
        for end in (self._listener, *self._sockets):
            _hang_up(end)
        for thread in self._threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()
        for end in (self._listener, *self._sockets):
            end.close()

    def instead_of(self, connection: Connection) -> Connection:
        """The same connection, but through here."""
        host, port = self._listener.getsockname()
        return replace(connection, endpoint=f"tcp://{host}:{port}")

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, name="proxy", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(address(self._endpoint), timeout=DEADLINE_S)
            server.settimeout(None)
            self._sockets += [client, server]
            self._start(self._to_server, client, server)
            self._start(self._to_client, server, client)

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        for data in _all_of(client, server):
            self.to_server += data
            _send(server, data if self.tamper is None else self.tamper(data))

    def _to_client(self, server: socket.socket, client: socket.socket) -> None:
        for data in _all_of(server, client):
            self.to_client += data
            _send(client, data)


def _all_of(source: socket.socket, target: socket.socket) -> Iterator[bytes]:
    try:
        while data := source.recv(65536):
            yield data
    except OSError:
        pass
    _hang_up(target)


def _send(target: socket.socket, data: bytes) -> None:
    try:
        target.sendall(data)
    except OSError:
        _hang_up(target)


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
