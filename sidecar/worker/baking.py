# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes, a chunk a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..bake.bake import BakeJob
from ..motion.read import encode_motion
from . import inputs
from .learning import learn
from .services import BakeOutput, BakeSteps, BakeTask, JobStep

if TYPE_CHECKING:
    from ..cache.user import UserCache

_STAGE = "bake"


def bake(task: BakeTask, user: UserCache) -> BakeSteps:
    """Bakes as `Services.bake` says. The first bake on a FLAME head makes its adapter, as a stage
    of its own. Raises InputError `file.*`, `motion.*`, `emotion.shape`, `frames.*`, `space.*`,
    `head.*`, `adapter.*`; JobError `job.disk`."""
    head = inputs.head_of(task.take.head)
    yield from learn(head)
    take = inputs.prepared(task.take)
    job = BakeJob(take, task.track, task.frames, user, with_vertices=task.wants_vertices)
    yield JobStep(stage=_STAGE, done=0, total=len(job.frames))
    for chunk in job:
        yield JobStep(stage=_STAGE, done=chunk.done, total=chunk.total)
    result, vertices = job.finish(), None
    if result.vertices is not None:
        pc2 = result.vertices
        vertices = user.add_parts(pc2.header, pc2.parts, pc2.sha256)
    return BakeOutput(
        start=result.frames.start,
        motion=result.motion,
        motion_file=user.add(lambda file: file.write(encode_motion(result.motion))),
        take_file=user.add(lambda file: file.write(encode_motion(result.take_motion))),
        vertices_file=vertices,
    )
