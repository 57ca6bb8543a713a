# SPDX-License-Identifier: GPL-3.0-or-later
"""ZAP (ZeroMQ RFC 27): decides who may connect to a socket, by CURVE key, and as which user.

Runs on a thread of its own, so that strangers are refused whatever else happens. While it does not
run libzmq refuses everyone, because the sockets set `ZAP_ENFORCE_DOMAIN`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import zmq
from zmq.utils import z85

from ...shared.mailbox import Mailbox

DOMAIN = b"global"
"""Domain of the clients' socket."""
WORKER_DOMAIN = b"worker"
"""Domain of the worker's socket, where only the worker's key is trusted."""
LOCAL_USER = "local"
"""The user of this machine, who holds the connection file."""
_ENDPOINT = "inproc://zeromq.zap.01"
_VERSION = b"1.0"
_log = logging.getLogger("affekt.server")

Trust = Callable[[bytes], str | None]
"""Public key (32 bytes) -> its user, None for a stranger's. Called for every connection on the
authenticator's thread; if it raises, the connection is refused."""


class PinnedKeys:
    """A `Trust` of a few keys in memory. Any thread may replace them."""

    def __init__(self, users: Mapping[str, str] | None = None) -> None:
        """users: public key as Z85 text -> user."""
        self.replace(users or {})

    def __call__(self, key: bytes) -> str | None:
        return self._users.get(key)

    def replace(self, users: Mapping[str, str]) -> None:
        """Trusts these keys instead; open connections stay open."""
        self._users = {z85.decode(key): user for key, user in users.items()}


class RefusalLog:
    """Logs refused connections, `LINES` a minute at most, so that strangers cannot fill the
    disk."""

    LINES = 10
    WINDOW_S = 60.0

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._begin = now()
        self._refused = 0

    def refused(self, address: str, reason: str) -> None:
        """Counts a refusal, and logs it unless there were too many."""
        if self._now() - self._begin >= self.WINDOW_S:
            self.close()
            self._begin = self._now()
        self._refused += 1
        if self._refused <= self.LINES:
            _log.warning("refused a connection from %s: %s", address, reason)

    def close(self) -> None:
        """Logs how many refusals were not logged one by one."""
        if self._refused > self.LINES:
            _log.warning("refused %d more connections", self._refused - self.LINES)
        self._refused = 0


class Authenticator:
    """Answers libzmq's questions about keys for all sockets of one context."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        domains: Mapping[bytes, Trust],
        *,
        log: RefusalLog | None = None,
    ) -> None:
        """domains: name of a ZAP domain -> which keys it trusts."""
        self._domains = dict(domains)
        self._log = RefusalLog() if log is None else log
        self._stop: Mailbox[None] = Mailbox()
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        # Bound before any server socket is, else the first connections find nobody.
        self._socket.bind(_ENDPOINT)
        self._thread = threading.Thread(target=self._run, name="affekt-zap", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; libzmq refuses every new connection from now on."""
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
                    break
                self._socket.send_multipart(self._answer(self._socket.recv_multipart()))
        self._log.close()

    def _answer(self, request: Sequence[bytes]) -> list[bytes]:
        try:
            reply = answer(request, self._domains)
            reason = reply[3].decode()
        except Exception:
            # A faulty list of keys lets nobody in, and does not end the thread.
            _log.exception("the keys could not be looked up")
            reply, reason = _refusal(request, b"Not answered"), "the keys could not be looked up"
        if reply[2] != b"200":
            address = request[3][:45].decode("ascii", "replace") if len(request) > 3 else "?"
            self._log.refused(address, reason)
        return reply


def answer(request: Sequence[bytes], domains: Mapping[bytes, Trust]) -> list[bytes]:
    """The ZAP reply to a ZAP request: version, request id, status code, status text, user id,
    metadata. The user id becomes the `User-Id` of the connection's messages."""
    if len(request) != 7 or request[0] != _VERSION or request[5] != b"CURVE":
        return _refusal(request, b"Not CURVE")
    trust = domains.get(request[2])
    if trust is None:
        return _refusal(request, b"Unknown domain")
    user = trust(request[6])
    if user is None:
        return _refusal(request, b"Unknown key")
    return [_VERSION, request[1], b"200", b"OK", user.encode("ascii"), b""]


def _refusal(request: Sequence[bytes], reason: bytes) -> list[bytes]:
    request_id = request[1] if len(request) > 1 else b""
    return [_VERSION, request_id, b"400", reason, b"", b""]
