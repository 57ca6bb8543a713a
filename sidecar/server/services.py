# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server asks of the other rooms, as a record of plain functions.

`real_services` wires the real ones; tests give their own. Tasks hold paths and plain records
only, so that they can go to another process as they are.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ...shared.emotion import EMOTIONS, EmotionTrack
from ...shared.errors import InputError
from ...shared.head import HeadModel
from ...shared.messages import PictureKind
from ...shared.motion import Motion
from ...shared.pictures import PictureOptions

if TYPE_CHECKING:
    from ..modulation.modulator import Modulator
    from ..motion.adapter import LinearAdapter
    from ..render.passes import Subject
    from ..render.sequence import FileOptions, Shot

OnProgress = Callable[[str, int, int], None]
"""Stage, done, total."""
IsCancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A take as the client named it: the file's bytes lie at `path`, `name` stands in errors,
    `adapter` is an adapter file or None."""

    path: Path
    name: str
    adapter: Path | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakeTask:
    """See `messages.Bake`."""

    take: Take
    track: EmotionTrack
    head: str
    frames: range | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BakeOutput:
    """Frames from `start` on: motion in space "open", take_motion in the take's own; and a
    function that writes the vertices (PC2), which may report progress and be cancelled."""

    start: int
    motion: Motion
    take_motion: Motion
    write_vertices: Callable[[BinaryIO], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderTask:
    """See `messages.Render`. Exactly one of avatar (a file) and head (a name) is there."""

    take: Take
    avatar: Path | None
    avatar_name: str
    head: str | None
    pictures: PictureOptions
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFiles:
    """Frame `index` of the take lies in the task's folder: (kind, file) for each picture, kinds
    as in `messages.Picture`."""

    index: int
    done: int
    total: int
    files: tuple[tuple[PictureKind, Path], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Each raises `AffektError` for what a user can do wrong; any other exception is a bug.

    bake and render call `is_cancelled` between chunks and then raise JobError `job.cancelled`.
    """

    read_motion: Callable[[Take], tuple[Motion, str]]
    """The take in the open head's space, and the space of the file."""
    read_head: Callable[[str], HeadModel]
    encode_motion: Callable[[Motion], bytes]
    bake: Callable[[BakeTask, OnProgress, IsCancelled], BakeOutput]
    render: Callable[[RenderTask, IsCancelled], Iterator[RenderedFiles]]


def real_services() -> Services:
    """The rooms' own functions; each imports what it needs when it is first called."""
    return Services(
        read_motion=_read_motion,
        read_head=_read_head,
        encode_motion=_encode_motion,
        bake=_bake,
        render=_render,
    )


_import_lock = threading.Lock()
"""Two threads that import torch at the same time may each see half of it."""


@functools.lru_cache(maxsize=2)
def _decode(take: Take) -> tuple[Motion, LinearAdapter | None]:
    with _import_lock:
        from ..motion.read import decode_motion

    motion = decode_motion(take.path.read_bytes(), take.name)
    return motion, _read_adapter(take.adapter)


def _read_adapter(path: Path | None) -> LinearAdapter | None:
    if path is None:
        return None
    with _import_lock:
        from ..motion.adapter import read_adapter
    try:
        return read_adapter(path)
    except InputError as error:
        # The file's name here is its hash, which tells the user nothing.
        message = error.message.replace(path.name, "the adapter")
        raise InputError(error.code, message, error.remedy) from error


def _read_head(name: str) -> HeadModel:
    if name != "open":  # `read_head` also takes paths, which never come from a client
        raise InputError(
            "head.unknown", f"The sidecar has no head called '{name}'.", "Use the head 'open'."
        )
    with _import_lock:
        from ..head.files import read_head
    return read_head(name)


def _read_motion(take: Take) -> tuple[Motion, str]:
    motion, adapter = _decode(take)
    with _import_lock:
        from ..motion.adapter import to_open
    return to_open(motion, _read_head("open"), adapter), motion.space


def _encode_motion(motion: Motion) -> bytes:
    with _import_lock:
        from ..motion.read import encode_motion
    return encode_motion(motion)


