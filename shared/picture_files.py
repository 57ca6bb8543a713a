# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a rendering's pictures, which arrive in pieces, into the user's folder.

Each is written beside its place under a name that ends in `.partial`, and renamed when it is
whole; the folder's ledger (`ledger.py`) then has the hash of its bytes. They come in one order, so
it is enough to count the whole ones to know where to go on.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from . import limits
from .errors import not_writable
from .ledger import Ledger
from .messages import Picture
from .pictures import frame_name
from .replacement import partial_path, replace_file
from .wire import misunderstood


@dataclass(slots=True)
class _Partial:
    """The picture that is being written: `file`, at `place`, until it gets its path."""

    first: Picture
    path: Path
    place: Path
    file: BinaryIO
    received: int = 0


class PictureFiles:
    """The pictures of one job. `take` runs on one thread, the others on any."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder. Raises InputError `file.not_writable`, also where something else than a
        file has the ledger's name."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(folder, error) from error
        self.folder = folder
        self._ledger = Ledger(folder)
        self._ledger.check_place()
        self.whole = 0
        """How many pictures are whole; they are the first ones."""
        self._frames: dict[int, Path] = {}
        self._partial: _Partial | None = None
        self._lock = threading.Lock()
        self._is_over = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """The whole pictures of frames, in order of frames; depth is no picture of its own."""
        return tuple(path for _, path in sorted(self._frames.items()))

    def take(self, piece: Picture) -> Path | None:
        """Writes the piece. The picture's path once it is whole, else None. Raises InputError
        `file.not_writable`, and LinkError `link.protocol` for a piece that is not the next."""
        try:
            with self._lock:
                return None if self._is_over else self._take(piece)
        finally:
            self._sweep()

    def rewind(self) -> None:
        """Drops the picture that is not whole: it will come again from its beginning."""
        with self._lock:
            self._drop_partial()

    def end(self) -> None:
        """No more pieces are wanted. Never waits for one that is being written."""
        self._is_over = True
        self._sweep()

    def _take(self, piece: Picture) -> Path | None:
        _check_order(piece, self.whole, self._partial)
        path = self._path(piece)
        try:
            if self._partial is None:
                place = partial_path(self.folder)
                self._partial = _Partial(piece, path, place, place.open("wb"))
            self._partial.file.write(piece.data)
            self._partial.received += len(piece.data)
            return self._finish() if self._partial.received == piece.size else None
        except OSError as error:
            self._drop_partial()
            raise not_writable(path, error) from error

    def _finish(self) -> Path:
        assert self._partial is not None
        partial = self._partial
        partial.file.flush()
        os.fsync(partial.file.fileno())
        partial.file.close()
        replace_file(partial.place, partial.path)
        self._ledger.note(partial.path)
        self._partial = None
        self.whole += 1
        if partial.first.kind != "depth":
            self._frames[partial.first.index] = partial.path
        return partial.path

    def _sweep(self) -> None:
        # Whoever holds the lock comes by here afterwards.
        if self._is_over and self._lock.acquire(blocking=False):
            try:
                self._drop_partial()
            finally:
                self._lock.release()

    def _drop_partial(self) -> None:
        if self._partial is not None:
            partial, self._partial = self._partial, None
            with contextlib.suppress(OSError):
                partial.file.close()
            with contextlib.suppress(OSError):
                partial.place.unlink(missing_ok=True)

    def _path(self, piece: Picture) -> Path:
        stem, suffix = ("frame", "exr") if piece.kind == "exr" else (piece.kind, "png")
        return self.folder / frame_name(piece.index, kind=stem, suffix=suffix)


def _check_order(piece: Picture, number: int, partial: _Partial | None) -> None:
    """Checks that the piece is the next one of picture `number`. Raises LinkError
    `link.protocol`."""
    received = 0 if partial is None else partial.received
    if (piece.number, piece.offset) != (number, received):
        raise misunderstood(
            f"picture {piece.number} came from byte {piece.offset} on, picture {number} from byte "
            f"{received} on was to come"
        )
    if partial is not None and _identity(piece) != _identity(partial.first):
        raise misunderstood(f"picture {number} became another one halfway")
    if piece.size > limits.MAX_FRAME_BYTES:
        raise misunderstood(f"picture {number} has {piece.size >> 20} MB, more than any can have")
    left = piece.size - received
    if len(piece.data) > left or (not piece.data and piece.size):
        raise misunderstood(f"a piece of picture {number} has {len(piece.data)} of {left} bytes")


def _identity(piece: Picture) -> tuple[int, str, int]:
    return piece.index, piece.kind, piece.size
