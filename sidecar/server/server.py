# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidecar's server: one thread for the sockets, one for the disk, and the worker's process.

The sockets' thread hears clients at the front door and the worker at the back, and never waits
for anything else: hello, ping, status and cancel are answered at once, whatever is being worked
on. What takes the disk goes to the desk, what takes the worker to the scheduler, and both hand
their results back to this thread. Nothing here imports torch, so a server is there at once.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import zmq

from ...shared import limits, messages, wire
from ...shared.connection import Connection, remove_connection, version_error, write_connection
from ...shared.errors import AffektError, JobError, LinkError
from ...shared.mailbox import Mailbox
from ...shared.messages import Message
from ...shared.pixels import remove_orphans
from ...shared.version import AFFEKT_VERSION
from ..cache.cache import Cache
from ..cache.claim import Claim
from ..worker import orders
from .authenticator import LOCAL_USER
from .deliveries import Deliveries
from .disk_queue import Desk
from .front import Front, Letter, UserOf, user_of
from .memory import generous_bytes, resident_bytes
from .scheduler import Dropped, Ended, Forgotten, Refusal, Request, Scheduler
from .sockets import Doors, FrontDoor, OpenSocket, local_door, open_router
from .transfers import Files, failure
from .watch import Watch
from .worker_process import Died, GaveUp, Heard, News, Workbench

if TYPE_CHECKING:
    from ...shared.pixels import PixelRing

_log = logging.getLogger("affekt.server")

CAPABILITIES = ("read_motion", "get_head", "bake", "render", "preview", "pixels", "attach")
REQUESTS = {request.TYPE: request for request in messages.REQUESTS}
# Time for the last answers to leave when the server ends.
LINGER_MS = 500
# A client that has asked for the end gets so long to hear that it comes and to hang up. A server
# that hangs up first may take its own last words back: TCP drops what was not read yet.
SEE_OUT_S = 0.3
# Letters that are read before the worker and the disk get their turn.
LETTERS = 64
# How often letters that found no room are tried again.
RETRY_MS = 20
# How often the cache's size is held against its limit while jobs run.
ROOM_S = 1.0
# The desk's name for what no client has asked for.
_HOUSE = b""
# A client is there if it has said something within this time.
PRESENT_S = 5.0


