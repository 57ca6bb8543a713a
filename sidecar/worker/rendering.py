# SPDX-License-Identifier: GPL-3.0-or-later
"""Renderings, a frame a step, kept in the user's cache under what they show."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError, JobError
from ...shared.messages import PictureKind
from ...shared.motion import Motion
from ...shared.pictures import PictureOptions
from ..cache.disk import CACHE_REMEDY
from ..head.read import OPEN
from ..render.frame import RenderOptions
from ..render.framing import default_camera
from ..render.passes import Subject
from ..render.place import on_head
from ..render.sequence import FileOptions, Shot, sequence_steps
from ..render.source import motion_for
from . import inputs
from .inputs import SubjectSource
from .services import JobStep, RenderSteps, RenderTask

if TYPE_CHECKING:
    from ..cache.user import UserCache

_STAGE = "pictures"


def render(task: RenderTask, user: UserCache) -> RenderSteps:
    """See `Services.render`. Frames of the same shot that are in the cache are not drawn again.
    Raises InputError `file.*`, `motion.*`, `avatar.*`, `option.*`, `frames.*`, `space.*`,
    `head.unknown`; JobError `job.disk`."""
    motion, adapter = inputs.motion_of(task.take)
    task.pictures.check_take(len(motion))
    named = SubjectSource(avatar=task.avatar, name=task.avatar_name, head=task.head or OPEN)
    subject = inputs.subject(named)
    shot, files = _as_shot(subject, motion_for(subject, motion, adapter), task.pictures)
    kinds: tuple[PictureKind, ...] = ("exr",) if files.format == "exr" else ("frame", "depth")
    total = len(motion) if shot.options.frames is None else len(shot.options.frames)
    with _disk_errors(), contextlib.closing(sequence_steps(shot, user.pictures, files)) as steps:
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
    """Who renders here has chosen no folder: what cannot be written is the cache's fault."""
    try:
        yield
    except InputError as error:
        if error.code != "file.not_writable":
            raise
        raise JobError("job.disk", error.message, CACHE_REMEDY) from error


def _as_shot(
    subject: Subject, motion: Motion, pictures: PictureOptions
) -> tuple[Shot, FileOptions]:
    """What a client asks for, as the renderer takes it. Cameras go by the take's frames, so that
    the motion vectors of a part of it see the frames around that part."""
    cameras = pictures.cameras or (default_camera(subject, *pictures.size),)
    numbers = pictures.weights
    shot = Shot(
        subject=subject,
        motion=motion,
        cameras=cameras[0] if len(cameras) == 1 else dict(enumerate(cameras)),
        options=RenderOptions(
            frames=pictures.frames,
            passes=pictures.passes,
            antialiased=pictures.antialiased,
            follow=pictures.follow,
            device="auto",
            world_from_head=pictures.world_from_head,
        ),
        numbers={} if numbers is None else dict(zip(EMOTIONS, numbers.T.tolist(), strict=True)),
    )
    files = FileOptions(
        format=pictures.format, half=pictures.half, with_depth="depth" in pictures.passes
    )
    if pictures.cameras:  # they are told in the axes of the head that the client's scene shows
        shot = on_head(shot, inputs.read_head(OPEN))
    return shot, files
