# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the worker's orders: frames in, frames out, without a socket."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ...shared import conversions, limits, messages, wire
from ...shared.described import described_message
from ...shared.errors import AffektError, InputError, LinkError
from ...shared.messages import Message
from ...shared.motion import FlameSpace, ReadOptions
from ...shared.wire import Frame
from . import failures, orders, preview_messages
from .services import (
    AvatarSource,
    BakeOutput,
    BakeTask,
    HeadSource,
    JobStep,
    LamFiles,
    PortraitTask,
    PreviewTask,
    RenderTask,
    Services,
    Take,
)

if TYPE_CHECKING:
    from ..cache.cache import Cache
    from ..cache.user import UserCache

_log = logging.getLogger("affekt.worker")
_SHORT: Mapping[str, type[Message]] = {
    request.TYPE: request
    for request in (
        messages.ReadMotion,
        messages.GetHead,
        messages.GetAvatar,
        messages.Calibrate,
        messages.Describe,
        messages.Preview,
    )
}
_JOBS: Mapping[str, type[Message]] = {
    request.TYPE: request for request in get_args(messages.JobRequest)
}
_LONGEST = 4000
"""Longest sentence of an error in characters, as in `messages.Failure`."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")

Steps = Generator[JobStep, None, Message]
"""A job's steps, the first with nothing done; returns the job's last event."""
Motioned = messages.ReadMotion | messages.Preview | messages.Bake | messages.Render


@dataclass(slots=True, eq=False)
class _Job:
    """A job that has begun. last: its newest step."""

    id: str
    user: UserCache
    steps: Steps
    last: JobStep


class Work:
    """Does a server's orders one at a time, with `services`, on the files in `cache`."""

    def __init__(self, services: Services, cache: Cache, lam: LamFiles | None = None) -> None:
        """lam: LAM's files; None where an avatar that LAM shall make is refused."""
        self._services = services
        self._cache, self._lam = cache, lam
        self._jobs: dict[str, _Job] = {}
        self._rings = preview_messages.PixelRings()

    def handle(self, frames: Sequence[Frame]) -> list[Frame] | None:
        """Does one order. Returns its reply, or None if it has none. Never raises."""
        try:
            order, inner = orders.unpack(frames, orders.ORDERS)
        except AffektError as error:
            _log.error("an order that cannot be read: %s", error.message)
            return None
        if isinstance(order, orders.Drop):
            self._drop(order.job)
            return None
        assert isinstance(order, orders.Answer | orders.Begin | orders.Step)
        try:
            return self._do(order, inner)
        except Exception as error:
            failure = failures.known(error, f"'{order.TYPE}'")
        # Here the exception is gone, and with it the data that its frames held.
        if not isinstance(order, orders.Answer):
            self._drop(order.job)
        if failure.code in failures.OUT_OF_MEMORY:
            self._services.forget()
        return orders.pack(refused(order.unit, failure, self._cache.root))

    def close(self) -> None:
        """Ends all jobs, and closes the clients' shared memory."""
        for job in tuple(self._jobs):
            self._drop(job)
        self._rings.close()

    def _do(
        self, order: orders.Answer | orders.Begin | orders.Step, inner: Sequence[Frame]
    ) -> list[Frame]:
        if isinstance(order, orders.Step):
            return self._step(order)
        user = self._cache.user(order.user)
        kinds = _SHORT if isinstance(order, orders.Answer) else _JOBS
        number, request = wire.decode_frames(inner, kinds)
        if isinstance(order, orders.Answer):
            answer = self._answer(request, user, order.pixels)
            return orders.pack(orders.Answered(unit=order.unit), wire.encode(answer, number))
        return self._begin(order, request, user)

    # --- short requests ----------------------------------------------------------------------

    def _answer(self, request: Message, user: UserCache, pixels: str | None) -> Message:
        if isinstance(request, messages.ReadMotion):
            options = ReadOptions(fps=request.fps, angles=request.angles, axes=request.axes)
            head = _head(request.head, request.head_space, user)
            take = replace(_take(request, user), options=options, head=head)
            read, space = self._services.read_take(take, request.space)
            fields = conversions.motion_fields(read.motion)
            notes = tuple(n[: limits.MAX_NOTE_LETTERS] for n in read.notes[: limits.MAX_NOTES])
            return messages.MotionRead(**fields, source_space=space, notes=notes)
        if isinstance(request, messages.GetHead):
            head = _head(request.name, request.head_space, user, request.file_name)
            return conversions.head_message(self._services.read_head(head))
        if isinstance(request, messages.GetAvatar):
            return self._services.read_avatar(_avatar(request, user))
        if isinstance(request, messages.Calibrate):
            found = self._services.calibrate(request)
            return messages.Calibrated(
                map=found.map, most=found.most, gaps=found.gaps, reach=found.reach
            )
        if isinstance(request, messages.Describe):
            return described_message(self._services.describe(request.text, request.fps))
        assert isinstance(request, messages.Preview)
        return self._preview(request, user, pixels)

    def _preview(
        self, request: messages.Preview, user: UserCache, pixels: str | None
    ) -> messages.Previewed:
        name = request.avatar_name or "the avatar"
        head = _head(request.head, request.head_space, user)
        # Every head that is no file's shows takes of the open head.
        named = head if head.path is not None else HeadSource()
        task = PreviewTask(
            take=replace(_take(request, user), head=named),
            track=conversions.to_track(request),
            first=request.first,
            frame=request.frame,
            frames=request.frames,
            head=request.head,
            wants_vertices=request.vertices,
            avatar=_optional(request.avatar, name, user),
            avatar_name=name,
            picture=conversions.to_view(request),
        )
        shown = self._services.preview(task)
        picture = preview_messages.PixelFields()
        if shown.pixels is not None:
            picture = self._rings.write(shown.pixels, pixels if request.is_shared else None)
        return preview_messages.answer_of(request, shown, picture)

    # --- jobs --------------------------------------------------------------------------------

    def _begin(self, order: orders.Begin, request: Message, user: UserCache) -> list[Frame]:
        self._drop(order.job)
        if isinstance(request, messages.Bake):
            steps = self._bake(request, user)
        elif isinstance(request, messages.CreateAvatar):
            steps = self._create_avatar(request, user)
        else:
            assert isinstance(request, messages.Render)
            steps = self._render(request, user)
        job = _Job(order.job, user, steps, next(steps))
        self._jobs[order.job] = job
        return orders.pack(_stepped(order.unit, job))

    def _step(self, order: orders.Step) -> list[Frame]:
        job = self._jobs.get(order.job)
        if job is None:
            raise LinkError("link.no_job", "There is no such job.", "Start it again.")
        try:
            job.last = next(job.steps)
        except StopIteration as end:
            del self._jobs[order.job]
            last = wire.encode(end.value)
            return orders.pack(_stepped(order.unit, job, is_last=True), last)
        return orders.pack(_stepped(order.unit, job))

    def _drop(self, job: str) -> None:
        dropped = self._jobs.pop(job, None)
        if dropped is None:
            return
        try:
            dropped.steps.close()
        except Exception:
            _log.exception("a job did not end as it should")

    def _bake(self, request: messages.Bake, user: UserCache) -> Steps:
        head = _head(request.head, request.head_space, user)
        task = BakeTask(
            take=replace(_take(request, user), head=head),
            track=conversions.to_track(request),
            frames=_frames(request.frames),
            wants_vertices=request.vertices,
        )
        output = yield from self._services.bake(task, user)
        return _bake_done(request.job, output)

    def _render(self, request: messages.Render, user: UserCache) -> Steps:
        name = request.avatar_name or "the avatar"
        head = _head(request.take_head, request.head_space, user)
        task = RenderTask(
            take=replace(_take(request, user), head=head),
            is_own_head=head.path is not None and request.head == request.take_head,
            avatar=_optional(request.avatar, name, user),
            avatar_name=name,
            head=request.head,
            pictures=conversions.to_request(request),
        )
        pictures = 0
        steps = self._services.render(task, user)
        try:
            for step in steps:
                pictures += len(step.files)
                yield step
        finally:
            steps.close()
        return messages.RenderDone(job=request.job, pictures=pictures)

    def _create_avatar(self, request: messages.CreateAvatar, user: UserCache) -> Steps:
        lam = None if request.backbone == "affekt" else self._need_lam(request)
        photo = user.path(request.photo, request.name)
        further = zip(request.more, request.more_names, strict=True)  # as many, or no job began
        task = PortraitTask(
            photo=photo,
            name=request.name,
            face=request.face,
            more=tuple((user.path(sha256, name), name) for sha256, name in further),
            head=_head(request.head, request.head_space, user),
            lam=lam,
        )
        made = yield from self._services.create_avatar(task, user)
        avatar, size = made.avatar_file
        said = _sentence(made.said)
        return messages.AvatarDone(job=request.job, avatar=avatar, avatar_size=size, said=said)

    def _need_lam(self, request: messages.CreateAvatar) -> LamFiles:
        """LAM's files. Raises InputError `option.backbone` without them, or for a request that LAM
        has no use for."""
        if self._lam is None:
            raise InputError(
                "option.backbone",
                "This sidecar was started without LAM's weights.",
                "Start it with them: affekt serve --lam-weights model.safetensors.",
            )
        if request.more or request.head != "open":
            raise InputError(
                "option.backbone",
                "LAM makes its avatar of one photo, on its own FLAME head.",
                "Give one photo and no head.",
            )
        return self._lam


