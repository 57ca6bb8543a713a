# SPDX-License-Identifier: GPL-3.0-or-later
"""A wire in foreign hands: it learns nothing, what it changes breaks the link, and what it repeats
is not heard. Each has a control arm without CURVE, where the attack works."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import zmq
from affekt.shared.connection import Connection
from affekt.shared.messages import FindArtefact, Hello, Message, Ping, Welcome
from affekt.shared.wire import encode
from affekt.sidecar.server.sockets import OpenSocket, open_router
from fakes.guarded import arms, open_naked
from fakes.link import RawClient, running_server, wait_for
from fakes.proxy import Proxy
from fakes.strangers import DEADLINE_S, address, say

HELLO = Hello(protocol=(3, 0), affekt="0.1.0")
SECRET = "5ec7e7" * 10 + "abcd"
TELLING = FindArtefact(sha256=SECRET)


@dataclass
class Tapped:
    """A server, what comes out of its socket, and the wire that leads there."""

    connection: Connection
    proxy: Proxy
    is_encrypted: bool
    heard: list[bytes] = field(default_factory=list)

    def client(self) -> RawClient:
        """A client whose bytes go over the wire."""
        return RawClient(self.proxy.instead_of(self.connection), encrypted=self.is_encrypted)

    def count(self, message: Message) -> int:
        """How often this message has come out, as it was sent with id 7."""
        return self.heard.count(bytes(encode(message, 7)[0]))


@contextmanager
def tapped(folder: Path, open_socket: OpenSocket) -> Iterator[Tapped]:
    heard: list[bytes] = []
    with (
        running_server(folder, **arms(open_socket, heard.append)) as link,
        Proxy(link.connection.endpoint) as proxy,
    ):
        yield Tapped(link.connection, proxy, open_socket is open_router, heard)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Tapped]:
    with tapped(tmp_path, open_router) as wire:
        yield wire


@pytest.fixture
def naked(tmp_path: Path) -> Iterator[Tapped]:
    with tapped(tmp_path, open_naked) as wire:
        yield wire


def talk(wire: Tapped) -> None:
    """Says hello and something telling, and is answered."""
    with wire.client() as client:
        assert isinstance(client.ask(HELLO), Welcome)
        client.ask(TELLING, 7)
    assert wire.count(TELLING) == 1


def seen(wire: Tapped) -> bytes:
    return bytes(wire.proxy.to_server) + bytes(wire.proxy.to_client)


def test_an_eavesdropper_reads_nothing(secure: Tapped) -> None:
    talk(secure)
    assert len(seen(secure)) > 500
    for telling in (
        SECRET,
        "find_artefact",
        "hello",
        "affekt",
        secure.connection.client_public_key,
    ):
        assert telling.encode() not in seen(secure)


def test_control_without_curve_an_eavesdropper_reads_all(naked: Tapped) -> None:
    talk(naked)
    assert SECRET.encode() in seen(naked)


@contextmanager
def replayed(wire: Tapped) -> Iterator[socket.socket]:
    """All that a client has said, once more on a connection of its own."""
    with socket.create_connection(address(wire.connection.endpoint), timeout=DEADLINE_S) as again:
        say(again, bytes(wire.proxy.to_server))
        yield again


def read_to_the_end(connection: socket.socket) -> None:
    """Returns once the server has hung up."""
    with contextlib.suppress(ConnectionError):
        while connection.recv(4096):
            pass


def test_a_session_that_is_played_again_is_not_heard(secure: Tapped) -> None:
    talk(secure)
    for _ in range(10):
        with replayed(secure) as again:
            read_to_the_end(again)
    with secure.client() as client:  # behind them all
        client.ask(HELLO)
    assert secure.count(TELLING) == 1


def test_control_without_curve_a_played_session_is_heard(naked: Tapped) -> None:
    talk(naked)
    with replayed(naked):
        wait_for(lambda: naked.count(TELLING) == 2, "the repetition")


class Once:
    """Changes the next long piece that passes, and nothing after it."""

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        self._change = change
        self.is_done = False

    def __call__(self, data: bytes) -> bytes:
        if self.is_done or len(data) < 60:  # a heartbeat
            return data
        self.is_done = True
        return self._change(data)


def test_a_message_that_is_repeated_breaks_the_link(secure: Tapped) -> None:
    with secure.client() as client:
        client.ask(HELLO)
        secure.proxy.tamper = Once(lambda data: data + data)
        client.socket.send_multipart(encode(TELLING, 7))
        client.wait_for_refusal()
    assert secure.count(TELLING) <= 1


def test_control_without_curve_a_message_is_repeated(naked: Tapped) -> None:
    with naked.client() as client:
        client.ask(HELLO)
        naked.proxy.tamper = Once(lambda data: data + data)
        client.socket.send_multipart(encode(TELLING, 7))
        wait_for(lambda: naked.count(TELLING) == 2, "the repetition")


def flip(place_from_end: int, bit: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[-place_from_end] ^= 1 << bit
        return bytes(changed)

    return change


def test_a_flipped_bit_breaks_the_link(secure: Tapped) -> None:
    """Wherever it is: in the text, in the tag before it, or in the nonce before that."""
    randomness = random.Random(5)
    size = len(encode(TELLING, 7)[0])
    for _ in range(40):
        before = len(secure.heard)
        with secure.client() as client:
            client.ask(HELLO)
            assert len(secure.heard) > before
            greeted = len(secure.heard)
            secure.proxy.tamper = Once(
                flip(randomness.randint(1, size + 24), randomness.randrange(8))
            )
            client.socket.send_multipart(encode(TELLING, 7))
            client.wait_for_refusal()
            secure.proxy.tamper = None
        assert len(secure.heard) == greeted


def test_control_without_curve_a_flipped_bit_is_believed(naked: Tapped) -> None:
    with naked.client() as client:
        client.ask(HELLO)
        body = bytes(encode(TELLING, 7)[0])
        place = len(body) - body.index(SECRET.encode())
        naked.proxy.tamper = Once(flip(place, 0))
        client.socket.send_multipart([body])
        altered = FindArtefact(sha256="4" + SECRET[1:])
        wait_for(lambda: naked.count(altered) == 1, "the altered message")


def test_what_is_cut_off_is_not_heard(secure: Tapped) -> None:
    with secure.client() as client:
        client.ask(HELLO)
        greeted = len(secure.heard)
        secure.proxy.tamper = Once(lambda data: data[:-1])
        client.socket.send_multipart(encode(TELLING, 7))
        client.socket.rcvtimeo = 200
        with pytest.raises(zmq.Again):
            client.receive()
    with secure.client() as client:
        client.ask(Ping())
    assert secure.count(TELLING) == 0
    assert len(secure.heard) > greeted
