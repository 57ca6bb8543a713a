# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's open jobs: the sidecar's messages become `JobEvent`s, pictures become files.

A book outlives the links that it is given. `adopt` tells a new link of every open job: the
sidecar is asked for the job's events, and where it knows no such job it gets the same request
again, which costs little, since it keeps what was done. `handle` and the answers run on the
link's thread, everything else on the user's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from . import events, limits, messages
from .artefact import Artefact
from .channel import to_error
from .conversions import to_motion
from .errors import AffektError, InputError, JobError, LinkError
from .messages import Message
from .picture_files import PictureFiles
from .wire import misunderstood

Request = TypeVar("Request", bound=messages.JobRequest)

_STRANGER = "take"
"""Name of the take of a job that another client has started."""
_END_OF: Mapping[type[Message], type[Message]] = {
    messages.BakeDone: messages.Bake,
    messages.RenderDone: messages.Render,
    messages.AvatarDone: messages.CreateAvatar,
}
"""The last event of a job that went well -> the request that began it."""


class Link(Protocol):
    """What a book needs of a `Channel`."""

    @property
    def lost(self) -> LinkError | None: ...

    def send(self, message: Message, on_done: Callable[[Future[Message]], None] | None) -> None: ...


@dataclass(slots=True)
class _Job:
    """An open job. request: None if another client has started it. files: a rendering's
    pictures."""

    id: str
    request: messages.JobRequest | None = None
    files: PictureFiles | None = None
    is_cancelled: bool = False

    @property
    def pictures(self) -> int:
        return 0 if self.files is None else self.files.whole

    def request_again(self) -> Message | None:
        if isinstance(self.request, messages.Render):
            return replace(self.request, pictures=self.pictures)
        return self.request


