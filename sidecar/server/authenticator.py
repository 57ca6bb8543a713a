# SPDX-License-Identifier: GPL-3.0-or-later
"""ZAP (ZeroMQ RFC 27): who may open a connection. Only clients whose CURVE key is pinned.

Runs on a thread of its own, so that a stranger is turned away whatever else happens. If it is
down, libzmq turns everyone away, because the socket sets `ZAP_ENFORCE_DOMAIN`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence

import zmq
from zmq.utils import z85

from ...shared.mailbox import Mailbox

DOMAIN = b"global"
_ENDPOINT = "inproc://zeromq.zap.01"
_VERSION = b"1.0"
_log = logging.getLogger("affekt.server")


class Authenticator:
    """Answers libzmq's questions about keys for all sockets of one context."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], client_keys: Collection[str]
    ) -> None:
        """client_keys: public keys as Z85 text."""
        self._keys = frozenset(z85.decode(key) for key in client_keys)
        self._stop: Mailbox[None] = Mailbox()
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        # Bound before any server socket is, else the first connections find nobody.
        self._socket.bind(_ENDPOINT)
        self._thread = threading.Thread(target=self._run, name="affekt-zap", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; from now on libzmq refuses every new connection."""
        if self._thread.is_alive():
            self._stop.put(None)
            self._thread.join()
            self._stop.close()

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._stop.fileno(), zmq.POLLIN)
        with self._socket:
            while True:
                ready = dict(poller.poll())
                if self._stop.fileno() in ready:
                    return
                self._socket.send_multipart(answer(self._socket.recv_multipart(), self._keys))


def answer(request: Sequence[bytes], keys: frozenset[bytes]) -> list[bytes]:
    """The ZAP reply to a ZAP request: version, request id, status code, status text, user id,
    metadata."""
    request_id = request[1] if len(request) > 1 else b""
    is_known = (
        len(request) == 7
        and request[0] == _VERSION
        and request[2] == DOMAIN
        and request[5] == b"CURVE"
        and request[6] in keys
    )
    if is_known:
        return [_VERSION, request_id, b"200", b"OK", b"client", b""]
    _log.warning("refused a connection with an unknown key")
    return [_VERSION, request_id, b"400", b"Unknown key", b"", b""]
