# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars of photos, a stage in each step; by LAM's network, a layer in each."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from ..avatar.affekt_avatar import encode_avatar
from ..lam.making import LamOptions, count_steps
from ..lam.making import make_steps as make_lam_steps
from ..lam.run import Progress
from ..portrait.create import STAGES
from ..portrait.making import Made, MakingSteps, make_steps
from .inputs import head_of
from .services import JobStep, LamFiles, PortraitOutput, PortraitSteps, PortraitTask

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar
    from ..cache.user import UserCache


def create_avatar(task: PortraitTask, user: UserCache) -> PortraitSteps:
    """Makes the avatar as `Services.create_avatar` says. Raises InputError `file.*`, `photo.*`,
    `option.missing_extra`, `head.*`, `adapter.*`; JobError `job.disk`, `job.memory`."""
    if task.lam is not None:
        avatar, said = yield from _create_by_lam(task, task.lam)
    else:
        avatar, said = yield from _create(task)
    data = encode_avatar(avatar)
    return PortraitOutput(avatar_file=user.add(lambda file: file.write(data)), said=said)


def _create(task: PortraitTask) -> Generator[JobStep, None, tuple[Avatar, str]]:
    more = [(path.read_bytes(), name) for path, name in task.more]
    steps = make_steps(
        task.photo.read_bytes(), task.name, task.face, more=more, head=head_of(task.head)
    )
    made = yield from _told(steps)
    return made.portrait.avatar, made.said


def _create_by_lam(
    task: PortraitTask, files: LamFiles
) -> Generator[JobStep, None, tuple[Avatar, str]]:
    options = LamOptions(
        weights=files.weights, emotion=files.emotion, unknown_weights=files.unknown_allowed
    )
    steps = make_lam_steps(task.photo.read_bytes(), task.name, task.face, options)
    total, done = count_steps(options), 0
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value.avatar, end.value.said
        yield JobStep(stage=_stage(step), done=done, total=total)
        done += 1


def _stage(step: Progress) -> str:
    """A step's name without what a job's stage may not hold."""
    return step.stage.replace(" ", "-")


def _told(making: MakingSteps) -> Generator[JobStep, None, Made]:
    """The stages as steps of a job, on whose way a name has no spaces."""
    while True:
        try:
            stage = next(making)
        except StopIteration as end:
            return end.value
        done = STAGES.index(stage)
        yield JobStep(stage=stage.replace(" ", "-"), done=done, total=len(STAGES))
