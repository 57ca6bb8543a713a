# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidecar's server: one thread for the sockets, one for the disk, and the worker's process.

The sockets' thread receives from the clients and the worker, and never waits for anything else:
it answers hello, ping, status and cancel at once, whatever is being worked on. Requests that need
the disk go to the disk queue, requests that need the worker to the scheduler; both hand their
results back to this thread. Nothing here imports torch, so a server starts at once.
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

from ...shared import limits, messages, portrait_messages, wire
from ...shared.connection import Connection, remove_connection, version_error, write_connection
from ...shared.errors import AffektError, JobError, LinkError
from ...shared.mailbox import Mailbox
from ...shared.messages import Message
from ...shared.pixels import remove_orphans
from ...shared.version import AFFEKT_VERSION
from ..cache.cache import Cache
from ..cache.claim import Claim
from ..portrait.networks import can_see_faces
from ..worker import orders
from .authenticator import LOCAL_USER
from .client_socket import ClientSocket, Incoming, UserOf, user_of
from .disk_queue import DiskQueue
from .job_events import EventSender
from .runtime_lock import RuntimeLock
from .scheduler import Dropped, Ended, Forgotten, Refusal, Request, Scheduler
from .sockets import ClientEndpoint, OpenSocket, ServerSockets, local_endpoint, open_router
from .transfers import Transfers, failure
from .watch import WorkerWatch, default_memory_bytes, resident_bytes
from .worker_process import Died, GaveUp, Heard, News, Worker

if TYPE_CHECKING:
    from ...shared.pixels import PixelRing

_log = logging.getLogger("affekt.server")

CAPABILITIES = ("read_motion", "get_head", "bake", "render", "preview", "pixels", "attach")
"""What every sidecar can; see `_capabilities`."""
REQUESTS = {request.TYPE: request for request in messages.REQUESTS}
# Time for the last answers to be sent when the server ends.
LINGER_MS = 500
# Time for a client that asked for the end to read the answer and disconnect. If the server closes
# its connection first, TCP may drop what the client has not read yet.
SEE_OUT_S = 0.3
# Messages that are read before the worker and the disk get their turn.
RECEIVED_AT_ONCE = 64
# How often messages for which there was no room are tried again.
RETRY_MS = 20
# How often the cache's size is held against its limit while jobs run.
ROOM_S = 1.0
# The client of the server's own tasks in the disk queue.
_SERVER = b""
# A client counts as present if it sent something within this time.
PRESENT_S = 5.0


