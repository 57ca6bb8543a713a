# SPDX-License-Identifier: GPL-3.0-or-later
"""Every pair of protocol versions, both ways round, and what the artist then reads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest
import zmq
from affekt.shared import limits, messages, wire
from affekt.shared.client import Client
from affekt.shared.connection import Connection
from affekt.shared.errors import LinkError
from affekt.shared.messages import Failure, Hello, Message, Ping, Pong, Welcome
from affekt.shared.version import AFFEKT_VERSION
from fakes.link import RawClient, running_server

OURS = limits.PROTOCOL_VERSION
KEYS = "x" * 40

TEXTS = {
    # Our sidecar, an add-on of another version.
    ("add-on", (2, 4)): (
        "The add-on is Affekt 2.4.0 (protocol 2.4) and the sidecar Affekt 0.1.0 (protocol 3.12): "
        "they do not understand each other. "
        "Update the add-on to Affekt 0.1.0, then start the sidecar again."
    ),
    ("add-on", (3, 13)): None,
    ("add-on", (4, 0)): (
        "The add-on is Affekt 4.0.0 (protocol 4.0) and the sidecar Affekt 0.1.0 (protocol 3.12): "
        "they do not understand each other. "
        "Update the sidecar to Affekt 4.0.0, then start the sidecar again."
    ),
    # Our add-on, a sidecar of another version.
    ("sidecar", (2, 4)): (
        "The add-on is Affekt 0.1.0 (protocol 3.12) and the sidecar Affekt 2.4.0 (protocol 2.4): "
        "they do not understand each other. "
        "Update the sidecar to Affekt 0.1.0, then start the sidecar again."
    ),
    ("sidecar", (3, 13)): None,
    ("sidecar", (4, 0)): (
        "The add-on is Affekt 0.1.0 (protocol 3.12) and the sidecar Affekt 4.0.0 (protocol 4.0): "
        "they do not understand each other. "
        "Update the add-on to Affekt 4.0.0, then start the sidecar again."
    ),
}
"""The text, or None where the two understand each other."""
OTHERS = ((2, 4), (3, 13), (4, 0))


def affekt_of(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}.0"


def with_extra(message: Message, request: int, version: tuple[int, int]) -> list[bytes]:
    """The message as a newer minor may send it: with a field that we do not know."""
    header = msgpack.unpackb(wire.encode(message, request, version=version)[0])
    header["body"]["colour"] = "red"
    return [msgpack.packb(header)]


def test_the_texts_are_of_this_version() -> None:
    assert (OURS, AFFEKT_VERSION) == ((3, 12), "0.1.0"), "write the matrix anew"


# --- our sidecar ----------------------------------------------------------------------------


@pytest.mark.parametrize("version", OTHERS, ids=str)
def test_our_sidecar(tmp_path: Path, version: tuple[int, int]) -> None:
    with running_server(tmp_path) as link, RawClient(link.connection) as raw:
        answer = raw.ask(Hello(protocol=version, affekt=affekt_of(version)), version=version)
        expected = TEXTS["add-on", version]
        if expected is None:
            assert isinstance(answer, Welcome)
            raw.socket.send_multipart(with_extra(Ping(), 2, version))
            assert raw.receive() == (2, Pong())
        else:
            assert isinstance(answer, Failure)
            assert (answer.code, f"{answer.message} {answer.remedy}") == ("link.version", expected)
            after = raw.ask(Ping(), 2)
            assert isinstance(after, Failure)
            assert after.code == "link.no_hello"


# --- our add-on -----------------------------------------------------------------------------


@contextmanager
def a_sidecar_of(version: tuple[int, int]) -> Iterator[Connection]:
    """It answers a hello as that version would, in the layout that is fixed for ever, and pings."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        public, secret = zmq.curve_keypair()
        socket.linger = 0
        socket.curve_server, socket.curve_secretkey = True, secret
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        is_over = threading.Event()
        thread = threading.Thread(target=_answer, args=(socket, version, is_over))
        thread.start()
        mine, my_secret = (key.decode() for key in zmq.curve_keypair())
        try:
            yield Connection(
                endpoint=f"tcp://127.0.0.1:{port}",
                server_public_key=public.decode(),
                client_public_key=mine,
                client_secret_key=my_secret,
                pid=1,
                protocol=OURS,
                affekt=affekt_of(version),
            )
        finally:
            is_over.set()
            thread.join()


def _answer(socket: zmq.Socket, version: tuple[int, int], is_over: threading.Event) -> None:
    while not is_over.is_set():
        if not socket.poll(10):
            continue
        owner, *frames = socket.recv_multipart()
        request, message = wire.decode_frames(frames)
        answer: Message = Pong()
        if isinstance(message, Hello):
            answer = Welcome(protocol=version, affekt=affekt_of(version), capabilities=("bake",))
        socket.send_multipart([owner, *with_extra_if_newer(answer, request, version)])


def with_extra_if_newer(
    message: Message, request: int, version: tuple[int, int]
) -> list[wire.Frame]:
    if version > OURS and version[0] == OURS[0]:
        return [*with_extra(message, request, version)]
    # A sidecar of another major does not go on to speak ours, whatever its hello looked like.
    return wire.encode(message, request, version=OURS)


@pytest.mark.parametrize("version", OTHERS, ids=str)
def test_our_add_on(version: tuple[int, int]) -> None:
    """A sidecar that was replaced since its connection file was written."""
    expected = TEXTS["sidecar", version]
    with a_sidecar_of(version) as connection:
        if expected is None:
            with Client.connect(connection) as client:
                client.ping()
            return
        with pytest.raises(LinkError) as caught:
            Client.connect(connection)
    assert (caught.value.code, str(caught.value)) == ("link.version", expected)


@pytest.mark.parametrize("version", OTHERS, ids=str)
def test_our_add_on_reads_it_in_the_connection_file(version: tuple[int, int]) -> None:
    """Nothing is sent to a sidecar of another major."""
    expected = TEXTS["sidecar", version]
    if expected is None:
        return
    connection = Connection(
        endpoint="tcp://127.0.0.1:9",
        server_public_key=KEYS,
        client_public_key=KEYS,
        client_secret_key=KEYS,
        pid=1,
        protocol=version,
        affekt=affekt_of(version),
    )
    with pytest.raises(LinkError) as caught:
        Client.connect(connection)
    assert (caught.value.code, str(caught.value)) == ("link.version", expected)


# --- what another major sends after all -----------------------------------------------------


@pytest.mark.parametrize("kind", messages.MESSAGES.values(), ids=lambda kind: kind.TYPE)
def test_another_major_is_not_decoded(kind: type[Message]) -> None:
    """Whatever is in its body; but for the two messages with which versions tell each other."""
    header = {"v": [4, 0], "id": 1, "type": kind.TYPE, "buffers": [], "body": {"colour": 1}}
    expected = "link.protocol" if kind in (Hello, Failure) else "link.version"
    with pytest.raises(LinkError) as caught:
        wire.decode_frames([msgpack.packb(header)])
    assert caught.value.code == expected
