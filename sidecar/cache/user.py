# SPDX-License-Identifier: GPL-3.0-or-later
"""One user's part of the cache: artefacts named by the SHA-256 of their bytes, baked chunks, and
rendered pictures."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ...shared import limits, private_files
from ...shared.errors import LinkError
from ...shared.messages import ArtefactChunk, ArtefactState, Upload
from . import disk
from .parts import (
    Block,
    Manifest,
    Part,
    check_chunk,
    chunk_length,
    encode_manifest,
    read_blocks,
    read_manifest,
    write_chunk,
)
from .uploads import Uploads

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9a-f]{16,64}")
_PICTURE = re.compile(r"pictures(/[A-Za-z0-9_-]+)+\.(png|exr)")
ROOMS = ("artefacts", "chunks", "pictures")
"""The folders of a user's part in which the cache keeps files."""
_MOST_KNOWN = 65_536
_PARTS = ".parts"


class UserCache:
    """A user's files. Methods may be called from any thread; other processes may use the same
    folder at the same time. An entry that is damaged counts as absent and is removed.

    Every method raises JobError `job.disk` where the disk fails.
    """

    def __init__(self, folder: Path, on_growth: Callable[[int], None]) -> None:
        """on_growth: called with the bytes by which the cache has grown, or shrunk."""
        self.folder = folder
        self._on_growth = on_growth
        self._artefacts, self._chunks = folder / ROOMS[0], folder / ROOMS[1]
        self._uploads = Uploads(self._artefacts, on_growth)
        self._known: dict[Path, tuple[int, int, int]] = {}  # whole files: inode, size and time
        self._lock = threading.Lock()

    # --- artefacts --------------------------------------------------------------------------

    def state(self, sha256: str) -> ArtefactState:
        """How much of the artefact is here."""
        with disk.disk_errors():
            size = self._whole_size(sha256)
        if size is not None:
            return ArtefactState(sha256=sha256, received=size, is_complete=True)
        with self._lock:
            received = self._uploads.received(sha256)
        return ArtefactState(sha256=sha256, received=received, is_complete=False)

    def take(self, upload: Upload) -> ArtefactState:
        """Adds a piece of an upload; returns how much has arrived. A piece that does not follow
        the last one is not added. Raises LinkError `link.upload`, `link.hash`."""
        most = limits.ARTEFACT_BYTES.get(upload.kind, 0)
        if upload.size > most or upload.offset + len(upload.data) > upload.size:
            raise LinkError(
                "link.upload",
                f"{upload.name} is larger than announced, or than a file of its kind may be.",
                "Choose a smaller file.",
            )
        with disk.disk_errors():
            if self._whole_size(upload.sha256) is None:
                private_files.make_folder(self._artefacts)
                with self._lock:
                    path = self._uploads.take(upload)
                if path is not None:
                    self._know(path)
        return self.state(upload.sha256)

    def path(self, sha256: str, name: str) -> Path:
        """The file of a whole artefact. Raises LinkError `link.no_artefact` if it is not here, or
        made of parts (`add_parts`), which can only be read in pieces."""
        with disk.disk_errors():
            path = self._whole_file(sha256)
        if path is None:
            raise _no_artefact(name)
        return path

    def read(self, sha256: str, offset: int) -> ArtefactChunk:
        """A piece from `offset` on; empty behind the end. Raises LinkError `link.no_artefact`."""
        with disk.disk_errors():
            data = self._read(sha256, offset)
        if data is None:
            raise _no_artefact("this file")
        return ArtefactChunk(sha256=sha256, offset=offset, data=data)

    def add(self, write: Callable[[BinaryIO], object]) -> tuple[str, int]:
        """Adds the artefact that `write` writes; returns its SHA-256 and size."""

        def write_named(file: BinaryIO) -> str:
            write(file)
            return disk.hash_file(file)

        path, size = self._add_file(self._artefacts, write_named)
        return path.name, size

    def add_parts(
        self, header: bytes, parts: Sequence[Part], sha256: str | None = None
    ) -> tuple[str, int]:
        """Adds the artefact that consists of `header` and slices of chunks; returns its SHA-256
        and size. sha256: of those bytes, if it is known. Raises LinkError `link.no_artefact` if a
        chunk is not here any more."""
        manifest = Manifest(header=header, parts=tuple(parts))
        if sha256 is None:
            digest = hashlib.sha256(header)
            for part in parts:
                for data in self.part_blocks(part):
                    digest.update(data)
            sha256 = digest.hexdigest()
        name, encoded = f"{sha256}{_PARTS}", encode_manifest(header, parts)
        self._add_file(self._artefacts, lambda file: (file.write(encoded), name)[1])
        return sha256, manifest.size

    # --- chunks -----------------------------------------------------------------------------

    def chunk_path(self, key: str) -> Path:
        """The file of a chunk, which may not be there. Raises ValueError if that is no key."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"'{key}' is no key")
        return self._chunks / key

    def find_chunk(self, key: str, length: int | None = None) -> Part | None:
        """The chunk as one part, or None if it is not here. A chunk of another process is checked
        once; one that is damaged, or has not `length` bytes, is removed."""
        with disk.disk_errors():
            found = self._chunk_length(key)
            if found is not None and length not in (None, found):
                _remove_damaged(self.chunk_path(key), f"it has {found} bytes, not {length}")
                return None
        return None if found is None else Part(key=key, offset=0, length=found)

    def add_chunk(self, key: str, blocks: Iterable[Block]) -> Part:
        """Adds a chunk; its blocks may be made while they are written."""
        lengths: list[int] = []

        def write(file: BinaryIO) -> str:
            lengths.append(write_chunk(file, blocks))
            return self.chunk_path(key).name

        self._add_file(self._chunks, write)
        return Part(key=key, offset=0, length=lengths[0])

    def part_blocks(self, part: Part) -> Iterator[bytes]:
        """The part's bytes, block by block. Raises LinkError `link.no_artefact` if its chunk is
        not here any more."""
        with disk.disk_errors():
            try:
                with self.chunk_path(part.key).open("rb") as file:
                    yield from read_blocks(file, part.offset, part.length)
            except _ABSENT as error:
                raise _no_artefact("a baked chunk") from error

    # --- pictures ---------------------------------------------------------------------------

    def pictures(self, recipe: str) -> Path:
        """The folder for the pictures of this recipe (a fingerprint), made if need be. Marks the
        pictures in it as used now."""
        if not _KEY.fullmatch(recipe):
            raise ValueError(f"'{recipe}' is no fingerprint")
        folder = self.folder / ROOMS[2] / recipe
        with disk.disk_errors():
            private_files.make_folder(folder)
            for entry in os.scandir(folder):
                disk.touch(Path(entry.path))
        return folder

    def relative(self, picture: Path) -> str:
        """A picture's path below this user's folder. Raises ValueError unless it is in
        `pictures`."""
        place = picture.relative_to(self.folder).as_posix()
        self.file(place)
        return place

    def file(self, place: str) -> Path:
        """The picture at a place that `relative` gave. Raises ValueError for any other place."""
        if not _PICTURE.fullmatch(place):
            raise ValueError(f"'{place}' is no picture of the cache")
        return self.folder / place

    # --- inside -----------------------------------------------------------------------------

    def _add_file(self, folder: Path, write: Callable[[BinaryIO], str]) -> tuple[Path, int]:
        with disk.disk_errors():
            private_files.make_folder(folder)
            path = disk.write_file(folder, write)
            size = self._know(path)
        self._on_growth(disk.disk_bytes(size))
        return path, size

    def _whole_size(self, sha256: str) -> int | None:
        path = self._whole_file(sha256)
        try:
            if path is not None:
                return path.stat().st_size
            manifest = self._manifest(sha256)
            if manifest is None:
                return None
            for part in manifest.parts:
                self.chunk_path(part.key).stat()
        except _ABSENT:
            disk.remove(self._artefacts / f"{sha256}{_PARTS}")
            return None
        return manifest.size

    def _whole_file(self, sha256: str) -> Path | None:
        if not _SHA256.fullmatch(sha256):
            return None
        path = self._artefacts / sha256
        return path if self._is_whole(path, lambda file: _check_hash(file, sha256)) else None

    def _manifest(self, sha256: str) -> Manifest | None:
        """The manifest of an artefact of parts, whose chunks may be gone."""
        if not _SHA256.fullmatch(sha256):
            return None
        path = self._artefacts / f"{sha256}{_PARTS}"
        try:
            manifest = read_manifest(path)
        except FileNotFoundError:
            return None
        except ValueError as error:
            _remove_damaged(path, str(error))
            return None
        disk.touch(path)
        return manifest

    def _read(self, sha256: str, offset: int) -> bytes | None:
        path = self._whole_file(sha256)
        try:
            if path is not None:
                with path.open("rb") as file:
                    file.seek(offset)
                    return file.read(limits.CHUNK_BYTES)
            manifest = self._manifest(sha256)
            return None if manifest is None else self._read_parts(manifest, offset)
        except _ABSENT:
            return None

    def _read_parts(self, manifest: Manifest, offset: int) -> bytes | None:
        if offset == 0:  # the rest will be wanted too
            for part in manifest.parts:
                self._use(self.chunk_path(part.key))
        pieces: list[bytes] = []
        for piece in manifest.cut(offset, limits.CHUNK_BYTES):
            if isinstance(piece, bytes):
                pieces.append(piece)
            elif self._chunk_length(piece.key) is None:
                return None
            else:
                with self.chunk_path(piece.key).open("rb") as file:
                    pieces += read_blocks(file, piece.offset, piece.length)
        return b"".join(pieces)

    def _chunk_length(self, key: str) -> int | None:
        path = self.chunk_path(key)
        if not self._is_whole(path, check_chunk):
            return None
        try:
            with path.open("rb") as file:
                return chunk_length(file)
        except _ABSENT:
            return None

    def _is_whole(self, path: Path, check: Callable[[BinaryIO], None]) -> bool:
        """Whether the file is here and undamaged. It is checked at first, and whenever its time is
        not the one that this process gave it."""
        try:
            if not self._is_known(path):
                with path.open("rb") as file:
                    check(file)
                self._know(path)
            self._use(path)
        except FileNotFoundError:
            return False
        except ValueError as error:
            _remove_damaged(path, str(error))
            return False
        return True

    def _is_known(self, path: Path) -> bool:
        """Whether this process knows the file to be whole. Raises ValueError if its size has
        changed, OSError if it is not there."""
        status = path.stat()
        with self._lock:
            known = self._known.get(path)
        if known is not None and known[0] == status.st_ino and known[1] != status.st_size:
            raise ValueError("its size has changed")
        return known == (status.st_ino, status.st_size, status.st_mtime_ns)

    def _use(self, path: Path) -> None:
        """Marks the file as used now; if this process knows it to be whole, it still does."""
        is_known = self._is_known(path)
        disk.touch(path)
        if is_known:
            self._know(path)

    def _know(self, path: Path) -> int:
        """Notes that the file is whole; returns its size."""
        status = path.stat()
        with self._lock:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()  # each is only checked once more
            self._known[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return status.st_size


_ABSENT = (FileNotFoundError, ValueError)
"""Raised for a file that another process has removed or cut off since it was checked."""


def _check_hash(file: BinaryIO, sha256: str) -> None:
    if disk.hash_file(file) != sha256:
        raise ValueError("its hash is another")


def _remove_damaged(path: Path, reason: str) -> None:
    disk.log.warning("removed the damaged %s: %s", path.name, reason)
    disk.remove(path)


def _no_artefact(name: str) -> LinkError:
    return LinkError(
        "link.no_artefact",
        f"The sidecar does not have {name}.",
        "Import or bake it again: a sidecar keeps files only while its cache has room.",
    )
