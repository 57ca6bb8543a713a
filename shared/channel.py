# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's socket and the one thread that owns it.

Calls go in through a mailbox, answers come out as futures, events of jobs by a function that
runs on this thread. There is no reconnecting: once the sidecar is gone, every open call fails
with `link.unreachable` and a new client is needed.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import zmq
from zmq.utils.monitor import recv_monitor_message

from . import limits, wire
from .connection import START_REMEDY, Connection
from .errors import AffektError, InputError, JobError, LinkError
from .mailbox import Mailbox
from .messages import MESSAGES, Failure, Message, Ping

# Sent while nothing else is, so that the sidecar knows that we live.
IDLE_PING_S = 2.0
# ZMTP heartbeats: answered by libzmq's own thread, so a busy sidecar is not taken for a dead one.
HEARTBEAT_MS = 1000
HEARTBEAT_TIMEOUT_MS = 3000


@dataclass(frozen=True, slots=True)
class _Call:
    message: Message
    answer: Future[Message] | None


class Channel:
    """A DEALER to one sidecar. `on_event` gets each event; `on_lost` the error, once, when the
    sidecar is gone. Both run on the channel's thread."""

    def __init__(
        self,
        connection: Connection,
        on_event: Callable[[Message], None],
        on_lost: Callable[[LinkError], None],
    ) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._calls: Mailbox[_Call | None] = Mailbox()
        self._pending: dict[int, Future[Message]] = {}
        self._last_id = 0
        self._is_connected = False
        self._is_up = False
        self._lost: LinkError | None = None
        self._lock = threading.Lock()
        self._context = zmq.Context()
        self._socket = _open_socket(self._context, connection)
        self._monitor = self._socket.get_monitor_socket(_WATCHED)
        self._socket.connect(connection.endpoint)
        self._thread = threading.Thread(target=self._run, name="affekt-channel", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> LinkError | None:
        """Why the sidecar is out of reach, or None while it is there."""
        return self._lost

    def call(self, message: Message, timeout_s: float) -> Message:
        """Sends a request and waits for its answer. Raises LinkError `link.timeout`, what the
        sidecar answered, or why it is gone."""
        answer: Future[Message] = Future()
        self._submit(_Call(message, answer))
        try:
            return answer.result(timeout_s)
        except TimeoutError as error:
            raise LinkError(
                "link.timeout",
                f"The sidecar did not answer within {timeout_s:g} seconds.",
                "Try again; if it stays silent, stop the sidecar and start it again.",
            ) from error

    def send(self, message: Message, on_done: Callable[[Future[Message]], None] | None) -> None:
        """Sends without waiting; `on_done` gets the answer on the channel's thread."""
        answer: Future[Message] | None = None
        if on_done is not None:
            answer = Future()
            answer.add_done_callback(on_done)
        self._submit(_Call(message, answer))

    def close(self) -> None:
        """Ends the thread and frees the socket, dropping what is unsent."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._calls.put(None)
            self._thread.join()
        self._calls.close()

    def _submit(self, call: _Call) -> None:
        with self._lock:
            if self._lost is None:
                self._calls.put(call)
                return
        if call.answer is not None:
            call.answer.set_exception(self._lost)

    # --- on the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop()
        except Exception as error:  # a bug, but nobody may wait for ever
            self._lose(_unreachable(f"The link broke: {error!r}"))
            raise
        finally:
            self._socket.disable_monitor()
            self._monitor.close(linger=0)
            self._socket.close(linger=0)
            self._context.term()

    def _loop(self) -> None:
        poller = zmq.Poller()
        for source in (self._socket, self._monitor, self._calls.fileno()):
            poller.register(source, zmq.POLLIN)
        last_sent = time.monotonic()
        while self._lost is None:
            ready = dict(poller.poll(int(1000 * IDLE_PING_S)))
            if self._socket in ready:
                self._receive()
            if self._monitor in ready:
                self._watch()
            if self._lost is None:
                sent = self._send_all(self._calls.take_all())
                if sent:
                    last_sent = time.monotonic()
                elif self._is_up and time.monotonic() - last_sent >= IDLE_PING_S:
                    last_sent = time.monotonic()
                    self._post(_Call(Ping(), Future()))

    def _send_all(self, calls: list[_Call | None]) -> bool:
        for call in calls:
            if call is None:
                self._lose(LinkError("link.closed", "The link was closed.", START_REMEDY))
                break
            self._post(call)
        return bool(calls)

    def _post(self, call: _Call) -> None:
        request = 0
        if call.answer is not None:
            self._last_id = request = self._last_id + 1
        try:
            frames = wire.encode(call.message, request)
            self._socket.send_multipart(frames, flags=zmq.NOBLOCK, copy=False)
        except AffektError as error:
            _fail(call.answer, error)
            return
        except zmq.Again:
            # The connection has broken (the monitor is about to say why, which ends every call)
            # or a thousand messages wait already (then this call times out).
            pass
        if call.answer is not None:
            self._pending[request] = call.answer

    def _receive(self) -> None:
        # A few at a time, so that calls and the monitor get their turn.
        for _ in range(64):
            try:
                frames = self._socket.recv_multipart(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._handle([frame.buffer for frame in frames])

    def _handle(self, frames: list[memoryview]) -> None:
        try:
            header = wire.decode_header(frames[0])
        except LinkError as error:
            self._lose(error)
            return
        try:
            message = wire.decode(header, frames[1:], MESSAGES)
        except LinkError as error:
            _fail(self._pending.pop(header.id, None), error)
            if header.id == 0:  # an event of some job: none may be missing in silence
                self._lose(error)
            return
        if header.id == 0:
            self._on_event(message)
            return
        answer = self._pending.pop(header.id, None)
        if isinstance(message, Failure):
            _fail(answer, to_error(message))
        elif answer is not None and not answer.cancelled():
            answer.set_result(message)

    def _watch(self) -> None:
        event = recv_monitor_message(self._monitor)["event"]
        if event == zmq.EVENT_CONNECTED:
            self._is_connected = True
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._is_up = True
        elif self._is_up:
            self._receive()  # what it said before it went, such as that it is going
            self._lose(_unreachable("The sidecar has gone."))
        elif self._is_connected:
            # Someone listens, but broke off the handshake: libzmq does so for false keys, and
            # when the authenticator is down.
            self._lose(
                LinkError(
                    "link.refused",
                    "The sidecar refused the keys in the connection file.",
                    "Start the sidecar again: it writes a fresh file.",
                )
            )
        else:
            self._lose(_unreachable("No sidecar answers where one was running."))

    def _lose(self, error: LinkError) -> None:
        with self._lock:
            if self._lost is not None:
                return
            self._lost = error
        for answer in self._pending.values():
            _fail(answer, error)
        self._pending.clear()
        for call in self._calls.take_all():
            if call is not None:
                _fail(call.answer, error)
        self._on_lost(error)


_WATCHED = (
    zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
)  # fmt: skip


def _open_socket(context: zmq.Context[zmq.Socket[bytes]], connection: Connection) -> zmq.Socket:
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    # A routing id must not begin with a zero byte.
    socket.setsockopt(zmq.ROUTING_ID, b"c" + secrets.token_bytes(15))
    socket.setsockopt(zmq.MAXMSGSIZE, limits.MAX_BUFFER_BYTES)
    socket.setsockopt(zmq.RECONNECT_IVL, -1)
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HEARTBEAT_TIMEOUT_MS)
    socket.curve_serverkey = connection.server_public_key.encode()
    socket.curve_publickey = connection.client_public_key.encode()
    socket.curve_secretkey = connection.client_secret_key.encode()
    return socket


def to_error(message: Failure) -> AffektError:
    """The error that the sidecar raised."""
    return make_error(message.code, message.message, message.remedy)


def make_error(code: str, message: str, remedy: str) -> AffektError:
    """An `AffektError` of the class that its code belongs to."""
    kinds: dict[str, type[AffektError]] = {"link": LinkError, "job": JobError}
    return kinds.get(code.partition(".")[0], InputError)(code, message, remedy)


def _unreachable(message: str) -> LinkError:
    return LinkError("link.unreachable", message, START_REMEDY)


def _fail(answer: Future[Message] | None, error: AffektError) -> None:
    if answer is not None and not answer.done():
        answer.set_exception(error)
