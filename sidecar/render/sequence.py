# SPDX-License-Identifier: GPL-3.0-or-later
"""A shot as a folder of files: rendered and written at once, resumed, never half there."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.camera import Camera
from ...shared.errors import InputError, JobError
from ...shared.fingerprint import fingerprint
from ...shared.motion import Motion
from ...shared.pictures import Format, frame_name
from ..avatar.regions import kept_labels
from ..raster.colour import linear_light
from . import exr, images
from .frame import Frame, RenderOptions
from .passes import Cameras, Subject, cameras_by_frame, chosen_frames, frame_bytes, render_frames

WRITERS = 2
"""Threads that compress; both let the renderer run meanwhile."""
_WAITING_BYTES = 512 * 1024 * 1024
"""Frames that wait to be written hold no more than this, but for one."""
_MAX_WAITING = 4

Folder = Path | Callable[[str], Path]
"""A folder, or what makes one for a name: 40 hexadecimal digits that say of a shot, but for the
frames that are asked for, what its pictures show."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """What is rendered: a subject, a take in its space, cameras as `render_frames` takes them,
    and the passes. numbers: a row for each of the take's frames, by name, for the header."""

    subject: Subject
    motion: Motion
    cameras: Cameras
    options: RenderOptions = field(default_factory=RenderOptions)
    numbers: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """format: one EXR with every pass, or a PNG (and one for the depth) a frame. half: 16-bit
    floats in an EXR where they suffice. resume: whole files of the same recipe are kept."""

    format: Format = "exr"
    half: bool = True
    with_depth: bool = True
    resume: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedFrame:
    """The take's frame `index` is in `files`, the picture first. frame: as it was rendered, None
    if it was kept from before."""

    index: int
    files: tuple[Path, ...]
    frame: Frame | None


