# SPDX-License-Identifier: GPL-3.0-or-later
"""Bakes, a chunk a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..adapter.kept import STEPS, adapter_steps
from ..bake.bake import BakeJob
from ..head.read import OPEN
from ..motion.read import encode_motion
from . import inputs
from .services import BakeOutput, BakeSteps, BakeTask, JobStep

if TYPE_CHECKING:
    from ..cache.user import UserCache

_STAGE, _ADAPTER_STAGE = "bake", "adapter"


def bake(task: BakeTask, user: UserCache) -> BakeSteps:
    """Bakes as `Services.bake` says. The first bake on a FLAME head makes its adapter, as a stage
    of its own. Raises InputError `file.*`, `motion.*`, `emotion.shape`, `frames.*`, `space.*`,
    `head.*`, `adapter.*`; JobError `job.disk`."""
    head = inputs.head_of(task.take.head)
    if head.space != OPEN:
        for done in adapter_steps(head, inputs.read_head(OPEN)):
            yield JobStep(stage=_ADAPTER_STAGE, done=done, total=STEPS)
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
        motion=result.motion if head.space == OPEN else result.take_motion,
        motion_file=user.add(lambda file: file.write(encode_motion(result.motion))),
        take_file=user.add(lambda file: file.write(encode_motion(result.take_motion))),
        vertices_file=vertices,
    )
