# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients' socket as the sockets' thread uses it: it never blocks, and messages wait here for
clients that read slowly."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import zmq

from ...shared import limits
from ...shared.wire import Frame
from .sockets import Router

_MOST_FRAMES = 2 + limits.MAX_BUFFERS  # sender, header, buffers
UserOf = Callable[[zmq.Frame], str]
"""The user who sent a frame."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of one frame or more from a client. client: its routing id. user: who it is."""

    client: bytes
    user: str
    frames: list[memoryview]


@dataclass(slots=True)
class _Outbox:
    messages: deque[Sequence[Frame]] = field(default_factory=deque)
    size: int = 0


def user_of(frame: zmq.Frame) -> str:
    """The user by whose key the authenticator let the sender in; "" if it did not."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""


class ClientSocket:
    """A ROUTER that never blocks. A message for which its client has no room waits here."""

    def __init__(self, socket: Router, user_of: UserOf = user_of) -> None:
        self.socket = socket
        self._user_of = user_of
        self._outboxes: dict[bytes, _Outbox] = {}
        self._gone: list[bytes] = []

    @property
    def is_waiting(self) -> bool:
        """Whether any message waits for room."""
        return bool(self._outboxes)

    def receive(self, most: int) -> list[Incoming]:
        """The messages that have come, at most so many."""
        received: list[Incoming] = []
        while len(received) < most:
            try:
                client, *frames = self._receive()
            except zmq.Again:
                break
            if frames:
                user = self._user_of(frames[0])
                received.append(Incoming(client.bytes, user, [frame.buffer for frame in frames]))
        return received

    def _receive(self) -> list[zmq.Frame]:
        """The next message's sender and frames. Of frames beyond the most that a message may have
        one is kept, so that the message is refused; the rest is dropped one by one."""
        frames = [self.socket.recv(zmq.NOBLOCK, copy=False)]
        while self.socket.getsockopt(zmq.RCVMORE):
            frame = self.socket.recv(copy=False)
            if len(frames) <= _MOST_FRAMES:
                frames.append(frame)
        return frames

    def post(self, client: bytes, frames: Sequence[Frame]) -> None:
        """Sends the message, now or when there is room for it."""
        if client in self._outboxes or not self._send(client, frames):
            outbox = self._outboxes.setdefault(client, _Outbox())
            outbox.messages.append(frames)
            outbox.size += sum(map(len, frames))
            if len(outbox.messages) > limits.MAX_OUTBOX:
                self._lose(client)

    def flush(self) -> None:
        """Sends the messages for which there is room now."""
        for client, outbox in list(self._outboxes.items()):
            while outbox.messages and self._send(client, outbox.messages[0]):
                outbox.size -= sum(map(len, outbox.messages.popleft()))
            if not outbox.messages:
                self._outboxes.pop(client, None)

    def is_blocked(self, client: bytes) -> bool:
        """Whether messages wait for this client; then it is sent no events."""
        return client in self._outboxes

    def is_full(self, client: bytes) -> bool:
        """Whether so many bytes wait for this client, or for all, that its requests are refused.
        False for a client that reads."""
        outbox = self._outboxes.get(client)
        if outbox is None:
            return False
        waiting = sum(other.size for other in self._outboxes.values())
        return outbox.size > limits.MAX_OUTBOX_BYTES or waiting > limits.MAX_ALL_OUTBOX_BYTES

    def forget(self, client: bytes) -> None:
        """Drops the messages that wait for this client."""
        self._outboxes.pop(client, None)

    def take_gone(self) -> list[bytes]:
        """Clients that were found since the last call to be disconnected, or to read nothing."""
        gone, self._gone = self._gone, []
        return gone

    def _send(self, client: bytes, frames: Sequence[Frame]) -> bool:
        try:
            self.socket.send_multipart([client, *frames], flags=zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return False
        except zmq.ZMQError:
            self._lose(client)
        return True

    def _lose(self, client: bytes) -> None:
        self._outboxes.pop(client, None)
        self._gone.append(client)
