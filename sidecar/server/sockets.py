# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's two ROUTER sockets, for its clients and for its worker: encrypted, each for the keys
that are trusted there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import zmq

from ...shared import limits
from ...shared.errors import LinkError
from ..worker.orders import WorkerAccess
from .authenticator import DOMAIN, LOCAL_USER, WORKER_DOMAIN, Authenticator, PinnedKeys, Trust
from .keys import KeyPair, make_keys

Router: TypeAlias = "zmq.Socket[bytes]"
Context: TypeAlias = "zmq.Context[zmq.Socket[bytes]]"

LOOPBACK = "127.0.0.1"
# A client that is stopped for 5 s is not lost; one whose machine has vanished is, in the end.
HEARTBEAT_MS = 5000
HEARTBEAT_TIMEOUT_MS = round(1000 * limits.CLIENT_SILENCE_S)
# Messages of one client that libzmq has read and we have not: uploads of 4 MB, 64 MB in all.
RECEIVE_AHEAD = 16
# Messages to one client that libzmq holds: pieces of 4 MB, 64 MB in all. `ClientSocket` holds more.
SEND_AHEAD = 16
# A connection that says nothing for this long during the handshake is closed.
HANDSHAKE_MS = 2000


OpenSocket = Callable[[Context, KeyPair], Router]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClientEndpoint:
    """Where clients connect, the server's keys, and whose keys it trusts.

    port: None is any free one. client: the keys for clients in the connection file; None where
    clients have keys of their own, and there is no such file.
    """

    keys: KeyPair
    trust: Trust
    client: KeyPair | None = None
    host: str = LOOPBACK
    port: int | None = None


def local_endpoint() -> ClientEndpoint:
    """An endpoint for this machine's user alone, with fresh keys."""
    client = make_keys()
    trust = PinnedKeys({client.public: LOCAL_USER})
    return ClientEndpoint(keys=make_keys(), trust=trust, client=client)


class ServerSockets:
    """Both sockets, bound, and their authenticator. Messages carry their sender as `User-Id`.

    endpoint: where clients connect, such as `tcp://127.0.0.1:5870`.
    """

    def __init__(
        self, context: Context, endpoint: ClientEndpoint, open_socket: OpenSocket | None = None
    ) -> None:
        """Binds both. open_socket: opens the clients' socket; tests give their own. Raises
        LinkError `link.bind`."""
        self._worker_keys = make_keys()
        self._workers = PinnedKeys()
        self._begun = 0
        self.authenticator = Authenticator(
            context, {DOMAIN: endpoint.trust, WORKER_DOMAIN: self._workers}
        )
        self.clients = (open_socket or open_router)(context, endpoint.keys)
        self.worker = open_worker_router(context, self._worker_keys)
        try:
            self.endpoint = _bind(self.clients, endpoint.host, endpoint.port)
            self._worker_endpoint = _bind(self.worker, LOOPBACK, None)
        except LinkError:
            self.close(linger_ms=0)
            raise

    def grant_worker_access(self) -> WorkerAccess:
        """Fresh keys for the worker with the next number N; those of the one before are refused
        from now on. Its messages have the `User-Id` `worker-N`."""
        pair = make_keys()
        self._begun += 1
        self._workers.replace({pair.public: f"worker-{self._begun}"})
        return WorkerAccess(
            endpoint=self._worker_endpoint,
            server_public_key=self._worker_keys.public,
            public_key=pair.public,
            secret_key=pair.secret,
        )

    def close(self, *, linger_ms: int) -> None:
        """Closes both. linger_ms: time for the last answers to be sent."""
        self.clients.close(linger=linger_ms)
        self.worker.close(linger=0)
        self.authenticator.stop()


def open_router(context: Context, keys: KeyPair, domain: bytes = DOMAIN) -> Router:
    """An unbound ROUTER that speaks CURVE and asks the authenticator about every client."""
    socket = open_plain_router(context)
    socket.curve_server = True
    socket.curve_publickey = keys.public.encode()
    socket.curve_secretkey = keys.secret.encode()
    socket.zap_domain = domain
    # Without this libzmq lets everyone in while no authenticator answers.
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    return socket


def open_worker_router(context: Context, keys: KeyPair) -> Router:
    """A socket for the worker: with larger messages, such as a whole take's motion, and without
    heartbeats, since the server hears of the end of the worker's process."""
    socket = open_router(context, keys, WORKER_DOMAIN)
    socket.setsockopt(zmq.MAXMSGSIZE, limits.MAX_BUFFER_BYTES)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 0)
    return socket


def open_plain_router(context: Context) -> Router:
    """An unbound ROUTER without encryption; sets limits, queues and heartbeats."""
    socket = context.socket(zmq.ROUTER)
    socket.linger = 0
    # Sending to a client that has gone is an error; without this the message vanishes.
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.MAXMSGSIZE, limits.MAX_REQUEST_BUFFER_BYTES)
    socket.setsockopt(zmq.RCVHWM, RECEIVE_AHEAD)
    socket.setsockopt(zmq.SNDHWM, SEND_AHEAD)
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    return socket


def _bind(socket: Router, host: str, port: int | None) -> str:
    try:
        socket.bind(f"tcp://{host}:{'*' if port is None else port}")
    except zmq.ZMQError as error:
        remedy = (
            f"Check whether a firewall forbids connections to {LOOPBACK}."
            if port is None
            else f"Check that {host} is this machine's address, and choose another --port if "
            f"{port} is taken."
        )
        raise LinkError(
            "link.bind", f"The sidecar cannot listen on {host} ({error}).", remedy
        ) from error
    return socket.getsockopt_string(zmq.LAST_ENDPOINT)
