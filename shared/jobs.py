# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's open jobs: the sidecar's messages become `JobEvent`s, pictures become files.

`handle`, `lose` and `refuse` run on the channel's thread, the others on the user's.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import events, messages
from .channel import make_error
from .conversions import to_motion
from .errors import AffektError, InputError, LinkError
from .messages import Artefact, Message
from .pictures import frame_name


@dataclass(slots=True)
class _Job:
    name: str
    folder: Path | None = None
    paths: dict[int, Path] = field(default_factory=dict)


class JobBook:
    """Jobs by id, and the events that the user has not seen yet."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._jobs: dict[str, _Job] = {}
        self._events: deque[events.JobEvent] = deque()
        self._lock = threading.Lock()

    def start_bake(self, job: str, name: str) -> None:
        """Opens a bake of the take `name`."""
        with self._lock:
            self._jobs[job] = _Job(name)

    def start_render(self, job: str, folder: Path) -> None:
        """Opens a rendering into `folder`. Raises InputError `file.not_writable`."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_writable(folder, error) from error
        with self._lock:
            self._jobs[job] = _Job(folder.name, folder)

    def is_running(self, job: str) -> bool:
        """Whether the job has not ended yet."""
        return job in self._jobs

    def take_events(self) -> list[events.JobEvent]:
        """Events since the last call; of several progresses in a row of one job the newest."""
        taken: list[events.JobEvent] = []
        while self._events:
            event = self._events.popleft()
            if taken and _supersedes(event, taken[-1]):
                taken.pop()
            taken.append(event)
        return taken

    def handle(self, message: Message) -> None:
        """Takes an event from the sidecar. Events of jobs that have ended are dropped."""
        name = getattr(message, "job", "")
        job = self._jobs.get(name)
        if job is None:
            return
        if isinstance(message, messages.Picture):
            self._take_picture(message, job)
        elif isinstance(message, messages.Progress):
            self._events.append(_progressed(message))
        else:
            self._end_by(message, name, job)

    def refuse(self, job: str, error: BaseException | None) -> None:
        """The sidecar did not take the job (or did, for None)."""
        if isinstance(error, AffektError):
            self._end(events.JobFailed(job=job, error=error))

    def lose(self, error: LinkError) -> None:
        """The sidecar is gone: all jobs end."""
        for job in list(self._jobs):
            self._end(events.JobFailed(job=job, error=error))

    def _end(self, event: events.JobEvent) -> None:
        with self._lock:
            if self._jobs.pop(event.job, None) is not None:
                self._events.append(event)

    def _end_by(self, message: Message, name: str, job: _Job) -> None:
        if isinstance(message, messages.BakeDone):
            try:
                self._end(_bake_finished(message, job.name))
            except AffektError as error:
                self._end(events.JobFailed(job=name, error=error))
        elif isinstance(message, messages.RenderDone) and job.folder is not None:
            paths = tuple(path for _, path in sorted(job.paths.items()))
            self._end(events.RenderFinished(job=name, folder=job.folder, paths=paths))
        elif isinstance(message, messages.JobFailed):
            error = make_error(message.code, message.message, message.remedy)
            self._end(events.JobFailed(job=name, error=error))

    def _take_picture(self, message: messages.Picture, job: _Job) -> None:
        if job.folder is None:
            return
        stem, suffix = ("frame", "exr") if message.kind == "exr" else (message.kind, "png")
        path = job.folder / frame_name(message.index, kind=stem, suffix=suffix)
        try:
            _write_whole(path, message.data)
        except OSError as error:
            self._send(messages.Cancel(job=message.job))
            self._end(events.JobFailed(job=message.job, error=_not_writable(path, error)))
            return
        if message.kind != "depth":
            job.paths[message.index] = path
        self._events.append(
            events.PictureWritten(
                job=message.job, index=message.index, kind=message.kind, path=path
            )
        )
        self._send(messages.Credit(job=message.job, count=1))


def _progressed(message: messages.Progress) -> events.JobProgressed:
    return events.JobProgressed(
        job=message.job, stage=message.stage, done=message.done, total=message.total,
        seconds_left=message.seconds_left,
    )  # fmt: skip


def _supersedes(event: events.JobEvent, older: events.JobEvent) -> bool:
    return (
        isinstance(event, events.JobProgressed)
        and isinstance(older, events.JobProgressed)
        and event.job == older.job
        and event.stage == older.stage
    )


def _bake_finished(message: messages.BakeDone, name: str) -> events.BakeFinished:
    stem = name.rpartition(".")[0] or name
    return events.BakeFinished(
        job=message.job,
        start=message.start,
        motion=to_motion(message),
        baked=Artefact(
            sha256=message.motion, kind="motion", name=f"{stem}.baked.npz",
            size=message.motion_size,
        ),
        take=Artefact(
            sha256=message.take, kind="motion", name=f"{stem}.take.npz", size=message.take_size
        ),
        vertices=None if message.vertices is None else Artefact(
            sha256=message.vertices, kind="vertices", name=f"{stem}.pc2",
            size=message.vertices_size,
        ),
    )  # fmt: skip


def _write_whole(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _not_writable(path: Path, error: OSError) -> InputError:
    return InputError(
        "file.not_writable",
        f"'{path}' cannot be written ({error.strerror or error}).",
        "Choose another place, or check its rights and the space left.",
    )
