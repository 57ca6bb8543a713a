# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client and a scripted sidecar say to each other about jobs."""

from __future__ import annotations

from pathlib import Path

from affekt.shared import conversions
from affekt.shared.artefact import Artefact
from affekt.shared.client import Client
from affekt.shared.emotion import constant_track
from affekt.shared.events import JobFailed
from affekt.shared.messages import BakeDone, Failure, Picture, Progress
from affekt.shared.pictures import PictureRequest

from .link import drain, make_take

TAKE = Artefact(sha256="a" * 64, kind="motion", name="take.json", size=10)
NO_JOB = Failure(code="link.no_job", message="There is no such job.", remedy="Start it again.")


def start_bake(client: Client, *, frames: int = 6) -> str:
    return client.start_bake(TAKE, constant_track(frames, 30, happy=1))


def start_render(client: Client, folder: Path, frames: int = 3) -> str:
    return client.start_render("open", TAKE, folder, PictureRequest(frames=range(frames)))


def bake_done(job: str) -> BakeDone:
    return BakeDone(
        **conversions.motion_fields(make_take(3)),
        job=job,
        start=2,
        motion="b" * 64,
        motion_size=1,
        take="c" * 64,
        take_size=2,
        vertices="d" * 64,
        vertices_size=3,
    )


def progress(job: str, done: int, stage: str = "modulate") -> Progress:
    return Progress(job=job, stage=stage, done=done, total=6)


def picture(job: str, number: int, data: bytes, *, offset: int = 0, size: int = 4) -> Picture:
    return Picture(
        job=job, number=number, index=number, kind="frame", size=size, offset=offset, data=data
    )


def failure_of(client: Client, job: str) -> JobFailed:
    failed = drain(client, job)[-1]
    assert isinstance(failed, JobFailed), failed
    return failed
