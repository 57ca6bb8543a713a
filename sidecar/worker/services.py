# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker asks of the other rooms, as a record of plain functions.

`real_services` wires the real ones; tests give their own. Tasks hold paths and plain records
only, so that they can go to another process as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...shared.arrays import Float32Array, UInt8Array
from ...shared.emotion import EmotionTrack
from ...shared.head import HeadModel
from ...shared.messages import PictureKind
from ...shared.motion import Motion
from ...shared.pictures import PictureRequest

if TYPE_CHECKING:
    from ..cache.user import UserCache

Stored = tuple[str, int]
"""An artefact in the user's cache: SHA-256 in hex, and size in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A take as the client named it: the file's bytes lie at `path`, `name` stands in errors,
    `adapter` is an adapter file or None."""

    path: Path
    name: str
    adapter: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """`done` of `total` frames of `stage`. A rendering's step is the take's frame `index`, whose
    pictures lie in `files`, in the user's cache."""

    stage: str
    done: int
    total: int
    index: int = 0
    files: tuple[tuple[PictureKind, Path], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakeTask:
    """See `messages.Bake`."""

    take: Take
    track: EmotionTrack
    head: str
    frames: range | None
    wants_vertices: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakeOutput:
    """Frames from `start` on in space "open", and artefacts of them: the same motion, the motion
    in the take's own space, and the vertices (PC2) if they were wanted."""

    start: int
    motion: Motion
    motion_file: Stored
    take_file: Stored
    vertices_file: Stored | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderTask:
    """See `messages.Render`. Exactly one of avatar (a file) and head (a name) is there."""

    take: Take
    avatar: Path | None
    avatar_name: str
    head: str | None
    pictures: PictureRequest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreviewTask:
    """See `messages.Preview`. track: the rows of the take's frames from `first` on. avatar: a
    file, or None for the head itself. picture: None for numbers alone."""

    take: Take
    track: EmotionTrack
    first: int
    frame: int
    head: str
    wants_vertices: bool
    avatar: Path | None = None
    avatar_name: str = "the avatar"
    picture: PictureRequest | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreviewOutput:
    """One frame in space "open": expression (1, 100), jaw (1, 3); vertices (V, 3) metres; pixels
    (H, W, 4), sRGB of 8 bit with straight alpha, top row first."""

    expression: Float32Array
    jaw: Float32Array
    vertices: Float32Array | None = None
    pixels: UInt8Array | None = None


BakeSteps = Generator[JobStep, None, BakeOutput]
RenderSteps = Generator[JobStep, None, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Each raises `AffektError` for what a user can do wrong; any other exception is a bug.

    bake and render are generators: what they yield first has nothing done and says how many
    frames there are, then comes a step for each chunk or frame; closed, they end.
    """

    load: Callable[[], str]
    """Loads what every request needs; the device's name."""
    warm_up: Callable[[], Iterator[None]]
    """Does once, piece by piece, what makes the first requests slow."""
    forget: Callable[[], None]
    """Frees what is only kept to be fast."""
    read_motion: Callable[[Take], tuple[Motion, str]]
    """The take in the open head's space, and the space of the file."""
    read_head: Callable[[str], HeadModel]
    preview: Callable[[PreviewTask], PreviewOutput]
    bake: Callable[[BakeTask, UserCache], BakeSteps]
    render: Callable[[RenderTask, UserCache], RenderSteps]


def real_services() -> Services:
    """The rooms' own functions; torch is loaded when the first of them is called."""
    from . import baking, previews, rendering, resident, warmth

    return Services(
        load=warmth.load,
        warm_up=warmth.warm_up,
        forget=resident.forget,
        read_motion=resident.read_motion,
        read_head=resident.read_head,
        preview=previews.preview,
        bake=baking.bake,
        render=rendering.render,
    )
