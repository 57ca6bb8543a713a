# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of jobs on their way to the clients: `JobEvents` holds those of one job that are not
sent yet, `EventSender` sends those of all jobs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ...shared import limits, messages, wire
from ...shared.errors import AffektError, LinkError
from ...shared.messages import RESTART_STAGE, JobFailed, Picture, PictureKind, Progress
from ...shared.wire import Frame
from ..worker import orders
from .client_socket import ClientSocket
from .disk_queue import DiskQueue
from .scheduler import Scheduler
from .transfers import Transfers

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A finished picture of frame `index`. file: its place in the user's part of the cache."""

    index: int
    kind: PictureKind
    file: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of picture `number` that is to be read, from `offset` on. turn: how often a client
    had attached when the piece was asked for."""

    job: str
    turn: int
    number: int
    offset: int
    file: str


class JobEvents:
    """Progress (only the newest waits), pictures piece by piece as far as there is credit, and the
    last event."""

    def __init__(
        self, job: str, *, credit: int, pictures: int, estimator: Estimator | None = None
    ) -> None:
        """credit: pieces that may be sent. pictures: how many the client has already."""
        self.job = job
        self._estimator = estimator or Estimator(job)
        self._pictures: list[PictureFile] = []
        self._progress: Progress | None = None
        self._is_progress_told = True
        self._end: Sequence[Frame] | None = None
        self._has_failed = False
        self.is_over = False
        """Whether the last event has been taken."""
        self._is_reading = False
        self._turn = 0
        self._number, self._offset, self._credit = pictures, 0, credit

    def attach(self, *, credit: int, pictures: int) -> None:
        """Starts to send to another client, which has so many pictures already: the last progress
        again, then the other pictures."""
        self._turn += 1
        self._is_reading = False
        self._number, self._offset, self._credit = pictures, 0, credit
        self._is_progress_told = self._progress is None

    def begin_again(self) -> None:
        """Forgets the pictures: a new worker will name the same ones from the first on."""
        self._pictures.clear()

    def interrupt(self) -> None:
        """Tells the client that the worker is gone, by a progress of `RESTART_STAGE`."""
        if self._progress is not None:
            self.progress(RESTART_STAGE, self._progress.done, self._progress.total)

    def give_credit(self, count: int) -> None:
        """Lets `count` more pieces be sent, `limits.MAX_CREDIT` at most."""
        self._credit = min(self._credit + count, limits.MAX_CREDIT)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Replaces the progress that waits."""
        self._progress = self._estimator.progress(stage, done, total)
        self._is_progress_told = False

    def add_pictures(self, pictures: Sequence[PictureFile]) -> None:
        """Adds finished pictures."""
        self._pictures.extend(pictures)

    def finish(self, last: Sequence[Frame]) -> None:
        """Ends the job; its last event is sent after the last picture."""
        self._end = last

    def fail(self, error: AffektError) -> None:
        """Ends the job with an error; pictures that are not sent yet are dropped."""
        self._end = wire.encode(failed(self.job, error))
        self._has_failed = True

    def take_message(self) -> Sequence[Frame] | None:
        """The next message but pictures that can be sent now, or None."""
        if not self._is_progress_told and self._end is None and not self.is_over:
            self._is_progress_told = True
            assert self._progress is not None
            return wire.encode(self._progress)
        if self._end is not None and (self._has_failed or self._are_pictures_told()):
            last, self._end = self._end, None
            self.is_over = True
            return last
        return None

    def take_piece(self) -> Piece | None:
        """The piece to read now; None without credit, or while another one is being read."""
        if self._is_reading or self._credit == 0 or self._number >= len(self._pictures):
            return None
        if self._has_failed:
            return None
        self._is_reading = True
        self._credit -= 1
        file = self._pictures[self._number].file
        return Piece(self.job, self._turn, self._number, self._offset, file)

    def picture(self, piece: Piece, size: int, data: bytes) -> Picture | None:
        """The message with the piece, of a file of `size` bytes; None if no client waits for it
        any more."""
        if piece.turn != self._turn or not self._is_reading:
            return None
        self._is_reading = False
        named = self._pictures[piece.number] if piece.number < len(self._pictures) else None
        if named is None or self._has_failed:  # if begun again meanwhile, it is read again
            self._credit += 1
            return None
        message = Picture(
            job=self.job,
            number=piece.number,
            index=named.index,
            kind=named.kind,
            size=size,
            offset=piece.offset,
            data=data,
        )
        self._offset += len(data)
        if self._offset >= size:
            self._number, self._offset = self._number + 1, 0
        return message

    def _are_pictures_told(self) -> bool:
        return self._number >= len(self._pictures)


