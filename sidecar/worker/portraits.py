# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars of photos, a stage in each step."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from ..avatar.affekt_avatar import encode_avatar
from ..portrait.create import STAGES
from ..portrait.making import Made, MakingSteps, make_steps
from .inputs import head_of
from .services import JobStep, PortraitOutput, PortraitSteps, PortraitTask

if TYPE_CHECKING:
    from ..cache.user import UserCache


def create_avatar(task: PortraitTask, user: UserCache) -> PortraitSteps:
    """Makes the avatar as `Services.create_avatar` says. Raises InputError `file.*`, `photo.*`,
    `option.missing_extra`, `head.*`, `adapter.*`; JobError `job.disk`."""
    more = [(path.read_bytes(), name) for path, name in task.more]
    steps = make_steps(
        task.photo.read_bytes(), task.name, task.face, more=more, head=head_of(task.head)
    )
    made = yield from _told(steps)
    data = encode_avatar(made.portrait.avatar)
    return PortraitOutput(avatar_file=user.add(lambda file: file.write(data)), said=made.said)


def _told(making: MakingSteps) -> Generator[JobStep, None, Made]:
    """The stages as steps of a job, on whose way a name has no spaces."""
    while True:
        try:
            stage = next(making)
        except StopIteration as end:
            return end.value
        done = STAGES.index(stage)
        yield JobStep(stage=stage.replace(" ", "-"), done=done, total=len(STAGES))