def _bake(task: BakeTask, on_progress: OnProgress, is_cancelled: IsCancelled) -> BakeOutput:
    with _import_lock:
        from ..bake.bake import bake
        from ..bake.pc2 import write_pc2

    motion, adapter = _decode(task.take)
    head = _read_head(task.head)
    result = bake(
        motion, task.track, head, adapter, _load_modulator(), task.frames,
        lambda progress: on_progress(progress.stage, progress.done, progress.total), is_cancelled,
    )  # fmt: skip

    def write_vertices(file: BinaryIO) -> None:
        write_pc2(
            file, result.vertices, points=result.vertex_count, samples=len(result.frames),
            start=result.frames.start,
        )  # fmt: skip

    return BakeOutput(
        start=result.frames.start, motion=result.motion, take_motion=result.take_motion,
        write_vertices=write_vertices,
    )  # fmt: skip


@functools.cache
def _load_modulator() -> Modulator:
    with _import_lock:
        from ..modulation.modulator import load_modulator
    return load_modulator()


def _render(task: RenderTask, is_cancelled: IsCancelled) -> Iterator[RenderedFiles]:
    with _import_lock:
        from ..raster.device import choose_rasteriser
        from ..render.sequence import save_sequence
        from ..render.source import motion_for

        choose_rasteriser("auto")  # who looks for a card imports torch

    motion, adapter = _decode(task.take)
    task.pictures.check_take(len(motion))
    subject = _read_subject(task)
    shot, files = _as_shot(subject, motion_for(subject, motion, adapter), task.pictures)
    kinds: tuple[PictureKind, ...] = ("exr",) if files.format == "exr" else ("frame", "depth")
    total = len(motion) if shot.options.frames is None else len(shot.options.frames)
    for done, saved in enumerate(save_sequence(shot, task.folder, files, is_cancelled), 1):
        named = tuple(zip(kinds, saved.files, strict=False))  # a PNG may come without its depth
        yield RenderedFiles(index=saved.index, done=done, total=total, files=named)


def _read_subject(task: RenderTask) -> Subject:
    with _import_lock:
        from ..avatar.open_avatar import OPEN_GAUSSIANS, open_avatar
        from ..avatar.read import decode_avatar
    if task.avatar is not None:
        try:
            return decode_avatar(task.avatar.read_bytes(), task.avatar_name)
        except InputError as error:
            raise _one_file(error) from error
    if task.head == OPEN_GAUSSIANS:
        return open_avatar(_read_head("open"))
    return _read_head(task.head or "open")


def _one_file(error: InputError) -> InputError:
    """A client gives one file: an avatar that needs its head beside it must be joined first."""
    if error.code != "avatar.needs_head":
        return error
    return InputError(
        error.code,
        error.message,
        "Make one file of the avatar and its head, and choose that: `affekt avatar convert "
        "--avatar FILE_OR_FOLDER --head FLAME_FILE --embed-head --out mine.safetensors`.",
    )


def _as_shot(
    subject: Subject, motion: Motion, pictures: PictureOptions
) -> tuple[Shot, FileOptions]:
    """What a client asks for, as the renderer takes it. Cameras go by the take's frames, so that
    the motion vectors of a part of it see the frames around that part."""
    with _import_lock:
        from ..render.frame import RenderOptions
        from ..render.framing import default_camera
        from ..render.place import on_head
        from ..render.sequence import FileOptions, Shot

    cameras = pictures.cameras or (default_camera(subject, *pictures.size),)
    numbers = pictures.weights
    shot = Shot(
        subject=subject, motion=motion,
        cameras=cameras[0] if len(cameras) == 1 else dict(enumerate(cameras)),
        options=RenderOptions(
            frames=pictures.frames, passes=pictures.passes, antialiased=pictures.antialiased,
            follow=pictures.follow, device="auto", world_from_head=pictures.world_from_head,
        ),
        numbers={} if numbers is None else dict(zip(EMOTIONS, numbers.T.tolist(), strict=True)),
    )  # fmt: skip
    files = FileOptions(
        format=pictures.format, half=pictures.half, with_depth="depth" in pictures.passes,
        resume=False,
    )  # fmt: skip
    if pictures.cameras:  # they are told in the axes of the head that the client's scene shows
        shot = on_head(shot, _read_head("open"))
    return shot, files
