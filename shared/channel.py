# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's socket and the one thread that owns it.

Calls go in through a mailbox, answers come out as futures, events of jobs by a function that
runs on this thread. There is no reconnecting: once the sidecar is gone, every open call fails
with `link.unreachable` and a new channel is needed.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

import zmq
from zmq.utils.monitor import recv_monitor_message

from . import limits, wire
from .connection import START_REMEDY, Connection
from .errors import AffektError, InputError, JobError, LinkError
from .mailbox import Mailbox
from .messages import ANSWERS, EVENTS, Failure, JobFailed, Message, Ping

_FROM_SIDECAR = {message.TYPE: message for message in (*ANSWERS, *EVENTS)}
# Messages read in a row, so that calls and the monitor get their turn.
_AT_ONCE = 64

Answer = Future[Message]


@dataclass(frozen=True, slots=True)
class _Call:
    message: Message
    answer: Answer | None


@dataclass(frozen=True, slots=True, order=True)
class _Timer:
    when: float
    number: int
    function: Callable[[], None] = field(compare=False)


class Channel:
    """A DEALER to one sidecar, from `start` to `close`. `on_event` gets each event; `on_lost` the
    error, once, when the sidecar is gone. Both run on the channel's thread."""

    def __init__(
        self,
        connection: Connection,
        on_event: Callable[[Message], None],
        on_lost: Callable[[LinkError], None],
    ) -> None:
        self._connection = connection
        self._on_event = on_event
        self._on_lost = on_lost
        self._mailbox: Mailbox[_Call | _Timer | None] = Mailbox()
        self._unsent: deque[_Call] = deque()
        self._timers: list[_Timer] = []
        self._timer_numbers = itertools.count()
        self._pending: dict[int, _Call] = {}
        self._last_id = 0
        self._last_sent = time.monotonic()
        self._silence_s = 0.0
        self._is_connected = False
        self._is_up = False
        self._lost: LinkError | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="affekt-channel", daemon=True)
        self._context = zmq.Context()
        with self._freed_on_failure():
            self._socket = _open_socket(self._context, connection)
            self._monitor = self._socket.get_monitor_socket(_WATCHED)
            self._socket.connect(connection.endpoint)

    def start(self) -> None:
        """Starts the thread, and with it the connection."""
        with self._freed_on_failure():
            self._thread.start()

    @property
    def lost(self) -> LinkError | None:
        """Why the sidecar is out of reach, or None while it is there. Every call that is open
        then, or made later, fails with this very error."""
        return self._lost

    @property
    def silence_s(self) -> float:
        """Seconds for which this thread has listened and heard nothing. Time in which this process
        itself was stopped does not count."""
        return self._silence_s

    def call(self, message: Message, timeout_s: float) -> Message:
        """Sends a request and waits for its answer. Raises LinkError `link.timeout`, what the
        sidecar answered, or why it is gone."""
        answer: Answer = Future()
        self._submit(_Call(message, answer))
        try:
            return answer.result(timeout_s)
        except TimeoutError as error:
            answer.cancel()
            if self._connection.is_remote and not self._is_connected:
                gone = f"Nobody answers at {self._connection.endpoint}."
                raise self._connection.unreachable(gone) from error
            raise timed_out(timeout_s) from error

    def send(self, message: Message, on_done: Callable[[Answer], None] | None) -> None:
        """Sends without waiting; `on_done` gets the answer on the channel's thread, or on this
        one if the sidecar is gone already."""
        answer: Answer | None = None
        if on_done is not None:
            answer = Future()
            answer.add_done_callback(on_done)
        self._submit(_Call(message, answer))

    def run_at(self, when: float, function: Callable[[], None]) -> None:
        """Runs it on the channel's thread once `time.monotonic()` is `when`; never, if the
        sidecar is gone before."""
        with self._lock:
            if self._lost is None:
                self._mailbox.put(_Timer(when, next(self._timer_numbers), function))

    def close(self) -> None:
        """Ends the thread and frees the socket. What is unsent is dropped."""
        if threading.current_thread() is self._thread:
            return
        if self._thread.is_alive():
            self._mailbox.put(None)
            self._thread.join(limits.CLOSE_S)
        if not self._thread.is_alive():
            self._mailbox.close()

    @contextlib.contextmanager
    def _freed_on_failure(self) -> Iterator[None]:
        """Frees socket and mailbox if the body fails, such as for lack of a descriptor; once the
        thread runs, it does so itself."""
        try:
            yield
        except BaseException:
            self._context.destroy(linger=0)
            self._mailbox.close()
            raise

    def _submit(self, call: _Call) -> None:
        with self._lock:
            lost = self._lost
            if lost is None:
                self._mailbox.put(call)
                return
        _fail(call.answer, lost)

    # --- on the thread -----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop()
        except Exception as error:  # a bug, but nobody may wait for ever
            self._lose(self._connection.unreachable(f"The link broke: {error!r}"))
            raise
        finally:
            self._socket.disable_monitor()
            self._monitor.close(linger=0)
            self._socket.close(linger=0)
            self._context.term()

    def _loop(self) -> None:
        poller = zmq.Poller()
        for source in (self._monitor, self._mailbox.fileno()):
            poller.register(source, zmq.POLLIN)
        while self._lost is None:
            poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if self._unsent else 0))
            self._wait(poller)
            if self._lost is None:
                self._take_mail()
                self._run_timers()
                self._send_all()
                self._ping()

    def _wait(self, poller: zmq.Poller) -> None:
        """Waits until a message comes or something is due, and reads the messages."""
        wait_s = max(0.0, self._next_due() - time.monotonic())
        before = time.monotonic()
        # One more, since libzmq cuts to whole milliseconds and would come too early.
        ready = dict(poller.poll(int(1000 * wait_s) + 1))
        listened_s = min(time.monotonic() - before, wait_s + 0.1)
        if self._socket in ready and ready[self._socket] & zmq.POLLIN:
            self._silence_s = 0.0
            self._receive()
        else:
            self._silence_s += listened_s
        if self._monitor in ready:
            self._watch()

    def _next_due(self) -> float:
        due = self._last_sent + limits.IDLE_PING_S
        return min(due, self._timers[0].when) if self._timers else due

    def _take_mail(self) -> None:
        is_closing = False
        for item in self._mailbox.take_all():
            if item is None:
                is_closing = True
            elif isinstance(item, _Timer):
                heapq.heappush(self._timers, item)
            else:
                self._unsent.append(item)
        if is_closing:
            self._lose(LinkError("link.closed", "The link was closed.", START_REMEDY))

    def _run_timers(self) -> None:
        while self._lost is None and self._timers and self._timers[0].when <= time.monotonic():
            heapq.heappop(self._timers).function()

    def _send_all(self) -> None:
        while self._lost is None and self._unsent:
            if not self._post(self._unsent[0]):
                return
            self._unsent.popleft()

    def _post(self, call: _Call) -> bool:
        """Sends the call; False if libzmq has no room for it yet."""
        request = 0
        if call.answer is not None:
            if call.answer.cancelled():
                return True
            self._last_id = request = self._last_id + 1
        try:
            frames = wire.encode(call.message, request)
            self._socket.send_multipart(frames, flags=zmq.NOBLOCK, copy=False)
        except AffektError as error:
            _fail(call.answer, error)
            return True
        except zmq.Again:
            return False
        self._last_sent = time.monotonic()
        if request:
            self._pending[request] = call
        return True

    def _ping(self) -> None:
        """Sends a ping if nothing was sent for a while, so that the sidecar knows that we live.
        Nobody waits for the answer."""
        if time.monotonic() < self._last_sent + limits.IDLE_PING_S:
            return
        self._last_sent = time.monotonic()
        given_up = [
            request
            for request, call in self._pending.items()
            if call.answer is not None and call.answer.cancelled()
        ]
        for request in given_up:
            del self._pending[request]
        if self._is_up:
            self._last_id += 1
            with contextlib.suppress(zmq.Again):
                self._socket.send_multipart(wire.encode(Ping(), self._last_id), flags=zmq.NOBLOCK)

    def _receive(self) -> bool:
        """Reads what has come, a few at a time; False if that was all."""
        for _ in range(_AT_ONCE):
            try:
                frames = self._socket.recv_multipart(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return False
            self._handle([frame.buffer for frame in frames])
        return True

    def _handle(self, frames: list[memoryview]) -> None:
        try:
            header = wire.decode_header(frames[0])
        except LinkError as error:
            self._lose(error)
            return
        call = self._pending.pop(header.id, None)
        if call is None and header.id != 0:
            return  # a ping's answer, one that nobody waits for any more, or one that came twice
        try:
            message = wire.decode(header, frames[1:], _FROM_SIDECAR)
        except LinkError as error:
            if call is not None:
                _fail(call.answer, error)
            elif not _is_news_to_us(header, error):
                self._lose(error)  # an event of some job: none may be missing in silence
            return
        if call is None:
            self._on_event(message)
        else:
            _settle(call, message)

    def _watch(self) -> None:
        event = recv_monitor_message(self._monitor)["event"]
        if event == zmq.EVENT_CONNECTED:
            self._is_connected = True
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._is_up = True
        elif self._is_up:
            while self._receive():  # what it said before it went, such as that it is going
                pass
            self._lose(self._connection.unreachable("The sidecar has gone."))
        elif self._is_connected:
            # Someone listens, but broke off the handshake: libzmq does so for false keys, and
            # when the authenticator is down.
            self._lose(self._connection.refused())
        else:
            self._lose(self._connection.unreachable("No sidecar answers where one was running."))

    def _lose(self, error: LinkError) -> None:
        with self._lock:
            if self._lost is not None:
                return
            self._lost = error
        left = [item for item in self._mailbox.take_all() if isinstance(item, _Call)]
        for call in (*self._pending.values(), *self._unsent, *left):
            _fail(call.answer, error)
        self._pending.clear()
        self._unsent.clear()
        self._on_lost(error)


_WATCHED = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
)