def save_sequence(
    shot: Shot,
    folder: Folder,
    options: FileOptions | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> Generator[SavedFrame, None, None]:
    """Renders a shot into a folder; yields each frame, in order, once it is on the disk.
    Closed, it ends once what is being written is whole.

    Frames are written while the next ones are rendered. Whatever ends it, each file is whole or
    not there, and those already there stay. Raises what `render_frames` raises, InputError
    `file.not_writable`, which names the frame, and JobError `job.cancelled` between frames.
    """
    steps = sequence_steps(shot, folder, options)
    return _saved(steps, is_cancelled or (lambda: False))


def sequence_steps(
    shot: Shot, folder: Folder, options: FileOptions | None = None
) -> Generator[SavedFrame | None, None, None]:
    """The same for who has other work to do in between: each step draws one frame at the most,
    and gives a frame that is on the disk, or None if none is yet."""
    return _Saver(shot, folder, options or FileOptions()).run()


def _saved(
    steps: Generator[SavedFrame | None, None, None], is_cancelled: Callable[[], bool]
) -> Generator[SavedFrame, None, None]:
    with contextlib.closing(steps):
        while not is_cancelled():
            try:
                saved = next(steps)
            except StopIteration:
                return
            if saved is not None:
                yield saved
        raise _cancelled()


class _Saver:
    def __init__(self, shot: Shot, folder: Folder, options: FileOptions) -> None:
        motion = shot.motion
        self._frames = tuple(chosen_frames(motion, shot.options))
        self._cameras = cameras_by_frame(shot.cameras, self._frames)
        self._shot, self._options = shot, options
        same = replace(shot.options, frames=None, device="cpu")
        self._recipe = fingerprint(shot.subject, motion, same, options.format, options.half)
        self._folder = folder if isinstance(folder, Path) else folder(self._name())
        self._kept = {i for i in self._frames if options.resume and self._is_there(i)}
        missing = tuple(i for i in self._frames if i not in self._kept)
        # Raises for a bad request before anything is made, also where nothing is missing.
        rest = replace(shot.options, frames=missing or self._frames[:1])
        self._rendered = render_frames(shot.subject, motion, self._cameras, rest, kept_labels)
        images.make_folder(self._folder)

    def _name(self) -> str:
        """Of all that the pictures of any of the take's frames depend on."""
        cameras = self._shot.cameras
        if not isinstance(cameras, Camera):
            cameras = dict(self._cameras)
        return fingerprint(self._recipe, cameras, dict(self._shot.numbers))

    def run(self) -> Generator[SavedFrame | None, None, None]:
        waiting: collections.deque[tuple[SavedFrame, Future[None] | None]] = collections.deque()
        with ThreadPoolExecutor(WRITERS, "affekt-writer") as pool:
            try:
                for index in self._frames:
                    frame = None if index in self._kept else next(self._rendered)
                    saved = SavedFrame(index=index, files=self._files(index), frame=frame)
                    done = None if frame is None else pool.submit(self._write, frame)
                    waiting.append((saved, done))
                    most = self._most_waiting(index)
                    first = waiting[0][1]
                    if len(waiting) <= most and first is not None and not first.done():
                        yield None
                        continue
                    yield self._finish(*waiting.popleft())
                    while len(waiting) > most:
                        yield self._finish(*waiting.popleft())
                while waiting:
                    yield self._finish(*waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def _most_waiting(self, index: int) -> int:
        size = frame_bytes(self._cameras[index], self._shot.options.passes)
        return min(_MAX_WAITING, _WAITING_BYTES // size)

    def _finish(self, saved: SavedFrame, done: Future[None] | None) -> SavedFrame:
        if done is not None:
            try:
                done.result()
            except InputError as error:
                raise InputError(
                    error.code,
                    f"Frame {saved.index} was not saved. {error.message}",
                    "Make room or choose another folder, and render again: what is there is kept.",
                ) from error
        return saved

    def _files(self, index: int) -> tuple[Path, ...]:
        if self._options.format == "exr":
            return (self._folder / frame_name(index, suffix="exr"),)
        kinds = ("frame", "depth") if self._options.with_depth else ("frame",)
        return tuple(self._folder / frame_name(index, kind=kind) for kind in kinds)

    def _is_there(self, index: int) -> bool:
        read = exr.recipe_of if self._options.format == "exr" else images.recipe_of
        recipe = self._recipe_of(index)
        return all(read(path) == recipe for path in self._files(index))

    def _recipe_of(self, index: int) -> str:
        own = self._cameras[index]
        cameras = [self._cameras.get(i, own) for i in (index - 1, index, index + 1)]
        if "vector" not in self._shot.options.passes:
            cameras = cameras[1:2]
        return fingerprint(self._recipe, index, cameras, self._numbers(index))

    def _numbers(self, index: int) -> dict[str, float]:
        return {name: float(row[index]) for name, row in self._shot.numbers.items()}

    def _write(self, frame: Frame) -> None:
        recipe = self._recipe_of(frame.index)
        if self._options.format == "png":
            with_depth = self._options.with_depth
            images.write_frame(self._folder, frame, with_depth=with_depth, recipe=recipe)
            return
        about = exr.About(
            fps=self._shot.motion.fps,
            recipe=recipe,
            camera=self._cameras[frame.index],
            numbers=self._numbers(frame.index),
        )
        exr.write_exr(self._files(frame.index)[0], frame, about, half=self._options.half)


def read_saved(path: Path) -> Float32Array:
    """(H, W, 4) linear light premultiplied by alpha of a frame's picture or EXR. Raises
    InputError `file.*`."""
    if path.suffix == ".exr":
        return exr.read_combined(path)
    picture = images.read_picture(path).astype(np.float32) / np.float32(255)
    alpha = np.ascontiguousarray(picture[..., 3])
    return linear_light((picture * alpha[..., None]).astype(np.float32), alpha).run()


def _cancelled() -> JobError:
    return JobError("job.cancelled", "The rendering was cancelled.", "Start it again.")
