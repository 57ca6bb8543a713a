# SPDX-License-Identifier: GPL-3.0-or-later
"""Renderings, one frame in each step, whose pictures are kept in the user's cache."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...shared.errors import InputError, JobError
from ...shared.messages import PictureKind
from ..cache.disk import CACHE_REMEDY
from ..head.read import OPEN
from ..render.sequence import sequence_steps
from ..render.shot import Subject, make_shot, motion_for, needs_adapter, on_head
from . import inputs
from .inputs import SubjectSource
from .learning import learn
from .services import JobStep, RenderSteps, RenderTask

if TYPE_CHECKING:
    from ..cache.user import UserCache

_STAGE = "pictures"


def render(task: RenderTask, user: UserCache) -> RenderSteps:
    """Renders as `Services.render` says. Frames of the same shot that are in the cache are not
    drawn again. A take on a FLAME head brings its own adapter. Raises InputError `file.*`,
    `motion.*`, `avatar.*`, `option.*`, `frames.*`, `space.*`, `head.*`, `adapter.*`; JobError
    `job.disk`."""
    read, adapter = inputs.source_of(task.take)
    motion = read.motion
    request = task.pictures
    head = inputs.head_of(task.take.head)
    if task.is_own_head:
        subject: Subject = head
    else:
        source = SubjectSource(
            avatar=task.avatar,
            name=task.avatar_name,
            head=task.head or OPEN,
            flame=None if task.avatar is None else inputs.flame_of(task.take),
        )
        subject = inputs.subject(source)
    if adapter is None and needs_adapter(subject, motion):
        yield from learn(head)
        adapter = inputs.adapter_of_head(head)
    if request.cameras:  # they are told in the axes of the head that the client's scene shows
        request = on_head(request, subject, head)
    shot = make_shot(subject, motion_for(subject, motion, adapter), request, "auto")
    kinds: tuple[PictureKind, ...] = ("exr",) if request.format == "exr" else ("frame", "depth")
    total = len(request.chosen_frames(len(motion)))
    with _disk_errors(), contextlib.closing(sequence_steps(shot, user.pictures)) as steps:
        done = 0
        yield JobStep(stage=_STAGE, done=done, total=total)
        for frame in steps:
            if frame is None:
                yield JobStep(stage=_STAGE, done=done, total=total)
                continue
            done += 1
            named_files = tuple(zip(kinds, frame.files, strict=False))  # a PNG may have no depth
            yield JobStep(
                stage=_STAGE, done=done, total=total, index=frame.index, files=named_files
            )


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """Turns `file.not_writable` into `job.disk`: the folder is the cache's, not the user's own."""
    try:
        yield
    except InputError as error:
        if error.code != "file.not_writable":
            raise
        raise JobError("job.disk", error.message, CACHE_REMEDY) from error
