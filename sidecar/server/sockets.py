# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's ROUTER socket: encrypted, for pinned keys alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import zmq

from ...shared import limits
from .authenticator import DOMAIN

Router: TypeAlias = "zmq.Socket[bytes]"
Context: TypeAlias = "zmq.Context[zmq.Socket[bytes]]"

HEARTBEAT_MS = 1000
HEARTBEAT_TIMEOUT_MS = 3000
# A connection that says nothing for this long during the handshake is closed.
HANDSHAKE_MS = 2000


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class KeyPair:
    """CURVE keys as Z85 text."""

    public: str
    secret: str


def make_keys() -> KeyPair:
    """A fresh pair."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public=public.decode(), secret=secret.decode())


OpenSocket = Callable[[Context, KeyPair], Router]


def open_router(context: Context, keys: KeyPair) -> Router:
    """An unbound ROUTER that speaks CURVE and asks the authenticator about every client."""
    socket = open_plain_router(context)
    socket.curve_server = True
    socket.curve_publickey = keys.public.encode()
    socket.curve_secretkey = keys.secret.encode()
    socket.zap_domain = DOMAIN
    # Without this libzmq lets everyone in while no authenticator answers.
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    return socket


def open_plain_router(context: Context) -> Router:
    """The same without any protection: the half that has to do with traffic."""
    socket = context.socket(zmq.ROUTER)
    socket.linger = 0
    # A client that has gone is an error that we can see, not a message that vanishes.
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    socket.setsockopt(zmq.MAXMSGSIZE, limits.MAX_REQUEST_BUFFER_BYTES)
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    return socket
