# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients' door, as the sockets' thread uses it: letters in, letters out, and what waits for
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
"""Who sent a frame."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message from the client with this routing id, of this user: one frame or more."""

    client: bytes
    user: str
    frames: list[memoryview]


@dataclass(slots=True)
class _Outbox:
    letters: deque[Sequence[Frame]] = field(default_factory=deque)
    size: int = 0


def user_of(frame: zmq.Frame) -> str:
    """Whom the authenticator has let in; "" if nobody did."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""


class Front:
    """A ROUTER that never blocks. A letter that its reader has no room for waits here."""

    def __init__(self, socket: Router, user_of: UserOf = user_of) -> None:
        self.socket = socket
        self._user_of = user_of
        self._outboxes: dict[bytes, _Outbox] = {}
        self._gone: list[bytes] = []

    @property
    def is_waiting(self) -> bool:
        """Whether anything waits for room."""
        return bool(self._outboxes)

    def receive(self, most: int) -> list[Letter]:
        """The letters that lie there, a few at a time so that others get their turn."""
        letters: list[Letter] = []
        while len(letters) < most:
            try:
                client, *frames = self._receive()
            except zmq.Again:
                break
            if frames:
                user = self._user_of(frames[0])
                letters.append(Letter(client.bytes, user, [frame.buffer for frame in frames]))
        return letters

    def _receive(self) -> list[zmq.Frame]:
        """The next letter, behind its sender. Of frames beyond the most that a message may have
        one is kept, so that it is refused; the others are never there together."""
        frames = [self.socket.recv(zmq.NOBLOCK, copy=False)]
        while self.socket.getsockopt(zmq.RCVMORE):
            frame = self.socket.recv(copy=False)
            if len(frames) <= _MOST_FRAMES:
                frames.append(frame)
        return frames

    def post(self, client: bytes, frames: Sequence[Frame]) -> None:
        """Sends the letter, now or when there is room for it."""
        if client in self._outboxes or not self._send(client, frames):
            outbox = self._outboxes.setdefault(client, _Outbox())
            outbox.letters.append(frames)
            outbox.size += sum(map(len, frames))
            if len(outbox.letters) > limits.MAX_OUTBOX:
                self._lose(client)

    def flush(self) -> None:
        """Sends what has found room meanwhile."""
        for client, outbox in list(self._outboxes.items()):
            while outbox.letters and self._send(client, outbox.letters[0]):
                outbox.size -= sum(map(len, outbox.letters.popleft()))
            if not outbox.letters:
                self._outboxes.pop(client, None)

    def is_blocked(self, client: bytes) -> bool:
        """Whether letters wait for this client: then it gets no events."""
        return client in self._outboxes

    def is_full(self, client: bytes) -> bool:
        """Whether so much waits for it, or for all who do not read, that it should ask for
        nothing more."""
        outbox = self._outboxes.get(client)
        if outbox is None:
            return False
        waiting = sum(other.size for other in self._outboxes.values())
        return outbox.size > limits.MAX_OUTBOX_BYTES or waiting > limits.MAX_ALL_OUTBOX_BYTES

    def forget(self, client: bytes) -> None:
        """What waits for this client is dropped."""
        self._outboxes.pop(client, None)

    def take_gone(self) -> list[bytes]:
        """Clients that turned out to be out of reach, or to read nothing at all."""
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
