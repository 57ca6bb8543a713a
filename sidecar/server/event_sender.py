# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the jobs' events to their clients as far as these read them. Pictures are read from the
disk piece by piece, each when the last one has been sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ...shared import messages, wire
from ...shared.errors import AffektError, LinkError
from ...shared.wire import Frame
from ..worker import orders
from .client_socket import ClientSocket
from .disk_queue import DiskQueue
from .job_events import JobEvents, PictureFile, Piece
from .scheduler import Scheduler
from .transfers import Transfers


class EventSender:
    """One `JobEvents` for each job of the scheduler. All calls come from the sockets' thread."""

    def __init__(
        self,
        scheduler: Scheduler,
        clients: ClientSocket,
        disk_queue: DiskQueue,
        transfers: Transfers,
    ) -> None:
        self._scheduler, self._clients = scheduler, clients
        self._disk_queue, self._transfers = disk_queue, transfers
        self._jobs: dict[str, JobEvents] = {}
        self._begun: dict[str, float] = {}

    @property
    def oldest_begun(self) -> float | None:
        """When the oldest open job began (`time.time`); None if there is none."""
        return min(self._begun.values(), default=None)

    def start(
        self, client: bytes, request: messages.Bake | messages.Render, frames: list[memoryview]
    ) -> None:
        """Starts a job for the client. Raises as `Scheduler.start`; LinkError `link.protocol` if
        a rendering names no subject, or two."""
        credit, pictures = 0, 0
        if isinstance(request, messages.Render):
            if (request.avatar is None) == (request.head is None):
                raise LinkError("link.protocol", "Nothing to draw was named.", "Report this.")
            credit, pictures = request.credit, request.pictures
        self._scheduler.start(client, request.job, frames)
        self._jobs[request.job] = JobEvents(request.job, credit=credit, pictures=pictures)
        self._begun[request.job] = time.time()
        user, wanted = self._scheduler.user(request.job), _artefacts(request)
        # The job may wait for long; its inputs may not be evicted meanwhile.
        self._disk_queue.submit(_queue_key(request.job), lambda: self._touch(user, wanted))

    def attach(self, client: bytes, request: messages.Attach) -> None:
        """Sends the job's events to this client from now on. Raises LinkError `link.no_job`."""
        self._scheduler.attach(client, request.job)
        self._jobs[request.job].attach(credit=request.credit, pictures=request.pictures)

    def give_credit(self, job: str, count: int) -> None:
        """Lets `count` more pieces be sent."""
        self._jobs[job].give_credit(count)

    def begin_again(self, job: str) -> None:
        """Notes that a worker begins the job, for the first time or again."""
        self._jobs[job].begin_again()

    def interrupt(self) -> None:
        """Tells all clients with jobs that the worker is gone."""
        for events in self._jobs.values():
            events.interrupt()

    def take_step(self, job: str, step: orders.Stepped, last: Sequence[Frame]) -> None:
        """Takes a step's progress and pictures. last: frames of the job's last event, once it is
        done."""
        events = self._jobs[job]
        events.progress(step.stage, step.done, step.total)
        named = zip(step.indices, step.kinds, step.files, strict=True)
        events.add_pictures([PictureFile(*picture) for picture in named])
        if step.is_last:
            events.finish(last)

    def fail(self, job: str, error: AffektError) -> None:
        """Ends the job with this error."""
        self._jobs[job].fail(error)

    def forget(self, job: str) -> None:
        """Drops the job's events."""
        self._jobs.pop(job, None)
        self._begun.pop(job, None)

    def send(self) -> None:
        """Sends all events that wait, and pictures as far as there is credit."""
        for events in list(self._jobs.values()):
            owner = self._scheduler.owner(events.job)
            if owner is not None and not self._clients.is_blocked(owner):
                self._send(events, owner)

    def _send(self, events: JobEvents, owner: bytes) -> None:
        while (frames := events.take_message()) is not None:
            self._clients.post(owner, frames)
        if events.is_over:
            self._scheduler.told(events.job)
            self.forget(events.job)
        elif (piece := events.take_piece()) is not None:
            user = self._scheduler.user(events.job)
            try:
                self._disk_queue.submit(_queue_key(events.job), lambda: self._read(user, piece))
            except LinkError as error:
                self._lose(piece.job, error)

    def _touch(self, user: str, artefacts: Sequence[str]) -> Callable[[], None]:
        """Runs on the disk queue's thread."""
        self._transfers.touch(user, artefacts)
        return lambda: None

    def _read(self, user: str, piece: Piece) -> Callable[[], None]:
        """Runs on the disk queue's thread."""
        try:
            size, data = self._transfers.read_piece(user, piece.file, piece.offset)
        except AffektError as error:
            lost = error
            return lambda: self._lose(piece.job, lost)
        return lambda: self._post(piece, size, data)

    def _lose(self, job: str, error: AffektError) -> None:
        self._scheduler.end(job, error)
        if job in self._jobs:  # the worker may be done with it, but not all events are sent
            self._jobs[job].fail(error)

    def _post(self, piece: Piece, size: int, data: bytes) -> None:
        events, owner = self._jobs.get(piece.job), self._scheduler.owner(piece.job)
        picture = None if events is None else events.picture(piece, size, data)
        if picture is not None and owner is not None:
            self._clients.post(owner, wire.encode(picture))


def _artefacts(request: messages.Bake | messages.Render) -> list[str]:
    avatar = request.avatar if isinstance(request, messages.Render) else None
    return [name for name in (request.motion, request.adapter, avatar) if name is not None]


def _queue_key(job: str) -> bytes:
    """The job's name in the disk queue, which no client has: routing ids do not begin with 0."""
    return b"\0" + job.encode()
