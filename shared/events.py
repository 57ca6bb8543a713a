# SPDX-License-Identifier: GPL-3.0-or-later
"""What `Client.poll` tells about jobs and previews. Each job ends with exactly one event that
`ends_job`; of the previews of a view only the newest is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from .arrays import Float32Array, UInt8Array
from .artefact import Artefact
from .errors import AffektError
from .motion import Motion


class Event:
    """Base of all events."""

    __slots__ = ()
    ends_job: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobEvent(Event):
    """Something happened to the job `job`."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobProgressed(JobEvent):
    """`done` of `total` frames of `stage` (such as `modulation`, `vertices`, `pictures`).
    seconds_left: the sidecar's estimate, or None as long as it has none."""

    stage: str
    done: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureWritten(JobEvent):
    """A picture of the take's frame `index` lies at `path`, whole. kind: `frame`, `depth`
    or `exr`."""

    index: int
    kind: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakeFinished(JobEvent):
    """The bake's result: `motion` in the open head's space for the frames from `start` on.

    baked: the same motion as an artefact, ready for `Client.start_render`; take: the motion in
    the take's own space; vertices: the mesh cache (PC2), if it was wanted. `Client.download`
    fetches them.
    """

    ends_job: ClassVar[bool] = True
    start: int
    motion: Motion
    baked: Artefact
    take: Artefact
    vertices: Artefact | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderFinished(JobEvent):
    """All pictures are in `folder`: `paths` of the frames, in order."""

    ends_job: ClassVar[bool] = True
    folder: Path
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AvatarFinished(JobEvent):
    """The avatar of a photo, which `Client.download` fetches. said: which face it is of."""

    ends_job: ClassVar[bool] = True
    avatar: Artefact
    said: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobFailed(JobEvent):
    """The job ended without a result. `error.code` is `job.cancelled` after `Client.cancel`."""

    ends_job: ClassVar[bool] = True
    error: AffektError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreviewReady(Event):
    """Frame `frame` of the take with the emotions in it, for `view`. expression (100,) and jaw
    (3,) in the open head's space; vertices (V, 3) in metres, if they were wanted; pixels
    (H, W, 4), if a picture was: 8 bit, sRGB, straight alpha, top row first. numbers (n, 103):
    expression and jaw of the frames from `frame` on in the take's own space, if these were.
    request: what `Client.start_preview` returned for it."""

    view: int
    frame: int
    expression: Float32Array
    jaw: Float32Array
    vertices: Float32Array | None
    pixels: UInt8Array | None
    numbers: Float32Array | None = None
    request: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreviewFailed(Event):
    """The newest preview of `view` could not be made; nothing newer is under way."""

    view: int
    error: AffektError