class JobBook:
    """Jobs by id, and the events that the user has not seen yet.

    Its jobs wait for the next link when one is lost; whoever holds the book ends them with
    `give_up` where there will be none.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}
        self._events = _Inbox()
        self._link: Link | None = None
        self._orphans: list[str] = []
        self._lock = threading.Lock()

    def start(self, request: messages.JobRequest, folder: Path | None = None) -> None:
        """Opens the job and sends the request, now or to the next link. folder: for the pictures
        of a rendering. Raises InputError `file.not_writable`."""
        files = None if folder is None else PictureFiles(folder)
        job = _Job(request.job, _with_own_arrays(request), files)
        link = self._open(job)
        if link is not None:
            self._request(link, job)

    def attach(self, job: str, folder: Path | None = None) -> None:
        """Opens a job that another client has started; one that is open already stays as it is.
        Raises InputError `file.not_writable`."""
        if self.is_running(job):
            return
        opened = _Job(job, None, None if folder is None else PictureFiles(folder))
        link = self._open(opened)
        if link is not None:
            self._attach(link, opened)

    def cancel(self, job: str) -> None:
        """Asks for the end of a job. It ends when the sidecar says so, or without a link: at once,
        and the sidecar learns of it from the next one."""
        with self._lock:
            found, link = self._jobs.get(job), self._link
            if found is None:
                return
            # Under the lock: who takes the link away then sees it.
            found.is_cancelled = True
        if link is None:
            self._end_cancelled(found)
        else:
            _cancel(link, job)

    def is_running(self, job: str) -> bool:
        """Whether the job has not ended yet."""
        return job in self._jobs

    def open_jobs(self) -> tuple[str, ...]:
        """Ids of the jobs that have not ended yet, oldest first."""
        with self._lock:
            return tuple(self._jobs)

    def take_events(self) -> list[events.JobEvent]:
        """Events since the last call; of each job's stage only the newest progress. Never waits."""
        return self._events.take_all()

    def give_up(self, error: AffektError) -> None:
        """All open jobs end with this error."""
        for job in self.open_jobs():
            self._end(events.JobFailed(job=job, error=error))

    # --- links -------------------------------------------------------------------------------

    def adopt(self, link: Link) -> None:
        """From now on jobs go over this link; an older one must be closed."""
        if self._link is not None:
            self.leave(self._link)
        with self._lock:
            self._link = link
            jobs = list(self._jobs.values())
            orphans = list(self._orphans)
        for orphan in orphans:
            self._cancel_orphan(link, orphan)
        for job in jobs:
            self._attach(link, job)

    def leave(self, link: Link) -> None:
        """Takes a lost link away. Cancelled jobs end, the others wait for the next link."""
        with self._lock:
            if self._link is not link:
                return
            self._link = None
            jobs = list(self._jobs.values())
        for job in jobs:
            if job.is_cancelled:
                self._end_cancelled(job)
            elif job.files is not None:
                job.files.rewind()

    def handle(self, link: Link, message: Message) -> None:
        """Takes an event from the sidecar. Events of jobs that have ended are dropped."""
        job = self._jobs.get(getattr(message, "job", ""))
        if job is None or link is not self._link:
            return
        try:
            if isinstance(message, messages.Progress):
                self._events.put(_progressed(message), (job.id, message.stage))
            elif isinstance(message, messages.Picture):
                self._take_picture(link, job, message)
            elif isinstance(message, messages.JobFailed):
                self._end(events.JobFailed(job=job.id, error=to_error(message)))
            else:
                self._finish(job, message)
        except AffektError as error:
            self._end(events.JobFailed(job=job.id, error=error))
            if not isinstance(error, _NoFolderError):
                _cancel(link, job.id)

    def _request(self, link: Link, job: _Job) -> None:
        message = job.request_again()
        if message is not None:
            link.send(message, lambda answer: self._answered(link, job, answer))

    def _attach(self, link: Link, job: _Job) -> None:
        if job.files is not None:
            job.files.rewind()
        link.send(_attach(job.id, job.pictures), lambda answer: self._attached(link, job, answer))

    def _cancel_orphan(self, link: Link, orphan: str) -> None:
        """Cancels a job that has ended here. It stays an orphan until the sidecar has answered."""

        def forget(answer: Future[Message]) -> None:
            error = answer.exception()
            if error is not None and error is link.lost:
                return
            with self._lock:
                if orphan in self._orphans:
                    self._orphans.remove(orphan)

        link.send(_attach(orphan, 0), lambda _: None)
        link.send(messages.Cancel(job=orphan), forget)

    def _attached(self, link: Link, job: _Job, answer: Future[Message]) -> None:
        error = answer.exception()
        is_unknown = isinstance(error, LinkError) and error.code == "link.no_job"
        if is_unknown and job.request is not None:
            self._request(link, job)
            if job.is_cancelled:  # asked for before the sidecar knew of the job
                _cancel(link, job.id)
        else:
            self._answered(link, job, answer)

    def _answered(self, link: Link, job: _Job, answer: Future[Message]) -> None:
        error = answer.exception()
        # The error of a lost link is no answer: the job waits for the next one.
        if isinstance(error, AffektError) and error is not link.lost and link is self._link:
            self._end(events.JobFailed(job=job.id, error=error))

    # --- the life of a job -------------------------------------------------------------------

    def _open(self, job: _Job) -> Link | None:
        with self._lock:
            self._jobs[job.id] = job
            return self._link

    def _end(self, event: events.JobEvent) -> None:
        with self._lock:
            job = self._jobs.pop(event.job, None)
            if job is None:
                return
        if job.files is not None:
            job.files.end()
        self._events.put(event)

    def _end_cancelled(self, job: _Job) -> None:
        """Ends a job while there is no link. The next link tells the sidecar to cancel it."""
        error = JobError("job.cancelled", "The job was cancelled.", "Start it again.")
        with self._lock:
            self._orphans.append(job.id)
            del self._orphans[: -limits.MAX_WAITING_JOBS]
        self._end(events.JobFailed(job=job.id, error=error))

    def _take_picture(self, link: Link, job: _Job, piece: messages.Picture) -> None:
        if job.files is None:
            raise _missing_folder(job)
        path = job.files.take(piece)
        if path is not None:
            self._events.put(
                events.PictureWritten(job=job.id, index=piece.index, kind=piece.kind, path=path)
            )
        link.send(messages.Credit(job=job.id, count=1), None)

    def _finish(self, job: _Job, message: Message) -> None:
        """Ends the job with its result. Raises LinkError `link.protocol` if it is another kind of
        job's."""
        asked = _END_OF.get(type(message))
        if asked is None or not isinstance(job.request, asked | None):
            raise misunderstood(f"'{message.TYPE}' came for a job of another kind")
        name = _STRANGER if job.request is None else job.request.name
        if isinstance(message, messages.BakeDone):
            self._end(_bake_finished(message, name))
            return
        if isinstance(message, messages.AvatarDone):
            self._end(_avatar_finished(message, name))
            return
        assert isinstance(message, messages.RenderDone)
        if job.files is None:
            raise _missing_folder(job)
        if job.files.whole < message.pictures:
            raise misunderstood(f"{job.files.whole} of {message.pictures} pictures came")
        files = job.files
        self._end(events.RenderFinished(job=job.id, folder=files.folder, paths=files.paths))