@dataclass(slots=True)
class _Session:
    """A connected client. ring: its shared memory for previews."""

    user: str
    last_seen: float
    has_greeted: bool = False
    ring: PixelRing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Settings of a server. endpoint: None is a local one with fresh keys. memory_bytes: that the
    worker may use, 0 for `default_memory_bytes`. has_lam: whether the worker has LAM's files. The
    fields after it are for tests."""

    runtime_folder: Path
    cache_folder: Path
    endpoint: ClientEndpoint | None = None
    cache_bytes: int = limits.CACHE_BYTES
    memory_bytes: int = 0
    has_lam: bool = False
    open_socket: OpenSocket = open_router
    user_of: UserOf = user_of
    silence_s: float = limits.CLIENT_SILENCE_S
    now: Callable[[], float] = field(default=time.monotonic)
    measure: Callable[[int], int] = resident_bytes


OpenWorker = Callable[[ServerSockets], Worker]
"""Makes the worker, which will connect to these sockets."""


class Server:
    """A sidecar. `start` returns when clients may connect; `stop` ends all that it began."""

    def __init__(self, open_worker: OpenWorker, options: ServerOptions) -> None:
        """Opens the cache. Raises LinkError `link.folder` if its folder cannot be made."""
        self._options = options
        self._open_worker = open_worker
        self._transfers = Transfers(Cache(options.cache_folder, options.cache_bytes))
        self._scheduler = Scheduler()
        self._sessions: dict[bytes, _Session] = {}
        self._mailbox: Mailbox[Callable[[], None]] = Mailbox()
        self._is_stopping = False
        self._is_seen_out = False
        self._started = options.now()
        self._watch = WorkerWatch(
            options.memory_bytes or default_memory_bytes(), options.now, options.measure
        )
        self._verdict: AffektError | None = None
        self._room_at = 0.0
        self._is_making_room = False
        self._runtime_lock: RuntimeLock | None = None
        self._device, self._pieces = "unknown", (0, 0)
        self.stopped = threading.Event()
        """Set when the server has ended, or `stop` or a client asked it to."""

    def start(self) -> Connection | None:
        """Binds the sockets, writes the connection file and starts to serve. Returns what is in
        the file; None where clients have keys of their own. Raises LinkError `link.running`,
        `link.folder`, `link.bind`."""
        endpoint = self._options.endpoint or local_endpoint()
        if endpoint.client is not None:  # it writes a connection file
            self._runtime_lock = RuntimeLock(self._options.runtime_folder)
        self._context = zmq.Context()
        try:
            self._sockets = ServerSockets(self._context, endpoint, self._options.open_socket)
        except LinkError:
            self._context.term()
            self._unlock()
            raise
        self.endpoint, self.authenticator = self._sockets.endpoint, self._sockets.authenticator
        self._clients = ClientSocket(self._sockets.clients, self._options.user_of)
        self._claim = Claim(self._options.cache_folder)
        self.worker = self._open_worker(self._sockets)
        self._disk_queue = DiskQueue(self._mailbox.put)
        self._events = EventSender(
            self._scheduler, self._clients, self._disk_queue, self._transfers
        )
        self._thread = threading.Thread(target=self._run, name="affekt-sockets", daemon=True)
        # Before clients can connect: the worker's start takes longest.
        self.worker.start()
        try:
            connection = self._write_connection(endpoint)
        except AffektError:
            self._free(1.0)
            raise
        self._thread.start()
        return connection

    def stop(self, *, timeout_s: float = 1.0) -> bool:
        """Ends the threads and the worker, removes the connection file. False if the disk keeps
        its thread longer than `timeout_s`: then only the end of the process ends it."""
        remove_connection(self._options.runtime_folder, os.getpid())
        if self._thread.is_alive():
            self._mailbox.put(self._stop)
            self._thread.join()
        return self._free(timeout_s)

    def _write_connection(self, endpoint: ClientEndpoint) -> Connection | None:
        if endpoint.client is None:
            return None
        connection = Connection(
            endpoint=self.endpoint,
            server_public_key=endpoint.keys.public,
            client_public_key=endpoint.client.public,
            client_secret_key=endpoint.client.secret,
            pid=os.getpid(),
            protocol=limits.PROTOCOL_VERSION,
            affekt=AFFEKT_VERSION,
        )
        write_connection(connection, self._options.runtime_folder)
        return connection

    def _free(self, timeout_s: float) -> bool:
        self.stopped.set()
        self._disk_queue.stop()
        self.worker.stop()
        for session in self._sessions.values():
            _remove(session.ring)
        self._sockets.close(linger_ms=LINGER_MS)
        self._context.term()
        has_ended = self._disk_queue.join(timeout_s)
        self._claim.close()
        self._mailbox.close()
        self._unlock()
        return has_ended

    def _unlock(self) -> None:
        if self._runtime_lock is not None:
            self._runtime_lock.release()

    # --- on the sockets' thread --------------------------------------------------------------

    def _run(self) -> None:
        poller = zmq.Poller()
        for source in (self._clients.socket, self._mailbox.fileno(), *self.worker.sources()):
            poller.register(source, zmq.POLLIN)
        self._disk_queue.submit(_SERVER, _tidy)
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
        if self._clients.is_waiting:
            return RETRY_MS
        return max(1, min(1000, int(250 * self._options.silence_s)))

    def _turn(self) -> None:
        """Handles everything that has arrived, and sends what follows from it."""
        for task in self._mailbox.take_all():
            _safely(task)
        for news in self.worker.take_news():
            _safely(lambda news=news: self._take_news(news))
        for incoming in self._clients.receive(RECEIVED_AT_ONCE):
            _safely(lambda incoming=incoming: self._handle(incoming))
        self._clients.flush()
        self._forget_silent()
        self._look_after_worker()
        _safely(self._send_due)
        for client in self._clients.take_gone():
            self._forget(client)

    def _send_due(self) -> None:
        """Sends the next order to the worker, and events to the clients."""
        self._apply_outcomes()
        order = self._scheduler.next_order()
        if order is not None:
            self._watch.ordered()
            if isinstance(order.order, orders.Begin):
                self._events.begin_again(order.order.job)
            self.worker.send(orders.pack(order.order, order.inner))
        self._events.send()

    def _look_after_worker(self) -> None:
        if self.worker.state == "failed":
            return
        verdict = self._watch.verdict(self.worker.pid, is_busy=self._scheduler.is_busy)
        if verdict is not None:
            self._verdict = verdict
            self.worker.kill()

    def _apply_outcomes(self) -> None:
        for outcome in self._scheduler.take_outcomes():
            if isinstance(outcome, Refusal):
                self._post(outcome.client, failure(outcome.error), outcome.request)
            elif isinstance(outcome, Dropped):
                self.worker.send(orders.pack(orders.Drop(job=outcome.job)))
            elif isinstance(outcome, Ended):
                self._events.fail(outcome.job, outcome.error)
            elif isinstance(outcome, Forgotten):
                self._events.forget(outcome.job)

    def _stop(self) -> None:
        self._is_stopping = True

    def _see_out(self) -> None:
        """Waits until the client that asked for the end has disconnected, `SEE_OUT_S` at most."""
        self._clients.flush()
        monitor = self._clients.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        monitor.poll(int(1000 * SEE_OUT_S))
        self._clients.socket.disable_monitor()
        monitor.close(linger=0)

    # --- clients -----------------------------------------------------------------------------

    def _handle(self, incoming: Incoming) -> None:
        session = self._meet(incoming)
        if session is None:
            _log.error("dropped a message of an unknown user")
            return
        try:
            header = wire.decode_header(incoming.frames[0])
        except LinkError as error:
            _log.warning("dropped a message without a header: %s", error.message)
            return
        try:
            if sum(map(len, incoming.frames)) > limits.MAX_REQUEST_BYTES:
                raise LinkError("link.too_large", "The request is too large.", "Ask for less.")
            request = wire.decode(header, incoming.frames[1:], REQUESTS)
            if request.ANSWER is not None and header.id == 0:
                raise LinkError("link.protocol", "A request came without an id.", "Report this.")
            answer = self._dispatch(incoming, session, header.id, request)
        except AffektError as error:
            answer = failure(error)
        except Exception:
            # A faulty request may not end the server.
            _log.exception("%s failed in the sockets' thread", header.type)
            answer = failure(JobError("job.failed", "The sidecar failed.", "See its log."))
        if answer is not None and header.id != 0:
            self._post(incoming.client, answer, header.id)

    def _meet(self, incoming: Incoming) -> _Session | None:
        """The sender's session, a new one if need be; None if the authenticator did not let the
        sender in."""
        session = self._sessions.get(incoming.client)
        if session is not None and session.user != incoming.user:
            # Clients choose their routing ids: one that takes another's may not get its session.
            self._forget(incoming.client)
            session = None
        if session is None and incoming.user:
            session = _Session(incoming.user, 0.0)
            self._sessions[incoming.client] = session
            self._scheduler.add_client(incoming.client, incoming.user)
        if session is not None:
            session.last_seen = self._options.now()
        return session

    def _dispatch(
        self, incoming: Incoming, session: _Session, request_id: int, request: Message
    ) -> Message | None:
        """Handles a request; returns the answer, or None if it comes later or never."""
        if isinstance(request, messages.Hello):
            return _greet(session, request, _capabilities(has_lam=self._options.has_lam))
        if not session.has_greeted:
            raise LinkError("link.no_hello", "A client did not say hello first.", "Connect again.")
        client = incoming.client
        if isinstance(request, messages.Ping):
            return messages.Pong()
        if isinstance(request, messages.GetStatus):
            return self._status()
        if isinstance(request, messages.Shutdown):
            return self._shut_down(session)
        if isinstance(request, messages.Cancel | messages.Credit):
            return self._steer(client, request)
        if isinstance(request, messages.Attach):
            self._events.attach(client, request)
            return messages.Acknowledged()
        if self._clients.is_full(client):
            raise LinkError("link.busy", "The last answers have not been read yet.", "Read them.")
        if isinstance(request, messages.JobRequest):
            self._events.start(client, request, incoming.frames)
            return messages.Acknowledged()
        self._ask(incoming, session, request_id, request)
        return None

    def _ask(
        self, incoming: Incoming, session: _Session, request_id: int, request: Message
    ) -> None:
        """Queues a short request that needs the disk or the worker."""
        client = incoming.client
        if isinstance(request, messages.OpenPixels):
            if session.user != LOCAL_USER:
                raise _remote_pixels()
            self._disk_queue.submit(client, lambda: self._make_ring(client, request_id, request))
        elif isinstance(request, messages.FindArtefact | messages.Upload | messages.Download):
            begun = self._events.oldest_begun
            self._disk_queue.submit(
                client,
                lambda: self._answer_later(
                    client, request_id, self._transfers.answer(session.user, request, begun)
                ),
                sum(map(len, incoming.frames)),
            )
        else:
            preview = isinstance(request, messages.Preview)
            ring = session.ring.name if preview and session.ring is not None else None
            self._scheduler.ask(
                Request(
                    client=client,
                    id=request_id,
                    frames=incoming.frames,
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
        now, worker = self._options.now(), self.worker
        present = [s for s in self._sessions.values() if now - s.last_seen < PRESENT_S]
        pids = (os.getpid(), worker.pid)
        return messages.Status(
            uptime_s=now - self._started,
            worker=worker.state,
            worker_restarts=worker.restarts,
            device=self._device,
            clients=len(present),
            jobs=self._scheduler.open_jobs(),
            cache_bytes=self._transfers.size_bytes,
            cache_limit_bytes=self._options.cache_bytes,
            memory_bytes=sum(resident_bytes(pid) for pid in set(pids) if pid is not None),
            compiled=self._pieces[0],
            pieces=self._pieces[1],
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
        """Drops a client that has left and its requests; its jobs go on for `limits.ORPHAN_S`."""
        session = self._sessions.pop(client, None)
        if session is not None:
            _remove(session.ring)
            self._scheduler.remove_client(client, self._options.now())
        self._disk_queue.forget(client)
        self._clients.forget(client)

    def _post(self, client: bytes, message: Message, request: int = 0) -> None:
        try:
            frames = wire.encode(message, request)
        except LinkError as error:
            _log.exception("cannot send %s", message.TYPE)
            frames = wire.encode(failure(error), request)
        if client in self._sessions:
            self._clients.post(client, frames)

    # --- jobs --------------------------------------------------------------------------------

    def _steer(self, client: bytes, request: messages.Cancel | messages.Credit) -> Message | None:
        is_own = self._scheduler.owner(request.job) == client
        if isinstance(request, messages.Credit):
            if is_own:
                self._events.give_credit(request.job, request.count)
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
            self._pieces = (0, 0)
            self._events.interrupt()
        else:
            self._take_reply(news)

    def _take_reply(self, news: Heard) -> None:
        reply, inner = orders.unpack(news.frames, orders.REPLIES)
        if isinstance(reply, orders.Ready):
            self._device, self._pieces = reply.device, (0, reply.pieces)
            self._watch.ready()
            self._scheduler.worker_ready()
        elif isinstance(reply, orders.Compiled):
            self._pieces = reply.pieces, self._pieces[1]
        elif isinstance(reply, orders.Answered):
            asked = self._scheduler.answered(reply.unit)
            if asked is not None:
                self._clients.post(asked[0], inner)
        elif isinstance(reply, orders.Stepped):
            self._take_step(reply, inner)
        elif isinstance(reply, orders.Refused):
            error = LinkError(reply.code, reply.message, reply.remedy)
            self._scheduler.refused(reply.unit, error)

    def _take_step(self, reply: orders.Stepped, inner: Sequence[wire.Frame]) -> None:
        job = self._scheduler.stepped(reply.unit, reply.stage, reply.done, is_last=reply.is_last)
        if job is not None:
            self._events.take_step(job, reply, inner)
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
        """Evicts files of the cache above its limit. If files in use fill it, `job` fails."""
        if self._is_making_room:
            return
        self._is_making_room = True
        begun = self._events.oldest_begun

        def make_room() -> Callable[[], None]:
            error = self._transfers.make_room(begun)
            return lambda: self._have_room(job, error)

        self._disk_queue.submit(_SERVER, make_room)

    def _have_room(self, job: str | None, error: AffektError | None) -> None:
        self._is_making_room = False
        self._room_at = self._options.now() + ROOM_S
        if error is not None:
            _log.warning("%s", error)
            if job is not None:
                self._scheduler.end(job, error)


def _safely(task: Callable[[], None]) -> None:
    """Runs the task. Logs whatever it raises, since nothing may end the sockets' thread."""
    try:
        task()
    except Exception:
        _log.exception("a turn failed in the sockets' thread")


def _greet(
    session: _Session, hello: messages.Hello, capabilities: tuple[str, ...]
) -> messages.Welcome:
    if hello.protocol[0] != limits.PROTOCOL_VERSION[0]:
        raise version_error(
            client=(hello.protocol, hello.affekt), sidecar=(limits.PROTOCOL_VERSION, AFFEKT_VERSION)
        )
    session.has_greeted = True
    return messages.Welcome(
        protocol=limits.PROTOCOL_VERSION, affekt=AFFEKT_VERSION, capabilities=capabilities
    )


def _capabilities(*, has_lam: bool) -> tuple[str, ...]:
    if not can_see_faces():
        return CAPABILITIES
    lam = (portrait_messages.LAM_CAPABILITY,) if has_lam else ()
    return (*CAPABILITIES, portrait_messages.CAPABILITY, *lam)


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
