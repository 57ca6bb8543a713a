# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes, a chunk a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..bake.chunks import ChunkedBake
from ..motion.read import encode_motion
from . import inputs
from .services import BakeOutput, BakeSteps, BakeTask, JobStep

if TYPE_CHECKING:
    from ..cache.user import UserCache

_STAGE = "bake"


def bake(task: BakeTask, user: UserCache) -> BakeSteps:
    """See `Services.bake`. Raises InputError `file.*`, `motion.*`, `emotion.shape`, `frames.*`,
    `space.*`, `head.unknown`; JobError `job.disk`."""
    inputs.read_head(task.head)
    take = inputs.prepared(task.take)
    chunks = ChunkedBake(take, task.track, task.frames, user, with_vertices=task.wants_vertices)
    frames = range(len(take.motion)) if task.frames is None else task.frames
    yield JobStep(stage=_STAGE, done=0, total=len(frames))
    for chunk in chunks:
        yield JobStep(stage=_STAGE, done=chunk.done, total=chunk.total)
    result = chunks.finish()
    return BakeOutput(
        start=result.frames.start,
        motion=result.motion,
        motion_file=user.add(lambda file: file.write(encode_motion(result.motion))),
        take_file=user.add(lambda file: file.write(encode_motion(result.take_motion))),
        vertices_file=result.vertices,
    )