def refused(unit: int, error: AffektError, folder: Path) -> orders.Refused:
    """The error as a reply, without paths of this machine. folder: the cache's, as in
    `failures.without_paths`."""
    message, remedy = (
        _sentence(failures.without_paths(text, folder)) for text in (error.message, error.remedy)
    )
    if message != error.message:
        _log.warning("%s", error)  # the log has the paths
    return orders.Refused(unit=unit, code=error.code, message=message, remedy=remedy)


def _sentence(text: str) -> str:
    """The text as a message may have it; an error may quote unprintable bytes of a file."""
    return _UNPRINTABLE.sub("?", text)[:_LONGEST]


def _stepped(unit: int, job: _Job, **how: bool) -> orders.Stepped:
    step = job.last
    files = () if how else step.files  # the last step was sent already
    return orders.Stepped(
        unit=unit,
        job=job.id,
        stage=step.stage,
        done=step.done,
        total=step.total,
        indices=(step.index,) * len(files),
        kinds=tuple(kind for kind, _ in files),
        files=tuple(job.user.relative(path) for _, path in files),
        **how,
    )


def _take(request: Motioned, user: UserCache) -> Take:
    return Take(
        path=user.path(request.motion, request.name),
        name=request.name,
        adapter=_optional(request.adapter, "the adapter", user),
    )


