# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidecar's server: one thread for the sockets, two for the work.

The sockets' thread answers hello, ping and cancel at once, whatever the workers do. Short
requests go to the worker `desk`, jobs one after the other to the worker `bench`; both put what
they have to say into a mailbox, which only the sockets' thread empties.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from ...shared import limits, messages, wire
from ...shared.connection import Connection, remove_connection, version_error, write_connection
from ...shared.errors import AffektError, JobError, LinkError
from ...shared.mailbox import Mailbox
from ...shared.messages import Message
from ...shared.version import AFFEKT_VERSION
from .job import Job, Outgoing, PictureFile, failed
from .services import Services
from .sockets import Doors, FrontDoor, OpenSocket, local_door, open_router
from .store import Store
from .work import Work, failure
from .worker import Worker

_log = logging.getLogger("affekt.server")

CAPABILITIES = ("read_motion", "get_head", "bake", "render")
REQUESTS = {request.TYPE: request for request in messages.REQUESTS}
# A client pings every 2 s from a thread of its own; one that is silent this long has gone.
SILENCE_S = 30.0
# Short requests of one client that may wait; each may hold a piece of an upload, 4 MB.
MAX_WAITING_REQUESTS = 16
# Time for the last answers to leave when the server ends.
LINGER_MS = 1000


@dataclass(slots=True)
class _Session:
    """A client that is connected, by its routing id."""

    last_seen: float
    has_greeted: bool = False
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    """A worker's answer to a short request."""

    owner: bytes
    request: int
    message: Message