@dataclass(slots=True)
class _Session:
    """A client that is connected, by its routing id."""

    user: str
    last_seen: float
    has_greeted: bool = False
    ring: PixelRing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where the server lives. front: None is a local door with fresh keys. memory_bytes: that the
    worker may use, 0 for `generous_bytes`. What comes after it is for tests."""

    runtime_folder: Path
    cache_folder: Path
    front: FrontDoor | None = None
    cache_bytes: int = limits.CACHE_BYTES
    memory_bytes: int = 0
    open_socket: OpenSocket = open_router
    user_of: UserOf = user_of
    silence_s: float = limits.CLIENT_SILENCE_S
    now: Callable[[], float] = field(default=time.monotonic)
    measure: Callable[[int], int] = resident_bytes


OpenWorkbench = Callable[[Doors], Workbench]
"""A workbench whose worker comes in by these doors."""


class Server:
    """A sidecar. `start` returns when clients may connect; `stop` ends all that it has begun."""

    def __init__(self, open_workbench: OpenWorkbench, options: ServerOptions) -> None:
        """Raises LinkError `link.folder`."""
        self._options = options
        self._open_workbench = open_workbench
        self._files = Files(Cache(options.cache_folder, options.cache_bytes))
        self._scheduler = Scheduler()
        self._sessions: dict[bytes, _Session] = {}
        self._mailbox: Mailbox[Callable[[], None]] = Mailbox()
        self._is_stopping = False
        self._is_seen_out = False
        self._started = options.now()
        self._watch = Watch(options.memory_bytes or generous_bytes(), options.now, options.measure)
        self._verdict: AffektError | None = None
        self._room_at = 0.0
        self._is_making_room = False
        self._device = "unknown"
        self.stopped = threading.Event()
        """Set when the server has ended or was asked to, by `stop` or by a client."""

    def start(self) -> Connection | None:
        """Binds, writes the connection file and gives what is in it (None where clients have
        keys of their own), and serves. Raises LinkError `link.folder`, `link.bind`."""
        door = self._options.front or local_door()
        self._context = zmq.Context()
        try:
            self._doors = Doors(self._context, door, self._options.open_socket)
        except LinkError:
            self._context.term()
            raise
        self.endpoint, self.authenticator = self._doors.endpoint, self._doors.authenticator
        self._front = Front(self._doors.front, self._options.user_of)
        self._claim = Claim(self._options.cache_folder)
        self.workbench = self._open_workbench(self._doors)
        self._desk = Desk(self._mailbox.put)
        self._deliveries = Deliveries(self._scheduler, self._front, self._desk, self._files)
        self._thread = threading.Thread(target=self._run, name="affekt-sockets", daemon=True)
        # Before anyone can know of us: the worker's start takes longest.
        self.workbench.start()
        try:
            connection = self._write_connection(door)
        except AffektError:
            self._free(1.0)
            raise
        self._thread.start()
        return connection

    def stop(self, *, timeout_s: float = 1.0) -> bool:
        """Ends the threads and the worker, removes the connection file. False if the disk keeps
        a thread longer than that: then only leaving the process helps."""
        remove_connection(self._options.runtime_folder, os.getpid())
        if self._thread.is_alive():
            self._mailbox.put(self._stop)
            self._thread.join()
        return self._free(timeout_s)

    def _write_connection(self, door: FrontDoor) -> Connection | None:
        if door.client is None:
            return None
        connection = Connection(
            endpoint=self.endpoint,
            server_public_key=door.keys.public,
            client_public_key=door.client.public,
            client_secret_key=door.client.secret,
            pid=os.getpid(),
            protocol=limits.PROTOCOL_VERSION,
            affekt=AFFEKT_VERSION,
        )
        write_connection(connection, self._options.runtime_folder)
        return connection

    def _free(self, timeout_s: float) -> bool:
        self.stopped.set()
        self._desk.stop()
        self.workbench.stop()
        for session in self._sessions.values():
            _remove(session.ring)
        self._doors.close(linger_ms=LINGER_MS)
        self._context.term()
        has_ended = self._desk.join(timeout_s)
        self._claim.close()
        self._mailbox.close()
        return has_ended

    # --- on the sockets' thread --------------------------------------------------------------

    def _run(self) -> None:
        poller = zmq.Poller()
        for source in (self._front.socket, self._mailbox.fileno(), *self.workbench.sources()):
            poller.register(source, zmq.POLLIN)
        self._desk.submit(_HOUSE, _tidy)
        self._make_room()
        try:
            while not self._is_stopping:
                poller.poll(self._patience_ms())
                self._turn()
            if self._is_seen_out:
                self._see_out()
        finally:
            self.stopped.set()

    def _patience_ms(self) -> int:
        if self._front.is_waiting:
            return RETRY_MS
        return max(1, min(1000, int(250 * self._options.silence_s)))

    def _turn(self) -> None:
        """All that has come, and all that follows from it."""
        for do in self._mailbox.take_all():
            _carefully(do)
        for news in self.workbench.take_news():
            _carefully(lambda news=news: self._take_news(news))
        for letter in self._front.receive(LETTERS):
            _carefully(lambda letter=letter: self._handle(letter))
        self._front.flush()
        self._forget_silent()
        self._look_after_worker()
        _carefully(self._settle)
        for client in self._front.take_gone():
            self._forget(client)

    def _settle(self) -> None:
        """Sends what has become due, to the worker and to the clients."""
        self._apply_outcomes()
        order = self._scheduler.next_order()
        if order is not None:
            self._watch.ordered()
            if isinstance(order.order, orders.Begin):
                self._deliveries.begin_again(order.order.job)
            self.workbench.send(orders.pack(order.order, order.inner))
        self._deliveries.send()

    def _look_after_worker(self) -> None:
        if self.workbench.state == "failed":
            return
        verdict = self._watch.verdict(self.workbench.pid, is_busy=self._scheduler.is_busy)
        if verdict is not None:
            self._verdict = verdict
            self.workbench.kill()

    def _apply_outcomes(self) -> None:
        for outcome in self._scheduler.take_outcomes():
            if isinstance(outcome, Refusal):
                self._post(outcome.client, failure(outcome.error), outcome.request)
            elif isinstance(outcome, Dropped):
                self.workbench.send(orders.pack(orders.Drop(job=outcome.job)))
            elif isinstance(outcome, Ended):
                self._deliveries.fail(outcome.job, outcome.error)
            elif isinstance(outcome, Forgotten):
                self._deliveries.forget(outcome.job)

    def _stop(self) -> None:
        self._is_stopping = True

    def _see_out(self) -> None:
        """Waits until the client that asked for the end has hung up, but not for long."""
        self._front.flush()
        monitor = self._front.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        monitor.poll(int(1000 * SEE_OUT_S))
        self._front.socket.disable_monitor()
        monitor.close(linger=0)

    # --- clients -----------------------------------------------------------------------------

    def _handle(self, letter: Letter) -> None:
        session = self._meet(letter)
        if session is None:
            _log.error("dropped a message of someone whom nobody let in")
            return
        try:
            header = wire.decode_header(letter.frames[0])
        except LinkError as error:
            _log.warning("dropped a message without a header: %s", error.message)
            return
        try:
            if sum(map(len, letter.frames)) > limits.MAX_REQUEST_BYTES:
                raise LinkError("link.too_large", "The request is too large.", "Ask for less.")
            request = wire.decode(header, letter.frames[1:], REQUESTS)
            if request.ANSWER is not None and header.id == 0:
                raise LinkError("link.protocol", "A request came without an id.", "Report this.")
            answer = self._dispatch(letter, session, header.id, request)
        except AffektError as error:
            answer = failure(error)
        except Exception:
            # No request may end the server.
            _log.exception("%s failed in the sockets' thread", header.type)
            answer = failure(JobError("job.failed", "The sidecar failed.", "See its log."))
        if answer is not None and header.id != 0:
            self._post(letter.client, answer, header.id)

    def _meet(self, letter: Letter) -> _Session | None:
        """The letter's session; None if the authenticator knows nothing of who wrote it."""
        session = self._sessions.get(letter.client)
        if session is not None and session.user != letter.user:
            # Clients choose their routing ids: nobody inherits a session by another's.
            self._forget(letter.client)
            session = None
        if session is None and letter.user:
            session = _Session(letter.user, 0.0)
            self._sessions[letter.client] = session
            self._scheduler.add_client(letter.client, letter.user)
        if session is not None:
            session.last_seen = self._options.now()
        return session

    def _dispatch(
        self, letter: Letter, session: _Session, request_id: int, request: Message
    ) -> Message | None:
        """The answer, or None if it comes later or never."""
        if isinstance(request, messages.Hello):
            return _greet(session, request)
        if not session.has_greeted:
            raise LinkError("link.no_hello", "A client did not say hello first.", "Connect again.")
        client = letter.client
        if isinstance(request, messages.Ping):
            return messages.Pong()
        if isinstance(request, messages.GetStatus):
            return self._status()
        if isinstance(request, messages.Shutdown):
            return self._shut_down(session)
        if isinstance(request, messages.Cancel | messages.Credit):
            return self._steer(client, request)
        if isinstance(request, messages.Attach):
            self._deliveries.attach(client, request)
            return messages.Acknowledged()
        if self._front.is_full(client):
            raise LinkError("link.busy", "The last answers have not been read yet.", "Read them.")
        if isinstance(request, messages.Bake | messages.Render):
            self._deliveries.start(client, request, letter.frames)
            return messages.Acknowledged()
        self._ask(letter, session, request_id, request)
        return None

    def _ask(self, letter: Letter, session: _Session, request_id: int, request: Message) -> None:
        """Short requests that take the disk or the worker."""
        client = letter.client
        if isinstance(request, messages.OpenPixels):
            if session.user != LOCAL_USER:
                raise _remote_pixels()
            self._desk.submit(client, lambda: self._make_ring(client, request_id, request))
        elif isinstance(request, messages.FindArtefact | messages.Upload | messages.Download):
            begun = self._deliveries.oldest_begun
            self._desk.submit(
                client,
                lambda: self._answer_later(
                    client, request_id, self._files.answer(session.user, request, begun)
                ),
                sum(map(len, letter.frames)),
            )
        else:
            preview = isinstance(request, messages.Preview)
            ring = session.ring.name if preview and session.ring is not None else None
            self._scheduler.ask(
                Request(
                    client=client,
                    id=request_id,
                    frames=letter.frames,
                    view=request.view if preview else None,
                    pixels=ring,
                )
            )

    def _shut_down(self, session: _Session) -> Message:
        if session.user != LOCAL_USER:
            raise LinkError(
                "link.not_allowed",
                "Only who sits at the sidecar's machine may end it.",
                "Disconnect instead.",
            )
        self._is_stopping = self._is_seen_out = True
        return messages.Acknowledged()

    def _status(self) -> messages.Status:
        now, workbench = self._options.now(), self.workbench
        present = [s for s in self._sessions.values() if now - s.last_seen < PRESENT_S]
        pids = (os.getpid(), workbench.pid)
        return messages.Status(
            uptime_s=now - self._started,
            worker=workbench.state,
            worker_restarts=workbench.restarts,
            device=self._device,
            clients=len(present),
            jobs=self._scheduler.open_jobs(),
            cache_bytes=self._files.size_bytes,
            cache_limit_bytes=self._options.cache_bytes,
            memory_bytes=sum(resident_bytes(pid) for pid in set(pids) if pid is not None),
        )

    def _forget_silent(self) -> None:
        now = self._options.now()
        oldest = now - self._options.silence_s
        for client in [name for name, s in self._sessions.items() if s.last_seen < oldest]:
            self._forget(client)
        while len(self._sessions) > limits.MAX_CLIENTS:
            self._forget(min(self._sessions, key=lambda name: self._sessions[name].last_seen))
        self._scheduler.expire(now)

    def _forget(self, client: bytes) -> None:
        """The client has gone: what it asked for is dropped, its jobs go on for a while."""
        session = self._sessions.pop(client, None)
        if session is not None:
            _remove(session.ring)
            self._scheduler.remove_client(client, self._options.now())
        self._desk.forget(client)
        self._front.forget(client)

    def _post(self, client: bytes, message: Message, request: int = 0) -> None:
        try:
            frames = wire.encode(message, request)
        except LinkError as error:
            _log.exception("cannot send %s", message.TYPE)
            frames = wire.encode(failure(error), request)
        if client in self._sessions:
            self._front.post(client, frames)

    # --- jobs --------------------------------------------------------------------------------

    def _steer(self, client: bytes, request: messages.Cancel | messages.Credit) -> Message | None:
        is_own = self._scheduler.owner(request.job) == client
        if isinstance(request, messages.Credit):
            if is_own:
                self._deliveries.give_credit(request.job, request.count)
            return None
        if is_own:
            error = JobError("job.cancelled", "The job was cancelled.", "Start it again.")
            self._scheduler.end(request.job, error)
        return messages.Acknowledged()

    # --- the worker --------------------------------------------------------------------------

    def _take_news(self, news: News) -> None:
        if isinstance(news, GaveUp):
            _log.error("%s", news.error)
            self._scheduler.worker_died()
            self._scheduler.give_up(news.error)
        elif isinstance(news, Died):
            self._scheduler.worker_died(self._verdict)
            self._verdict = None
            self._watch.begun()
            self._deliveries.interrupt()
        else:
            self._take_reply(news)

    def _take_reply(self, news: Heard) -> None:
        reply, inner = orders.unpack(news.frames, orders.REPLIES)
        if isinstance(reply, orders.Ready):
            self._device = reply.device
            self._watch.ready()
            self._scheduler.worker_ready()
        elif isinstance(reply, orders.Answered):
            asked = self._scheduler.answered(reply.unit)
            if asked is not None:
                self._front.post(asked[0], inner)
        elif isinstance(reply, orders.Stepped):
            self._take_step(reply, inner)
        elif isinstance(reply, orders.Refused):
            error = LinkError(reply.code, reply.message, reply.remedy)
            self._scheduler.refused(reply.unit, error)

    def _take_step(self, reply: orders.Stepped, inner: Sequence[wire.Frame]) -> None:
        job = self._scheduler.stepped(reply.unit, reply.stage, reply.done, is_last=reply.is_last)
        if job is not None:
            self._deliveries.take_step(job, reply, inner)
            if self._options.now() >= self._room_at:
                self._make_room(job)

    # --- the disk ----------------------------------------------------------------------------

    def _answer_later(self, client: bytes, request: int, answer: Message) -> Callable[[], None]:
        return lambda: self._post(client, answer, request)

    def _make_ring(
        self, client: bytes, request: int, asked: messages.OpenPixels
    ) -> Callable[[], None]:
        from ...shared.pixels import PixelRing

        try:
            ring = PixelRing.create(asked.slots, asked.slot_bytes)
        except AffektError as error:
            return self._answer_later(client, request, failure(error))
        return lambda: self._hand_ring(client, request, ring)

    def _hand_ring(self, client: bytes, request: int, ring: PixelRing) -> None:
        session = self._sessions.get(client)
        if session is None:
            _remove(ring)
            return
        _remove(session.ring)
        session.ring = ring
        opened = messages.PixelsOpened(name=ring.name, token=ring.token)
        self._post(client, opened, request)

    def _make_room(self, job: str | None = None) -> None:
        """Holds the cache to its limit; if what is in use fills it, `job` fails."""
        if self._is_making_room:
            return
        self._is_making_room = True
        begun = self._deliveries.oldest_begun

        def make_room() -> Callable[[], None]:
            error = self._files.make_room(begun)
            return lambda: self._have_room(job, error)

        self._desk.submit(_HOUSE, make_room)

    def _have_room(self, job: str | None, error: AffektError | None) -> None:
        self._is_making_room = False
        self._room_at = self._options.now() + ROOM_S
        if error is not None:
            _log.warning("%s", error)
            if job is not None:
                self._scheduler.end(job, error)


def _carefully(do: Callable[[], None]) -> None:
    """Nothing that comes, however odd, may end the server."""
    try:
        do()
    except Exception:
        _log.exception("a turn failed in the sockets' thread")


def _greet(session: _Session, hello: messages.Hello) -> messages.Welcome:
    if hello.protocol[0] != limits.PROTOCOL_VERSION[0]:
        raise version_error(
            client=(hello.protocol, hello.affekt), sidecar=(limits.PROTOCOL_VERSION, AFFEKT_VERSION)
        )
    session.has_greeted = True
    return messages.Welcome(
        protocol=limits.PROTOCOL_VERSION, affekt=AFFEKT_VERSION, capabilities=CAPABILITIES
    )


def _remote_pixels() -> LinkError:
    return LinkError(
        "pixels.remote",
        "Shared memory is for programs of one machine.",
        "Previews go on without it, a little slower.",
    )


def _tidy() -> Callable[[], None]:
    remove_orphans()
    return lambda: None


def _remove(ring: PixelRing | None) -> None:
    if ring is not None:
        ring.remove()
