# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions that the worker calls (`Services`), and the records that go in and come out.

`main.real_services` fills in the real functions; tests fill in their own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ...shared.arrays import Float32Array, UInt8Array
from ...shared.avatar_messages import AvatarRead
from ...shared.calibration import Calibration
from ...shared.described import DescribedKeys
from ...shared.emotion import EmotionTrack
from ...shared.head import HeadModel
from ...shared.messages import Calibrate, PictureKind
from ...shared.motion import FlameSpace, Motion, ReadOptions, TakeRead, TakeSpace
from ...shared.pictures import PictureRequest

if TYPE_CHECKING:
    from ..cache.user import UserCache

Stored = tuple[str, int]
"""SHA-256 (hex) and size in bytes of an artefact in the user's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSource:
    """A head of a client's: the one called `name` that the sidecar has, or the FLAME file at
    `path`, which errors call `name`. space: of a FLAME file that does not tell its version."""

    name: str = "open"
    path: Path | None = None
    space: FlameSpace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A take of a client's: its file, the name for it in errors, an adapter file or None, and the
    head that it is for."""

    path: Path
    name: str
    adapter: Path | None
    options: ReadOptions = field(default_factory=ReadOptions)
    head: HeadSource = field(default_factory=HeadSource)


@dataclass(frozen=True, slots=True, kw_only=True)
class AvatarSource:
    """An avatar of a client's: its file, or None for the open head's own Gaussians; the name for it
    in errors; and the FLAME file that it sits on, or None."""

    path: Path | None
    name: str
    flame: HeadSource | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """A job's progress: `done` of `total` frames of `stage`. A rendering's step is frame `index`
    of the take, with its pictures in the user's cache as `files`."""

    stage: str
    done: int
    total: int
    index: int = 0
    files: tuple[tuple[PictureKind, Path], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakeTask:
    """The input of a bake, as in `messages.Bake`. frames: None for all."""

    take: Take
    track: EmotionTrack
    frames: range | None
    wants_vertices: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakeOutput:
    """A baked motion in space "open" from frame `start` on, and its files: the same motion, the
    motion in the space of the take's file, and the vertices (PC2) if they were wanted."""

    start: int
    motion: Motion
    motion_file: Stored
    take_file: Stored
    vertices_file: Stored | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderTask:
    """The input of a rendering, as in `messages.Render`. avatar: a file. head: a name. One of the
    two is None. is_own_head: the head that is drawn is the FLAME file that the take is on."""

    take: Take
    avatar: Path | None
    avatar_name: str
    head: str | None
    pictures: PictureRequest
    is_own_head: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LamFiles:
    """What LAM's network is made of here, files of whoever started the sidecar: its checkpoint, and
    what `affekt train lam` wrote, or None. unknown_allowed: whether the checkpoint may be another
    than the published one."""

    weights: Path
    emotion: Path | None = None
    unknown_allowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitTask:
    """The input of an avatar of a photo, as in `CreateAvatar`: the photo's file, the name for it in
    errors, which face, counted from 1, or None, further photos of the same person with their names,
    and the head that the avatar sits on. lam: for LAM's network, None for our own stages."""

    photo: Path
    name: str
    face: int | None
    more: tuple[tuple[Path, str], ...] = ()
    head: HeadSource = HeadSource()
    lam: LamFiles | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitOutput:
    """The avatar's file, and which face of the photo it is of."""

    avatar_file: Stored
    said: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreviewTask:
    """The input of a preview, as in `messages.Preview`. track: emotions of the take's frames from
    `first` on. frames: of how many, from `frame` on, the numbers in the take's own space are
    wanted. avatar: a file, or None for the head itself. picture: None for numbers alone."""

    take: Take
    track: EmotionTrack
    first: int
    frame: int
    frames: int = 0
    head: str
    wants_vertices: bool
    avatar: Path | None = None
    avatar_name: str = "the avatar"
    picture: PictureRequest | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreviewOutput:
    """One frame: expression (1, 100) and jaw (1, 3) in space "open", vertices (V, 3) in metres,
    pixels (H, W, 4) in 8-bit sRGB with straight alpha, top row first; and numbers (frames, 103) of
    those that were asked for."""

    expression: Float32Array
    jaw: Float32Array
    vertices: Float32Array | None = None
    pixels: UInt8Array | None = None
    numbers: Float32Array | None = None


class Compiling(Protocol):
    """A process that compiles; see `warming.Aside`."""

    def done(self) -> int | None: ...
    def end(self) -> None: ...


BakeSteps = Generator[JobStep, None, BakeOutput]
RenderSteps = Generator[JobStep, None, None]
PortraitSteps = Generator[JobStep, None, PortraitOutput]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Each raises an `AffektError` for a user's mistake; any other exception is a bug.

    bake, render and create_avatar are generators: the first step has nothing done and tells how
    many frames or stages there are; then follows one step for each. Closing them ends the job.
    """

    load: Callable[[], str]
    """Loads what every request needs; returns the device's name."""
    compile_aside: Callable[[], Compiling | None]
    """Begins to compile what is not compiled yet, in a process of its own; None if all is."""
    warm_up: Callable[[], Iterator[None]]
    """Does in advance, piece by piece, what would slow down the first requests."""
    forget: Callable[[], None]
    """Frees everything that is remembered (`sidecar/memory.py`)."""
    read_take: Callable[[Take, TakeSpace], tuple[TakeRead, str]]
    """The take in its head's space, or on the open head in the one that is wanted, and the space
    of its file."""
    read_head: Callable[[HeadSource], HeadModel]
    read_avatar: Callable[[AvatarSource], AvatarRead]
    """An avatar at rest, for a client that makes an object of it."""
    calibrate: Callable[[Calibrate], Calibration]
    """A character's calibration, from its arrays."""
    describe: Callable[[str, float], DescribedKeys]
    """The keys of words for a face, and the rate of the frames that they speak of."""
    preview: Callable[[PreviewTask], PreviewOutput]
    bake: Callable[[BakeTask, UserCache], BakeSteps]
    render: Callable[[RenderTask, UserCache], RenderSteps]
    create_avatar: Callable[[PortraitTask, UserCache], PortraitSteps]
