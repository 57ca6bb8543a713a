# SPDX-License-Identifier: GPL-3.0-or-later
"""What we ask the sidecar for, as generators that yield progress until the answer is there.

A generator that is closed, because the animator pressed Esc, cancels its job in the sidecar.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...shared.emotion import EmotionTrack
from ...shared.events import BakeFinished, JobEvent, JobFailed, JobProgressed, RenderFinished
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ...shared.pictures import PASSES, Follow, PictureOptions
from ..camera import View
from ..motion.npz import encode_motion
from .session import Line
from .tasks import Progress

Answer = TypeVar("Answer")
Waiting = Generator[Progress, None, Answer]

_STAGES = {"modulation": "Emotion", "vertices": "Mesh", "pictures": "Pictures"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBytes:
    """A file's name, for error messages, and its bytes."""

    name: str
    data: bytes


def fetch_head(line: Line, name: str) -> Waiting[HeadModel]:
    """The head of this name."""
    return (yield from _call(line, lambda: line.client.get_head(name), "Loading the head"))


def read_motion(line: Line, take: FileBytes, adapter: FileBytes | None) -> Waiting[Motion]:
    """The take in the open head's space."""
    client = line.client

    def read() -> Motion:
        sent = client.upload(take.data, "motion", take.name)
        helper = None if adapter is None else client.upload(adapter.data, "adapter", adapter.name)
        return client.read_motion(sent, helper)

    return (yield from _call(line, read, f"Reading {take.name}"))


def bake(line: Line, motion: Motion, track: EmotionTrack, head: str) -> Waiting[Motion]:
    """The motion with the track's emotion in it."""
    data = encode_motion(motion)
    sent = yield from _call(
        line, lambda: line.client.upload(data, "motion", "take.npz"), "Sending the take"
    )
    start = lambda: line.client.start_bake(sent, track, head=head)  # noqa: E731
    done = yield from _run_job(line, start)
    assert isinstance(done, BakeFinished)  # the job's only other end is a failure
    return done.motion


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How pictures look. size: pixels an edge, where no camera says it. passes: of an EXR, beside
    colour and depth. follow: how Gaussians follow the surface, or None for as trained."""

    size: int
    is_exr: bool
    is_half: bool
    passes: tuple[str, ...]
    antialiased: bool
    follow: Follow | None

    @property
    def suffix(self) -> str:
        """Of the pictures' files."""
        return ".exr" if self.is_exr else ".png"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """What to render: an avatar or a head's name, as the scene sees it (one view a frame of the
    motion; None: the sidecar's portrait), these frames of the motion, into that folder. adapter:
    to the avatar's space, where it is not the open head's. weights: (T, 6) emotions of the
    motion's frames, which an EXR's header notes, or None."""

    subject: FileBytes | str
    adapter: FileBytes | None
    look: Look
    views: list[View] | None
    weights: NDArray[np.float32] | None
    frames: range
    folder: Path


def render(line: Line, motion: Motion, shot: Shot) -> Waiting[tuple[Path, ...]]:
    """The pictures' paths, one a frame asked for, in order."""
    data, client = encode_motion(motion), line.client

    def start() -> str:
        subject = shot.subject
        if isinstance(subject, FileBytes):
            subject = client.upload(subject.data, "avatar", subject.name)
        sent, helper = client.upload(data, "motion", "take.npz"), None
        if shot.adapter is not None:
            helper = client.upload(shot.adapter.data, "adapter", shot.adapter.name)
        options = _picture_options(shot)
        return client.start_render(subject, sent, shot.folder, options, adapter=helper)

    done = yield from _run_job(line, start)
    assert isinstance(done, RenderFinished)  # the job's only other end is a failure
    return done.paths


def _picture_options(shot: Shot) -> PictureOptions:
    """What to ask the sidecar for; an EXR always has colour and depth."""
    look, views = shot.look, shot.views
    wanted = {"combined", "depth", *look.passes} if look.is_exr else {"combined"}
    matrices = [np.eye(4)] if views is None else [view.world_from_head for view in views]
    return PictureOptions(
        width=look.size, height=look.size,
        cameras=() if views is None else tuple(view.camera for view in views),
        frames=shot.frames, passes=tuple(name for name in PASSES if name in wanted),
        format="exr" if look.is_exr else "png", half=look.is_half, antialiased=look.antialiased,
        follow=look.follow,
        world_from_head=matrices[0] if len(matrices) == 1 else np.stack(matrices),
        weights=shot.weights if look.is_exr else None,
    )  # fmt: skip


def _call(line: Line, call: Callable[[], Answer], text: str) -> Waiting[Answer]:
    return (yield from _wait(line.worker.submit(call), Progress(fraction=0.0, text=text)))


def _wait(future: Future[Answer], progress: Progress) -> Waiting[Answer]:
    while not future.done():
        yield progress
    return future.result()


def _run_job(line: Line, start: Callable[[], str]) -> Waiting[JobEvent]:
    """Starts a job and follows it to its end. Raises the AffektError that it ended with."""
    started = line.worker.submit(start)
    progress = Progress(fraction=0.0, text="Sending")
    try:
        job = yield from _wait(started, progress)
        progress = Progress(fraction=0.0, text="Waiting for the sidecar")
        while True:
            events = yield from _wait(line.worker.submit(line.client.poll), progress)
            for event in events:
                if event.job != job:
                    continue  # the late end of a job that was cancelled
                if isinstance(event, JobFailed):
                    raise event.error
                if event.ends_job:
                    return event
                if isinstance(event, JobProgressed):
                    progress = _describe(event)
            yield progress
    except GeneratorExit:
        line.worker.submit(lambda: line.client.cancel(started.result()))
        raise


def _describe(event: JobProgressed) -> Progress:
    left = "" if event.seconds_left is None else f", {event.seconds_left:.0f} s left"
    stage = _STAGES.get(event.stage, event.stage.capitalize())
    return Progress(
        fraction=event.done / max(event.total, 1), text=f"{stage} {event.done}/{event.total}{left}"
    )
