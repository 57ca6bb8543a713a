# SPDX-License-Identifier: GPL-3.0-or-later
"""What the workers do with a request. Nothing here knows a socket."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from ...shared import conversions, messages
from ...shared.errors import AffektError, JobError
from ...shared.messages import Message
from .job import Clock, Job, Outgoing, PictureFile, failed
from .services import BakeTask, RenderTask, Services, Take
from .store import Store

_log = logging.getLogger("affekt.server")
Emit = Callable[[Outgoing], None]


class Work:
    """The requests that take time, done with `services` on the files in `store`."""

    def __init__(self, services: Services, store: Store) -> None:
        self._services = services
        self._store = store

    def answer(self, request: Message) -> Message:
        """The answer to a request, or a `Failure`; never raises."""
        try:
            return self._answer(request)
        except AffektError as error:
            return failure(error)
        except Exception as error:
            return failure(_bug(error, f"'{request.TYPE}'"))

    def run(self, job: Job, request: Message, emit: Emit) -> None:
        """Does a job and emits its events, the last of which ends it; never raises."""
        if not job.try_start():
            return
        try:
            if isinstance(request, messages.Bake):
                emit(self._bake(job, request, emit))
            elif isinstance(request, messages.Render):
                emit(self._render(job, request, emit))
        except AffektError as error:
            emit(failed(job.id, error))
        except Exception as error:
            emit(failed(job.id, _bug(error, f"the {request.TYPE}")))

    def _answer(self, request: Message) -> Message:
        if isinstance(request, messages.FindArtefact):
            return self._store.state(request.sha256)
        if isinstance(request, messages.Upload):
            return self._store.take(request)
        if isinstance(request, messages.Download):
            return self._store.read(request.sha256, request.offset)
        if isinstance(request, messages.ReadMotion):
            motion, space = self._services.read_motion(self._take(request))
            return messages.MotionRead(**conversions.motion_fields(motion), source_space=space)
        if isinstance(request, messages.GetHead):
            return conversions.head_message(self._services.read_head(request.name))
        raise TypeError(f"no answer to {request.TYPE}")

    def _take(self, request: messages.ReadMotion | messages.Bake | messages.Render) -> Take:
        return Take(
            path=self._store.path(request.motion, request.name),
            name=request.name,
            adapter=self._optional(request.adapter, "the adapter"),
        )

    def _optional(self, sha256: str | None, name: str) -> Path | None:
        return None if sha256 is None else self._store.path(sha256, name)

    def _bake(self, job: Job, request: messages.Bake, emit: Emit) -> messages.BakeDone:
        clock = Clock(job.id)
        task = BakeTask(
            take=self._take(request), track=conversions.to_track(request), head=request.head,
            frames=_frames(request.frames),
        )  # fmt: skip
        output = self._services.bake(
            task, lambda *step: emit(clock.progress(*step)), job.is_cancelled
        )
        vertices = self._store.add(output.write_vertices)
        encode = self._services.encode_motion
        motion = self._store.add(lambda file: file.write(encode(output.motion)))
        take = self._store.add(lambda file: file.write(encode(output.take_motion)))
        _stop_if_cancelled(job)
        return messages.BakeDone(
            **conversions.motion_fields(output.motion), job=job.id, start=output.start,
            motion=motion[0], motion_size=motion[1], take=take[0], take_size=take[1],
            vertices=vertices[0], vertices_size=vertices[1],
        )  # fmt: skip

    def _render(self, job: Job, request: messages.Render, emit: Emit) -> messages.RenderDone:
        clock, pictures = Clock(job.id), 0
        task = RenderTask(
            take=self._take(request),
            avatar=self._optional(request.avatar, request.avatar_name or "the avatar"),
            avatar_name=request.avatar_name or "the avatar",
            head=request.head,
            pictures=conversions.to_pictures(request),
            folder=self._store.make_job_folder(job.id),
        )
        for rendered in self._services.render(task, job.is_cancelled):
            _stop_if_cancelled(job)
            for kind, path in rendered.files:
                emit(PictureFile(rendered.index, kind, path))
                pictures += 1
            emit(clock.progress("pictures", rendered.done, rendered.total))
        return messages.RenderDone(job=job.id, pictures=pictures)


def failure(error: AffektError) -> messages.Failure:
    """The error as an answer."""
    return messages.Failure(
        code=error.code, message=error.message[:4000], remedy=error.remedy[:4000]
    )


def _frames(bounds: tuple[int, int] | None) -> range | None:
    return None if bounds is None else range(*bounds)


def _stop_if_cancelled(job: Job) -> None:
    if job.is_cancelled():
        raise JobError("job.cancelled", "The job was cancelled.", "Start it again.")


def _bug(error: Exception, what: str) -> JobError:
    _log.exception("%s failed", what)
    return JobError(
        "job.failed",
        f"The sidecar failed at {what}: {type(error).__name__}.",
        "The reason is in the sidecar's log; please report it.",
    )