def failed(job: str, error: AffektError) -> JobFailed:
    """The last event of a job that ended with an error."""
    return JobFailed(
        job=job, code=error.code, message=error.message[:4000], remedy=error.remedy[:4000]
    )


ESTIMATE_AFTER_S = 2.0
"""A new worker's first chunk is slow, and chunks from the cache are fast."""


@dataclass(slots=True)
class Estimator:
    """Adds the seconds left to a job's progress, by the rate of the stage so far."""

    job: str
    now: Callable[[], float] = field(default=time.monotonic)
    _stage: str = ""
    _since: float = 0.0
    _first: int = 0

    def progress(self, stage: str, done: int, total: int) -> Progress:
        """The message for `done` of `total`, with an estimate after `ESTIMATE_AFTER_S`."""
        if stage != self._stage or done < self._first:
            self._stage, self._since, self._first = stage, self.now(), done
        seconds, steps = self.now() - self._since, done - self._first
        is_known = steps > 0 and seconds >= ESTIMATE_AFTER_S
        left = seconds / steps * max(0, total - done) if is_known else None
        return Progress(job=self.job, stage=stage, done=done, total=total, seconds_left=left)


class EventSender:
    """Sends the events of all jobs as far as their clients read them. Pictures are read from the
    disk piece by piece, each when the last one has been sent. All calls come from the sockets'
    thread."""

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

    def start(self, client: bytes, request: messages.JobRequest, frames: list[memoryview]) -> None:
        """Starts a job for the client. Raises as `Scheduler.start`; LinkError `link.protocol` if
        a rendering names no subject, or two, or photos have other names than there are of them."""
        credit, pictures = 0, 0
        if isinstance(request, messages.Render):
            if (request.avatar is None) == (request.head is None):
                raise LinkError("link.protocol", "Nothing to draw was named.", "Report this.")
            credit, pictures = request.credit, request.pictures
        if isinstance(request, messages.CreateAvatar):
            _check_names(request)
        self._scheduler.start(client, request.job, frames, _first_frame(request))
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


def _check_names(request: messages.CreateAvatar) -> None:
    if len(request.more) != len(request.more_names):
        raise LinkError("link.protocol", "A photo came without a name.", "Report this.")


def _first_frame(request: messages.JobRequest) -> int | None:
    if isinstance(request, messages.CreateAvatar):
        return None
    return 0 if request.frames is None else request.frames[0]


def _artefacts(request: messages.JobRequest) -> list[str]:
    if isinstance(request, messages.CreateAvatar):
        return [request.photo, *request.more, *_flame_files(request.head)]
    is_render = isinstance(request, messages.Render)
    names = [request.motion, request.adapter, request.avatar if is_render else None]
    heads = _flame_files(request.head, request.take_head if is_render else None)
    return [name for name in (*names, *heads) if name is not None]


def _flame_files(*heads: str | None) -> list[str]:
    """A head's FLAME file is called by its hash; other heads are no artefacts."""
    return [head for head in dict.fromkeys(heads) if head and _SHA256.fullmatch(head)]


def _queue_key(job: str) -> bytes:
    """The job's name in the disk queue, which no client has: routing ids do not begin with 0."""
    return b"\0" + job.encode()
