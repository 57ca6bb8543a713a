# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients' socket alone: readers that are slow, gone, or unknown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq
from affekt.shared import limits
from affekt.sidecar.server.client_socket import ClientSocket, user_of
from affekt.sidecar.server.sockets import open_plain_router
from fakes.link import wait_for


class Room:
    """A socket without encryption, and readers with room for one message each."""

    def __init__(self) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        socket = open_plain_router(self.context)
        socket.bind("inproc://clients")
        self.clients = ClientSocket(socket, lambda frame: "anna")
        self.readers: list[zmq.Socket[bytes]] = []

    def reader(self, name: bytes) -> zmq.Socket[bytes]:
        socket = self.context.socket(zmq.DEALER)
        socket.setsockopt(zmq.ROUTING_ID, name)
        socket.linger, socket.rcvhwm, socket.rcvtimeo = 0, 1, 10_000
        socket.connect("inproc://clients")
        socket.send(b"hello")
        self.readers.append(socket)
        assert [incoming.client for incoming in self.clients.receive(9)] == [name]
        return socket

    def close(self) -> None:
        for socket in (*self.readers, self.clients.socket):
            socket.close(linger=0)
        self.context.term()


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.close()


def test_messages_come_a_few_at_a_time(room: Room) -> None:
    reader = room.reader(b"a")
    for number in range(5):
        reader.send_multipart([b"%d" % number, b"x"])
    turns = [room.clients.receive(2) for _ in range(3)]
    assert [len(turn) for turn in turns] == [2, 2, 1]
    received = [incoming for turn in turns for incoming in turn]
    assert [bytes(incoming.frames[0]) for incoming in received] == [b"0", b"1", b"2", b"3", b"4"]
    assert {incoming.user for incoming in received} == {"anna"}


def test_frames_without_end_are_let_go(room: Room) -> None:
    """One too many is kept, so that it is refused; and the next message begins where it begins."""
    reader = room.reader(b"a")
    reader.send_multipart([b""] * 10_000)
    reader.send_multipart([b""] * 65)
    reader.send(b"next")
    counts = [len(incoming.frames) for incoming in room.clients.receive(9)]
    assert counts == [66, 65, 1]


def test_what_finds_no_room_waits_in_order(room: Room) -> None:
    slow, quick = room.reader(b"slow"), room.reader(b"quick")
    for number in range(100):
        room.clients.post(b"slow", [b"%d" % number, bytes(10)])
    assert room.clients.is_blocked(b"slow")
    assert room.clients.is_waiting
    room.clients.post(b"quick", [b"at once"])
    assert quick.recv() == b"at once"
    assert not room.clients.is_blocked(b"quick")
    for number in range(100):
        wait_for(lambda: room.clients.flush() or slow.poll(0), "the next message")
        assert slow.recv_multipart()[0] == b"%d" % number
    wait_for(lambda: room.clients.flush() or not room.clients.is_waiting, "the last to go")


def test_nothing_overtakes_what_waits(room: Room) -> None:
    """Though there is room again by then."""
    reader, count = room.reader(b"a"), 0
    while not room.clients.is_blocked(b"a"):
        room.clients.post(b"a", [b"%d" % count])
        count += 1
    got: list[bytes] = []
    while reader.poll(200):  # ms: all that was sent is read
        got.append(reader.recv())
    room.clients.post(b"a", [b"late"])

    def has_come() -> bool:
        room.clients.flush()
        while reader.poll(0):
            got.append(reader.recv())
        return len(got) == count + 1

    wait_for(has_come, "all of them")
    assert got == [*(b"%d" % number for number in range(count)), b"late"]


def test_who_reads_nothing_is_full_and_then_gone(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.reader(b"a")
    monkeypatch.setattr(limits, "MAX_OUTBOX", 50)
    monkeypatch.setattr(limits, "MAX_OUTBOX_BYTES", 1000)
    wait_for(
        lambda: room.clients.post(b"a", [bytes(100)]) or room.clients.is_full(b"a"), "its limit"
    )
    assert room.clients.take_gone() == []
    wait_for(lambda: room.clients.post(b"a", [b"x"]) or not room.clients.is_waiting, "its end")
    assert room.clients.take_gone() == [b"a"]
    assert not room.clients.is_full(b"a")


def test_as_many_messages_wait_as_may(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one more their reader counts as gone."""
    room.reader(b"a")
    while not room.clients.is_blocked(b"a"):
        room.clients.post(b"a", [b"first"])
    monkeypatch.setattr(limits, "MAX_OUTBOX", 5)
    for _ in range(4):
        room.clients.post(b"a", [b"x"])
    assert room.clients.is_waiting
    assert room.clients.take_gone() == []
    room.clients.post(b"a", [b"x"])
    assert not room.clients.is_waiting
    assert room.clients.take_gone() == [b"a"]


def test_many_who_read_nothing_are_full_together(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else is."""
    monkeypatch.setattr(limits, "MAX_ALL_OUTBOX_BYTES", 1000)
    for name in (b"a", b"b", b"c"):
        room.reader(name)
    for name in (b"a", b"b"):
        while not room.clients.is_blocked(name):
            room.clients.post(name, [bytes(10)])
    assert not room.clients.is_full(b"a")
    room.clients.post(b"b", [bytes(1000)])
    assert [room.clients.is_full(name) for name in (b"a", b"b", b"c")] == [True, True, False]


def test_who_has_gone(room: Room) -> None:
    room.reader(b"a").close(linger=0)
    wait_for(lambda: room.clients.post(b"a", [b"x"]) or room.clients.take_gone(), "its end")
    room.clients.post(b"nobody", [b"x"])
    assert room.clients.take_gone() == [b"nobody"]


def test_what_waits_is_forgotten(room: Room) -> None:
    room.reader(b"a")
    for _ in range(100):
        room.clients.post(b"a", [b"x"])
    room.clients.forget(b"a")
    assert not room.clients.is_waiting


def test_whom_nobody_let_in_is_no_user() -> None:
    assert user_of(zmq.Frame(b"x")) == ""


def test_who_begins_to_read_again_is_full_no_more(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each message that goes counts no more, with all of its frames."""
    reader = room.reader(b"a")
    while not room.clients.is_blocked(b"a"):
        room.clients.post(b"a", [b"first"])
    for _ in range(9):
        room.clients.post(b"a", [bytes(60), bytes(40)])
    monkeypatch.setattr(limits, "MAX_OUTBOX_BYTES", 5 + 900)
    assert not room.clients.is_full(b"a")
    room.clients.post(b"a", [b"x"])
    assert room.clients.is_full(b"a")

    def has_room() -> bool:
        room.clients.flush()
        if reader.poll(0):
            reader.recv_multipart()
        return not room.clients.is_full(b"a")

    wait_for(has_room, "room")
    assert room.clients.is_blocked(b"a")  # nearly all of it still waits
    assert room.clients.take_gone() == []
