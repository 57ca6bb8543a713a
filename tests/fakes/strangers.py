# SPDX-License-Identifier: GPL-3.0-or-later
"""Those who knock without being let in: bytes that are no ZMTP, greetings with garbage behind
them, and whole ZeroMQ clients with wrong keys or none."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

import zmq
from affekt.shared.connection import Connection
from affekt.shared.messages import Hello
from affekt.shared.wire import encode
from affekt.sidecar.server.keys import make_keys
from zmq.utils.monitor import recv_monitor_message

DEADLINE_S = 10.0
BATCH = 50
"""Strangers at the door at one time."""


def address(endpoint: str) -> tuple[str, int]:
    """Host and port of `tcp://HOST:PORT`."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    return host, int(port)


GREETING_BYTES = 64


def greeting(mechanism: bytes) -> bytes:
    """A ZMTP 3.1 greeting, 64 bytes."""
    return b"\xff" + bytes(8) + b"\x7f\x03\x01" + mechanism.ljust(20, b"\0") + bytes(32)


_READY = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0"
READY = b"\x04" + bytes([len(_READY)]) + _READY
"""The NULL mechanism's one command: with it the handshake is done."""


def random_bytes(randomness: random.Random) -> bytes:
    """Anything: 1 to 300 bytes."""
    return randomness.randbytes(randomness.randint(1, 300))


def greeted_garbage(randomness: random.Random) -> bytes:
    """A greeting that libzmq accepts, then garbage: as a handshake's command (CURVE, PLAIN), or
    as a message behind a handshake that is done (NULL)."""
    mechanism = randomness.choice((b"NULL", b"PLAIN", b"CURVE"))
    body = randomness.randbytes(randomness.randint(1, 200))
    if mechanism == b"NULL":
        return greeting(mechanism) + READY + b"\0" + bytes([len(body)]) + body
    name = b"\x05HELLO" if randomness.random() < 0.5 else b"\x08INITIATE"
    command = name + body
    return greeting(mechanism) + b"\x04" + bytes([len(command)]) + command


def send_all(endpoint: str, attacks: Sequence[bytes]) -> None:
    """Each on a connection of its own; returns once the server has closed every one."""
    for start in range(0, len(attacks), BATCH):
        with ExitStack() as stack:
            batch = []
            for attack in attacks[start : start + BATCH]:
                stranger = socket.create_connection(address(endpoint), timeout=DEADLINE_S)
                batch.append(stack.enter_context(stranger))
                say(stranger, attack)
            for stranger in batch:
                _end_the_talk(stranger)
            for stranger in batch:
                _listen_to_the_end(stranger)


def say(stranger: socket.socket, attack: bytes) -> None:
    """Sends it. A greeting goes first, and the rest once the server has greeted too: libzmq
    leaves what comes with a greeting lying until something more comes."""
    with suppress(OSError):  # thrown out in the middle of a word
        if len(attack) > GREETING_BYTES and attack[0] == 0xFF and attack[9] == 0x7F:
            stranger.sendall(attack[:GREETING_BYTES])
            greeted = 0
            while greeted < GREETING_BYTES:
                heard = stranger.recv(GREETING_BYTES - greeted)
                if not heard:
                    return
                greeted += len(heard)
            attack = attack[GREETING_BYTES:]
        stranger.sendall(attack)


def _end_the_talk(stranger: socket.socket) -> None:
    with suppress(OSError):
        stranger.shutdown(socket.SHUT_WR)


def _listen_to_the_end(stranger: socket.socket) -> None:
    with suppress(ConnectionError):
        while stranger.recv(4096):
            pass


Dress = Callable[[zmq.Socket, Connection], None]


def wear_nothing(socket: zmq.Socket, connection: Connection) -> None:
    """The NULL mechanism."""


def wear_a_password(socket: zmq.Socket, connection: Connection) -> None:
    """The PLAIN mechanism."""
    socket.plain_username, socket.plain_password = b"local", b"password"


def wear_the_keys(socket: zmq.Socket, connection: Connection) -> None:
    """What the connection file says."""
    socket.curve_serverkey = connection.server_public_key.encode()
    socket.curve_publickey = connection.client_public_key.encode()
    socket.curve_secretkey = connection.client_secret_key.encode()


def wear_a_strangers_keys(socket: zmq.Socket, connection: Connection) -> None:
    """The server's true key, and a pair that nobody trusts."""
    pair = make_keys()
    strange = replace(connection, client_public_key=pair.public, client_secret_key=pair.secret)
    wear_the_keys(socket, strange)


def wear_anothers_public_key(socket: zmq.Socket, connection: Connection) -> None:
    """A trusted public key without its secret."""
    wear_the_keys(socket, replace(connection, client_secret_key=make_keys().secret))


def seek_another_server(socket: zmq.Socket, connection: Connection) -> None:
    """The right client, and a key that is not the server's."""
    wear_the_keys(socket, replace(connection, server_public_key=make_keys().public))


DRESSES: tuple[Dress, ...] = (
    wear_nothing,
    wear_a_password,
    wear_a_strangers_keys,
    wear_anothers_public_key,
    seek_another_server,
)

_REFUSALS = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
)


@contextmanager
def knocking(
    context: zmq.Context, connection: Connection, dress: Dress
) -> Iterator[tuple[zmq.Socket, zmq.Socket]]:
    """A client that says hello; its socket and a monitor of refusals and of success."""
    with context.socket(zmq.DEALER) as client:
        client.linger = 0
        client.setsockopt(zmq.RECONNECT_IVL, -1)
        dress(client, connection)
        monitor = client.get_monitor_socket(_REFUSALS | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        monitor.rcvtimeo = client.rcvtimeo = int(1000 * DEADLINE_S)
        client.connect(connection.endpoint)
        with suppress(zmq.Again):  # thrown out before it can speak
            hello = encode(Hello(protocol=(3, 0), affekt="0.1.0"), 1)
            client.send_multipart(hello, flags=zmq.NOBLOCK)
        try:
            yield client, monitor
        finally:
            client.disable_monitor()
            monitor.close(linger=0)


def count_let_in(connection: Connection, dresses: Sequence[Dress]) -> int:
    """How many of these clients end their handshake well; returns once each is in or out."""
    let_in = 0
    with zmq.Context() as context:
        for start in range(0, len(dresses), BATCH):
            with ExitStack() as stack:
                monitors = [
                    stack.enter_context(knocking(context, connection, dress))[1]
                    for dress in dresses[start : start + BATCH]
                ]
                events = [recv_monitor_message(monitor)["event"] for monitor in monitors]
                let_in += events.count(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    return let_in