class _Inbox:
    """Events in order. An event with a key replaces an older one with that key, so that an inbox
    that nobody empties does not grow with progress."""

    def __init__(self) -> None:
        self._events: dict[object, events.JobEvent] = {}
        self._lock = threading.Lock()

    def put(self, event: events.JobEvent, key: object = None) -> None:
        with self._lock:
            key = object() if key is None else key
            self._events.pop(key, None)
            self._events[key] = event

    def take_all(self) -> list[events.JobEvent]:
        with self._lock:
            taken, self._events = self._events, {}
        return list(taken.values())


class _NoFolderError(InputError):
    """This client has no folder for the job's pictures; the job itself goes on."""


def _missing_folder(job: _Job) -> _NoFolderError:
    return _NoFolderError(
        "option.folder",
        f"The job {job.id[:8]} makes pictures, and no folder for them was named.",
        "Attach to it again with a folder.",
    )


def _cancel(link: Link, job: str) -> None:
    link.send(messages.Cancel(job=job), lambda _: None)


def _attach(job: str, pictures: int) -> messages.Attach:
    return messages.Attach(job=job, pictures=pictures, credit=limits.PIECES_AHEAD)


def _with_own_arrays(request: Request) -> Request:
    """The request with copies of its arrays: it may be sent after the caller has changed them."""
    values = {field.name: getattr(request, field.name) for field in fields(request)}
    arrays = {name: v.copy() for name, v in values.items() if isinstance(v, np.ndarray)}
    return replace(request, **arrays)


def _progressed(message: messages.Progress) -> events.JobProgressed:
    return events.JobProgressed(
        job=message.job,
        stage=message.stage,
        done=message.done,
        total=message.total,
        seconds_left=message.seconds_left,
    )


def _avatar_finished(message: messages.AvatarDone, name: str) -> events.AvatarFinished:
    stem = name.rpartition(".")[0] or name
    avatar = Artefact(
        sha256=message.avatar, kind="avatar", name=f"{stem}.safetensors", size=message.avatar_size
    )
    return events.AvatarFinished(job=message.job, avatar=avatar, said=message.said)


def _bake_finished(message: messages.BakeDone, name: str) -> events.BakeFinished:
    stem = name.rpartition(".")[0] or name
    return events.BakeFinished(
        job=message.job,
        start=message.start,
        motion=to_motion(message),
        baked=Artefact(
            sha256=message.motion, kind="motion", name=f"{stem}.baked.npz", size=message.motion_size
        ),
        take=Artefact(
            sha256=message.take, kind="motion", name=f"{stem}.take.npz", size=message.take_size
        ),
        vertices=None
        if message.vertices is None
        else Artefact(
            sha256=message.vertices, kind="vertices", name=f"{stem}.pc2", size=message.vertices_size
        ),
    )