def _open_socket(context: zmq.Context[zmq.Socket[bytes]], connection: Connection) -> zmq.Socket:
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    # A routing id must not begin with a zero byte.
    socket.setsockopt(zmq.ROUTING_ID, b"c" + secrets.token_bytes(15))
    socket.setsockopt(zmq.MAXMSGSIZE, limits.MAX_BUFFER_BYTES)
    socket.setsockopt(zmq.SNDHWM, limits.MAX_UNSENT)
    socket.setsockopt(zmq.RCVHWM, limits.MAX_UNREAD)
    socket.setsockopt(zmq.RECONNECT_IVL, -1)
    socket.setsockopt(zmq.HEARTBEAT_IVL, limits.HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, limits.HEARTBEAT_TIMEOUT_MS)
    socket.setsockopt(zmq.HANDSHAKE_IVL, limits.HANDSHAKE_MS)
    socket.curve_serverkey = connection.server_public_key.encode()
    socket.curve_publickey = connection.client_public_key.encode()
    socket.curve_secretkey = connection.client_secret_key.encode()
    return socket


_KINDS = {"link": LinkError, "pixels": LinkError, "job": JobError, "preview": JobError}
"""Class of an error by the first part of its code; all others are `InputError`."""


def to_error(message: Failure | JobFailed) -> AffektError:
    """The error that the sidecar raised."""
    kind = _KINDS.get(message.code.partition(".")[0], InputError)
    return kind(message.code, message.message, message.remedy)


def timed_out(timeout_s: float) -> LinkError:
    """The error for a sidecar that took longer than so many seconds."""
    return LinkError(
        "link.timeout",
        f"The sidecar did not answer within {timeout_s:.3g} seconds.",
        "Try again; if it stays silent, stop the sidecar and start it again.",
    )


def _is_news_to_us(header: wire.Header, error: LinkError) -> bool:
    """Whether it is an event that a later minor version has added."""
    is_later = header.version[1] > limits.PROTOCOL_VERSION[1]
    return is_later and error.code == "link.unknown_message"


def _settle(call: _Call, message: Message) -> None:
    answer, wanted = call.answer, call.message.ANSWER
    if answer is None or wanted is None:
        return
    if isinstance(message, Failure):
        _fail(answer, to_error(message))
    elif not isinstance(message, wanted):
        reason = f"'{call.message.TYPE}' was answered with '{message.TYPE}'"
        _fail(answer, wire.misunderstood(reason))
    elif answer.set_running_or_notify_cancel():
        answer.set_result(message)


def _fail(answer: Answer | None, error: AffektError) -> None:
    if answer is not None and answer.set_running_or_notify_cancel():
        answer.set_exception(error)
