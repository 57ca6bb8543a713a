# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders a shot into a folder of files, each complete; resumes an interrupted rendering."""

from __future__ import annotations

import collections
import contextlib
import random
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from ...shared.fingerprint import fingerprint
from ...shared.ledger import Ledger
from ...shared.pictures import frame_name
from ...shared.recipes import PictureRecipes
from ..avatar.regions import kept_labels
from ..cache.claim import Claim, is_claimed
from ..raster.colour import linear_light
from ..raster.parallel import thread_count
from . import exr, images
from .frame import Frame
from .passes import frame_bytes, render_frames
from .shot import Shot

WRITERS = min(max(thread_count(), 2), 6)
"""Threads that pack frames, one each; all let the renderer run meanwhile. Six keep up with what a
card draws; more would only fill memory."""
_WAITING_BYTES = 512 * 1024 * 1024
"""The most bytes of frames that wait to be written; one frame may always wait."""
_MAX_WAITING = WRITERS + 2
_CLAIM = ".affekt_rendering"
_PATIENCE_S, _PAUSE_S = 2.0, 0.2

Folder = Path | Callable[[str], Path]
"""A folder, or a function that makes one for the recipe of the whole take's pictures."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedFrame:
    """A frame on the disk. index: in the take. files: its files, the picture first. frame: as it
    was rendered; None if the files were kept from an earlier run."""

    index: int
    files: tuple[Path, ...]
    frame: Frame | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strangers:
    """How many frames in a folder are of another rendering, by the folder's ledger. replaced: those
    in whose place this rendering puts its own. left: those that stay beside them."""

    replaced: int = 0
    left: int = 0


def save_sequence(
    shot: Shot,
    folder: Path,
    *,
    resume: bool = True,
    on_strangers: Callable[[Strangers], None] | None = None,
) -> Generator[SavedFrame, None, None]:
    """Renders a shot into a folder; yields each frame, in order, once it is on the disk.
    When closed, it first completes the files that are being written.

    Frames are written while the next ones are rendered. However it ends, every file is complete,
    and earlier files stay. resume: undamaged files of the same recipe are kept, as the folder's
    ledger tells (`shared/ledger.py`). on_strangers: is told, before anything is rendered, of frames
    of another rendering in the folder, if there are any.
    Raises what `render_frames` raises, InputError `file.not_writable`, which names the frame, and
    `option.folder` while another process renders something else into the folder.
    """
    return _saved(_Saver(shot, folder, resume=resume), folder, on_strangers)


def sequence_steps(shot: Shot, folder: Folder) -> Generator[SavedFrame | None, None, None]:
    """`save_sequence` for a caller that does other work in between: each step draws at most one
    frame and yields a frame that is on the disk, or None if there is none yet."""
    return _Saver(shot, folder, resume=True).run()


def _saved(
    saver: _Saver, folder: Path, on_strangers: Callable[[Strangers], None] | None
) -> Generator[SavedFrame, None, None]:
    with contextlib.closing(_claim(folder, saver.recipe)), contextlib.closing(saver.run()) as steps:
        found = saver.find_strangers()
        if on_strangers is not None and found != Strangers():
            on_strangers(found)
        yield from (saved for saved in steps if saved is not None)


def _claim(folder: Path, recipe: str) -> Claim:
    """Claims the folder for pictures of this recipe. Any number of processes may render the same
    into it: each file is whole, and its bytes are the same whoever writes it."""
    mine, deadline = f"{_CLAIM}-{recipe}", time.monotonic() + _PATIENCE_S
    while True:
        claim = Claim(folder, mine)
        if not is_claimed(folder, _CLAIM, but_for=mine):
            return claim
        claim.close()  # of two that begin at once neither has seen the other go first
        if time.monotonic() > deadline:
            raise InputError(
                "option.folder",
                f"Another process is rendering something else into {folder}.",
                "Choose another folder, or wait until it has ended.",
            )
        time.sleep(_PAUSE_S * (0.5 + random.random()))


class _Saver:
    """Renders and writes the frames that have no undamaged files of the same recipe."""

    def __init__(self, shot: Shot, folder: Folder, *, resume: bool) -> None:
        self._shot, self._request = shot, shot.request
        self._frames = self._request.chosen_frames(len(shot.motion))
        self._recipes = PictureRecipes(fingerprint(shot.subject), shot.motion, self._request)
        self.recipe = self._recipes.of_take()
        """Of the whole take's pictures."""
        self._folder = folder if isinstance(folder, Path) else folder(self.recipe)
        self._resume = resume
        self._missing: collections.deque[int] = collections.deque()
        # Raises for a bad request before anything is made, also where nothing is missing.
        self._rendered = render_frames(shot, self._take_missing(), kept_labels)
        images.make_folder(self._folder)
        self._ledger = Ledger(self._folder)
        self._ledger.check_place()

    def find_strangers(self) -> Strangers:
        """The frames of another rendering, or of another take, that lie in the folder."""
        wanted, suffix = set(self._frames), self._request.format
        names = {frame_name(i, suffix=suffix): i for i in range(len(self._shot.motion))}
        replaced = left = 0
        for path in self._folder.glob(f"frame_*.{suffix}"):
            entry, index = self._ledger.entries.get(path.name), names.get(path.name)
            if entry is None or (index is not None and entry.recipe == self._recipe(index)):
                continue
            replaced += index in wanted
            left += index not in wanted
        return Strangers(replaced=replaced, left=left)

    def run(self) -> Generator[SavedFrame | None, None, None]:
        waiting: collections.deque[tuple[SavedFrame, Future[None] | None]] = collections.deque()
        frame_size = frame_bytes(self._request.camera_at(0), self._request.passes)
        most = min(_MAX_WAITING, _WAITING_BYTES // frame_size)
        with ThreadPoolExecutor(WRITERS, "affekt-writer") as pool:
            try:
                for index in self._frames:
                    frame = self._render_missing(index)
                    saved = SavedFrame(index=index, files=self._files(index), frame=frame)
                    done = None if frame is None else pool.submit(self._write, frame)
                    waiting.append((saved, done))
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
        if self._request.format == "exr":
            return (self._folder / frame_name(index, suffix="exr"),)
        kinds = ("frame", "depth") if "depth" in self._request.passes else ("frame",)
        return tuple(self._folder / frame_name(index, kind=kind) for kind in kinds)

    def _render_missing(self, index: int) -> Frame | None:
        """Renders the frame unless its files are there. One by one, since checking reads them."""
        if self._resume and self._is_there(index):
            return None
        self._missing.append(index)
        return next(self._rendered)

    def _take_missing(self) -> Iterator[int]:
        while self._missing:
            yield self._missing.popleft()

    def _is_there(self, index: int) -> bool:
        recipe = self._recipe(index)
        found = [self._ledger.find_whole(path) for path in self._files(index)]
        return all(entry is not None and entry.recipe == recipe for entry in found)

    def _write(self, frame: Frame) -> None:
        files = self._files(frame.index)
        if self._request.format == "png":
            images.write_frame(self._folder, frame, with_depth=len(files) > 1)
        else:
            about = exr.About(
                fps=self._shot.motion.fps,
                camera=self._request.camera_at(frame.index),
                numbers=self._request.emotions_at(frame.index),
            )
            half, codec = self._request.half, self._request.codec
            exr.write_exr(files[0], frame, about, half=half, codec=codec)
        self._note(files, self._recipe(frame.index))

    def _recipe(self, index: int) -> str:
        return self._recipes.of_frame(index)

    def _note(self, files: tuple[Path, ...], recipe: str) -> None:
        try:
            for path in files:
                self._ledger.note(path, recipe)
        except OSError as error:
            raise self._ledger.refusal(error) from error


def read_saved(path: Path) -> Float32Array:
    """(H, W, 4) linear light premultiplied by alpha of a frame's picture or EXR. Raises
    InputError `file.*`."""
    if path.suffix == ".exr":
        return exr.read_combined(path)
    picture = images.read_picture(path).astype(np.float32) / np.float32(255)
    alpha = np.ascontiguousarray(picture[..., 3])
    return linear_light((picture * alpha[..., None]).astype(np.float32), alpha).run()