@dataclass(frozen=True, slots=True)
class _News:
    """A worker's word about a job."""

    job: Job
    item: Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where the server lives. front: None is a local door with fresh keys. open_socket and
    silence_s are for tests."""

    runtime_folder: Path
    cache_folder: Path
    front: FrontDoor | None = None
    open_socket: OpenSocket = open_router
    silence_s: float = SILENCE_S
    now: Callable[[], float] = field(default=time.monotonic)


class Server:
    """A sidecar. `start` returns when clients may connect; `stop` ends all its threads."""

    def __init__(self, services: Services, options: ServerOptions) -> None:
        self._options = options
        self._store = Store(options.cache_folder)
        self._work = Work(services, self._store)
        self._sessions: dict[bytes, _Session] = {}
        self._jobs: dict[str, Job] = {}
        self._mailbox: Mailbox[_Answer | _News | None] = Mailbox()
        self._is_stopping = False
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
        self._socket, self.authenticator = self._doors.front, self._doors.authenticator
        self.endpoint = self._doors.endpoint
        try:
            connection = self._write_connection(door)
        except AffektError:
            self._free()
            raise
        self._desk, self._bench = Worker("desk"), Worker("bench")
        self._thread = threading.Thread(target=self._run, name="affekt-sockets", daemon=True)
        self._thread.start()
        return connection

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

    def stop(self, *, timeout_s: float = 1.0) -> bool:
        """Cancels the jobs, ends the threads, removes the connection file and all artefacts.
        False if a worker is still in the middle of a chunk: then only leaving the process helps."""
        remove_connection(self._options.runtime_folder, os.getpid())
        if self._thread.is_alive():
            self._mailbox.put(None)
            self._thread.join()
        deadline = time.monotonic() + timeout_s
        has_ended = [
            worker.join(max(0.0, deadline - time.monotonic()))
            for worker in (self._desk, self._bench)
        ]
        self._free()
        return all(has_ended)

    def _free(self) -> None:
        self.stopped.set()
        self._doors.close(linger_ms=LINGER_MS)
        self._context.term()
        self._mailbox.close()
        self._store.close()

    # --- on the sockets' thread --------------------------------------------------------------

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._mailbox.fileno(), zmq.POLLIN)
        try:
            while not self._is_stopping:
                ready = dict(poller.poll(int(250 * self._options.silence_s)))
                for news in self._mailbox.take_all():
                    self._take_news(news)
                if self._socket in ready:
                    self._receive()
                self._forget_silent()
        finally:
            for job in self._jobs.values():
                job.cancel()
            self._desk.stop()
            self._bench.stop()
            self.stopped.set()

    def _receive(self) -> None:
        # A few at a time, so that the workers' news get their turn.
        for _ in range(64):
            try:
                owner, *frames = self._socket.recv_multipart(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._handle(owner.bytes, [frame.buffer for frame in frames])

    def _handle(self, owner: bytes, frames: list[memoryview]) -> None:
        session = self._sessions.setdefault(owner, _Session(0.0))
        session.last_seen = self._options.now()
        try:
            header = wire.decode_header(frames[0] if frames else b"")
        except LinkError as error:
            _log.warning("dropped a message without a header: %s", error.message)
            return
        try:
            request = wire.decode(header, frames[1:], REQUESTS)
            if request.ANSWER is not None and header.id == 0:
                raise LinkError("link.protocol", "A request came without an id.", "Report this.")
            answer = self._dispatch(owner, session, header.id, request)
        except AffektError as error:
            answer = failure(error)
        except Exception:
            # No request may end the server.
            _log.exception("%s failed in the sockets' thread", header.type)
            answer = failure(JobError("job.failed", "The sidecar failed.", "See its log."))
        if answer is not None and header.id != 0:
            self._send(owner, answer, header.id)

    def _dispatch(
        self, owner: bytes, session: _Session, request_id: int, request: Message
    ) -> Message | None:
        """The answer, or None if it comes later or never."""
        if isinstance(request, messages.Hello):
            return self._greet(session, request)
        if not session.has_greeted:
            raise LinkError("link.no_hello", "A client did not say hello first.", "Connect again.")
        if isinstance(request, messages.Ping):
            return messages.Pong()
        if isinstance(request, messages.Shutdown):
            self._is_stopping = True
            return messages.Acknowledged()
        if isinstance(request, messages.Cancel):
            self._cancel(self._own_job(owner, request.job))
            return messages.Acknowledged()
        if isinstance(request, messages.Credit):
            self._give_credit(self._own_job(owner, request.job), request.count)
            return None
        if isinstance(request, (messages.Bake, messages.Render)):
            return self._start_job(owner, request)
        self._submit(owner, session, request_id, request)
        return None

    def _greet(self, session: _Session, hello: messages.Hello) -> messages.Welcome:
        if hello.protocol[0] != limits.PROTOCOL_VERSION[0]:
            raise version_error(
                client=(hello.protocol, hello.affekt),
                sidecar=(limits.PROTOCOL_VERSION, AFFEKT_VERSION),
            )
        session.has_greeted = True
        return messages.Welcome(
            protocol=limits.PROTOCOL_VERSION, affekt=AFFEKT_VERSION, capabilities=CAPABILITIES
        )

    def _submit(self, owner: bytes, session: _Session, request_id: int, request: Message) -> None:
        if session.waiting >= MAX_WAITING_REQUESTS:
            raise LinkError("link.busy", "The sidecar has too much to do.", "Try again later.")
        session.waiting += 1
        self._desk.submit(
            lambda: self._mailbox.put(_Answer(owner, request_id, self._work.answer(request)))
        )

    def _start_job(
        self, owner: bytes, request: messages.Bake | messages.Render
    ) -> messages.Acknowledged:
        if request.job in self._jobs:
            raise LinkError("link.job", "There is a job of that id already.", "Start it again.")
        if len(self._jobs) >= limits.MAX_WAITING_JOBS:
            raise JobError(
                "job.too_many", "Too many jobs are waiting.", "Wait until some are done."
            )
        if isinstance(request, messages.Render):
            if (request.avatar is None) == (request.head is None):
                raise LinkError("link.protocol", "Nothing to draw was named.", "Report this.")
            job = Job(request.job, owner, credit=request.credit)
        else:
            job = Job(request.job, owner)
        self._jobs[job.id] = job
        self._bench.submit(
            lambda: self._work.run(job, request, lambda item: self._mailbox.put(_News(job, item)))
        )
        return messages.Acknowledged()

    def _own_job(self, owner: bytes, job: str) -> Job | None:
        found = self._jobs.get(job)
        return found if found is not None and found.owner == owner else None

    def _cancel(self, job: Job | None) -> None:
        if job is not None and job.cancel():
            error = JobError("job.cancelled", "The job was cancelled.", "Start it again.")
            self._take_news(_News(job, failed(job.id, error)))

    def _give_credit(self, job: Job | None, count: int) -> None:
        if job is not None:
            job.credit = min(job.credit + count, limits.MAX_CREDIT)
            self._pump(job)

    def _take_news(self, news: _Answer | _News | None) -> None:
        if news is None:
            self._is_stopping = True
        elif isinstance(news, _Answer):
            session = self._sessions.get(news.owner)
            if session is not None:
                session.waiting -= 1
                self._send(news.owner, news.message, news.request)
        else:
            news.job.put(news.item)
            if isinstance(news.item, Message) and not isinstance(news.item, messages.Progress):
                news.job.is_over = True
            self._pump(news.job)

    def _pump(self, job: Job) -> None:
        """Sends what the job has to say, pictures as far as there is credit."""
        while job.outbox and job.owner in self._sessions:
            item = job.outbox[0]
            if isinstance(item, PictureFile):
                if job.credit == 0:
                    return
                job.credit -= 1
            job.outbox.popleft()
            self._send(job.owner, _load(job, item))
        if job.is_over:
            self._jobs.pop(job.id, None)
            self._store.remove_job_folder(job.id)

    def _send(self, owner: bytes, message: Message, request: int = 0) -> None:
        try:
            frames = wire.encode(message, request)
            self._socket.send_multipart([owner, *frames], flags=zmq.NOBLOCK, copy=False)
        except zmq.ZMQError:
            # It has gone, or reads nothing though a thousand messages wait for it.
            self._forget(owner)
        except LinkError as error:
            _log.exception("cannot send %s", message.TYPE)
            if request:
                self._send(owner, failure(error), request)

    def _forget_silent(self) -> None:
        oldest = self._options.now() - self._options.silence_s
        for owner in [o for o, s in self._sessions.items() if s.last_seen < oldest]:
            self._forget(owner)

    def _forget(self, owner: bytes) -> None:
        """The client has gone: its jobs are cancelled, nothing more is sent."""
        self._sessions.pop(owner, None)
        for job in [job for job in self._jobs.values() if job.owner == owner]:
            job.outbox.clear()
            if job.cancel() or job.is_over:
                self._jobs.pop(job.id, None)
                self._store.remove_job_folder(job.id)


def _load(job: Job, item: Outgoing) -> Message:
    if not isinstance(item, PictureFile):
        return item
    try:
        size = item.path.stat().st_size
        if size > limits.MAX_BUFFER_BYTES:
            job.cancel()
            return failed(job.id, _too_large(item.index, size))
        data = item.path.read_bytes()
        item.path.unlink()
    except OSError as error:
        return failed(job.id, JobError("job.disk", f"A picture is lost ({error}).", "Try again."))
    return messages.Picture(
        job=job.id, number=0, index=item.index, kind=item.kind, size=len(data), offset=0, data=data
    )


def _too_large(index: int, size: int) -> JobError:
    return JobError(
        "job.too_large",
        f"The picture of frame {index} has {size >> 20} MB, more than can be handed over.",
        "Choose half floats, fewer passes or a smaller picture, or render with `affekt render`.",
    )