def _head(
    name: str, space: FlameSpace | None, user: UserCache, file_name: str | None = None
) -> HeadSource:
    """The head of that name; a FLAME file's is its SHA-256. Raises LinkError `link.no_artefact`."""
    if not _SHA256.fullmatch(name):
        return HeadSource(name=name)
    label = file_name or "the head's FLAME file"
    return HeadSource(name=label, path=user.path(name, label), space=space)


def _avatar(request: messages.GetAvatar, user: UserCache) -> AvatarSource:
    name, flame = request.name or "the avatar", None
    if request.flame is not None:
        flame = _head(request.flame, request.flame_space, user, "the FLAME file")
    return AvatarSource(path=_optional(request.avatar, name, user), name=name, flame=flame)


def _optional(sha256: str | None, name: str, user: UserCache) -> Path | None:
    return None if sha256 is None else user.path(sha256, name)


def _frames(bounds: tuple[int, int] | None) -> range | None:
    return None if bounds is None else range(*bounds)


def _bake_done(job: str, output: BakeOutput) -> messages.BakeDone:
    vertices = output.vertices_file or (None, 0)
    return messages.BakeDone(
        **conversions.motion_fields(output.motion),
        job=job,
        start=output.start,
        motion=output.motion_file[0],
        motion_size=output.motion_file[1],
        take=output.take_file[0],
        take_size=output.take_file[1],
        vertices=vertices[0],
        vertices_size=vertices[1],
    )
