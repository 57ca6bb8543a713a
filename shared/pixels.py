# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels between processes of one machine: a few slots in a memory-mapped file.

    ring = PixelRing.create(slots=4, slot_bytes=1 << 20)        # server; tells name and token
    written = PixelRing.open(name, token).write(pixels)         # worker
    pixels = PixelRing.open(name, token).read(                  # client
        written.slot, written.sequence, written.checksum, height, width
    )

The file, `affekt-PID-RANDOM`, readable by its user alone; numbers in the machine's own order:

       0  magic "AFFEKTPX" | version u32 | slots u32 | slot_bytes u64 | token 32 bytes | zeros
      64  slot 0: count u64 | size u64 | zeros
     128  slot 1: count u64 | size u64 | zeros           64 bytes each
     ...
    4096  the pixels of slot 0, `size` of `slot_bytes`
          the pixels of slot 1                           slot_bytes each, rounded up to 64
     ...

The n-th writing goes into slot (n - 1) mod slots. Its count is 2n - 1 while the pixels are being
written and 2n when they are there: a reader that finds another number before or after its copy
knows that the slot has been used again. That is all the counts are good for. What proves the
pixels is their SHA-256, which comes over the encrypted wire and is checked on the copy; so
whoever can write the file can spoil a picture and can never pass off another one.

A name from the wire is a name, never a path. Not `multiprocessing.shared_memory`: its resource
tracker is a process of its own, started from `sys.executable`, which may be Blender.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import mmap
import os
import re
import secrets
import stat
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import limits
from .alive import is_process_alive
from .arrays import UInt8Array
from .connection import RUNTIME_SETTING, default_runtime_folder, make_private_folder
from .errors import LinkError
from .private_files import is_open_to_others, is_own

_MAGIC = b"AFFEKTPX"
_VERSION = 1
_HEADER = struct.Struct("=8sIIQ32s")
_TABLE = 64
_ENTRY_BYTES = 64
_ENTRY_WORDS = _ENTRY_BYTES // 8
_DATA = 4096
_NAME = re.compile(r"affekt-([1-9][0-9]{0,9})-[0-9a-f]{16}")
_SHARED_MEMORY = Path("/dev/shm")
_PLAIN = "Previews go on without it, a little slower."
# A processor may show another one's counts before its pixels; a second look sees both.
_LOOKS = 2
# What a message's number may be at most.
_MOST_WRITINGS = 2**53


class PixelsError(LinkError):
    """The shared memory cannot be used: `link.pixels`. Pixels can always go over the wire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where pixels were written: slot 0.., the number of writings so far, and the SHA-256 of the
    pixels in hex."""

    slot: int
    sequence: int
    checksum: str


def default_pixel_folder() -> Path:
    """Where rings are, for both sides: memory where the system has a folder for it, else the
    user's runtime folder."""
    if sys.platform == "linux" and os.access(_SHARED_MEMORY, os.R_OK | os.W_OK | os.X_OK):
        return _SHARED_MEMORY
    return default_runtime_folder()


class PixelRing:
    """A ring of slots. One process creates it and removes it, one at a time writes, any read.
    Every method raises PixelsError `link.pixels`. One thread at a time."""

    def __init__(self, path: Path, memory: mmap.mmap, slots: int, slot_bytes: int) -> None:
        """For a file that is checked already; use `create` or `open`."""
        self.name = path.name
        self.slots = slots
        self.slot_bytes = slot_bytes
        self._path = path
        self._memory = memory
        self.token = _HEADER.unpack_from(memory)[4].hex()
        """64 hexadecimal digits that are in this ring alone."""
        table = memoryview(memory)[_TABLE : _TABLE + slots * _ENTRY_BYTES]
        # Words are read and written in one piece; `struct` would go byte by byte.
        self._table = table.cast("Q")
        self._is_closed = False
        self._written = (max(self._table[::_ENTRY_WORDS].tolist()) + 1) // 2

    @classmethod
    def create(cls, slots: int, slot_bytes: int, *, folder: Path | None = None) -> PixelRing:
        """A new ring; its memory is taken at once, so that none can lack later."""
        _check_sizes(slots, slot_bytes)
        path = (folder or _made_default_folder()) / f"affekt-{os.getpid()}-{secrets.token_hex(8)}"
        size = _file_size(slots, slot_bytes)
        header = _HEADER.pack(_MAGIC, _VERSION, slots, slot_bytes, secrets.token_bytes(32))
        try:
            handle = os.open(path, _flags(os.O_CREAT | os.O_EXCL), 0o600)
        except OSError as error:
            raise _unusable(f"it cannot be made in {path.parent} ({error.strerror})") from error
        try:
            _reserve(handle, size)
            memory = _map(handle, size)
        except OSError as error:
            _unlink(path)
            raise _unusable(f"{path.parent} has no room for it ({error.strerror})") from error
        finally:
            os.close(handle)
        memory[: len(header)] = header
        return cls(path, memory, slots, slot_bytes)

    @classmethod
    def open(cls, name: str, token: str | None = None, *, folder: Path | None = None) -> PixelRing:
        """The ring of that name, if it bears that token (any, if None)."""
        if not _NAME.fullmatch(name):
            raise _unusable("that is no name of shared memory")
        path = (folder or default_pixel_folder()) / name
        try:
            handle = os.open(path, _flags(0))
        except (OSError, ValueError) as error:
            raise _unusable("it is not there, or may not be opened") from error
        try:
            slots, slot_bytes, found = _read_header(handle)
            if token is not None and not hmac.compare_digest(found.hex(), token.lower()):
                raise _unusable("it is another one than announced")
            memory = _map(handle, _file_size(slots, slot_bytes))
        except (OSError, ValueError) as error:
            raise _unusable("it cannot be mapped") from error
        finally:
            os.close(handle)
        return cls(path, memory, slots, slot_bytes)

    def write(self, pixels: UInt8Array) -> Slot:
        """Puts pixels (of any shape) into the slot that was written longest ago."""
        data = np.ascontiguousarray(pixels, np.uint8).reshape(-1)
        if data.size > self.slot_bytes:
            raise _unusable(f"{data.size} bytes do not fit into {self.slot_bytes}")
        self._check_memory()
        if self._written >= _MOST_WRITINGS:
            raise _unusable("its counts are damaged")
        slot, entry = self._written % self.slots, self._written % self.slots * _ENTRY_WORDS
        self._written += 1
        self._table[entry] = 2 * self._written - 1
        self._table[entry + 1] = data.size
        self._view(slot, data.size)[:] = data
        self._table[entry] = 2 * self._written
        checksum = hashlib.sha256(data.data).hexdigest()
        return Slot(slot=slot, sequence=self._written, checksum=checksum)

    def read(
        self, slot: int, sequence: int, checksum: str, height: int, width: int
    ) -> UInt8Array | None:
        """(height, width, 4), a copy; None if the slot has been written again since."""
        size = height * width * 4
        if not (0 <= slot < self.slots and 0 <= size <= self.slot_bytes):
            raise _unusable("no such slot, or no such size")
        for _ in range(_LOOKS):
            data = self._copy(slot, sequence, size)
            if data is None:
                return None
            if hmac.compare_digest(hashlib.sha256(data.data).hexdigest(), checksum):
                return data.reshape(height, width, 4)
        raise _unusable("its pixels are not those that were sent")

    @property
    def is_removed(self) -> bool:
        """Whether its creator has removed the file; the memory is free once all have closed it."""
        return not self._path.exists()

    def close(self) -> None:
        """Frees the memory; the file stays. May be called twice."""
        if not self._is_closed:
            self._is_closed = True
            self._table.release()
            self._memory.close()

    def remove(self) -> None:
        """Closes, and removes the file; other processes that have it open may go on. May be called
        twice."""
        self.close()
        _unlink(self._path)

    def _copy(self, slot: int, sequence: int, size: int) -> UInt8Array | None:
        self._check_memory()
        entry = slot * _ENTRY_WORDS
        if self._table[entry] != 2 * sequence:
            return None
        if self._table[entry + 1] != size:
            raise _unusable("its pixels have another size than announced")
        data = self._view(slot, size).copy()
        return data if self._table[entry] == 2 * sequence else None

    def _view(self, slot: int, size: int) -> UInt8Array:
        start = _DATA + slot * _stride(self.slot_bytes)
        return np.frombuffer(self._memory, np.uint8, size, start)

    def _check_memory(self) -> None:
        if self._is_closed:
            raise _unusable("it is closed")
        # Touching pages that a file has lost ends the process.
        if self._memory.size() < len(self._memory):
            raise _unusable("its file was cut")


def remove_orphans(folder: Path | None = None) -> int:
    """Removes the rings of processes that have ended (by default in `default_pixel_folder`), and
    says how many; those of other users stay."""
    return sum(_unlink(path) for path in find_orphans(folder))


def find_orphans(folder: Path | None = None) -> list[Path]:
    """The files that `remove_orphans` would remove."""
    try:
        paths = sorted((folder or default_pixel_folder()).iterdir())
    except OSError:
        return []
    return [path for path in paths if _is_orphan(path)]


def _is_orphan(path: Path) -> bool:
    named = _NAME.fullmatch(path.name)
    if named is None or is_process_alive(int(named[1])):
        return False
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and is_own(status)


def _made_default_folder() -> Path:
    folder = default_pixel_folder()
    if folder == default_runtime_folder():
        make_private_folder(folder, RUNTIME_SETTING)
    return folder


def _check_sizes(slots: int, slot_bytes: int) -> None:
    if not 1 <= slots <= limits.MAX_PIXEL_SLOTS:
        raise _unusable(f"{slots} slots are too few or too many")
    if not 1 <= slot_bytes <= limits.MAX_PIXEL_SLOT_BYTES:
        raise _unusable(f"slots of {slot_bytes} bytes are too small or too large")


def _stride(slot_bytes: int) -> int:
    return -(-slot_bytes // 64) * 64


def _file_size(slots: int, slot_bytes: int) -> int:
    return _DATA + slots * _stride(slot_bytes)


def _flags(more: int) -> int:
    # Not every system has all of these.
    kinds = ("O_NOFOLLOW", "O_BINARY", "O_NONBLOCK")
    return os.O_RDWR | more | sum(getattr(os, kind, 0) for kind in kinds)


def _reserve(handle: int, size: int) -> None:
    """Takes the blocks now: a sparse file that finds none later ends the process that writes."""
    if sys.platform == "linux":
        try:
            os.posix_fallocate(handle, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
    zeros = bytes(min(size, 1 << 20))
    while size > 0:
        size -= os.write(handle, zeros[: min(size, len(zeros))])


def _map(handle: int, size: int) -> mmap.mmap:
    return mmap.mmap(handle, size, access=mmap.ACCESS_WRITE)


def _read_header(handle: int) -> tuple[int, int, bytes]:
    """(slots, slot_bytes, token) of a file that is a ring of this user's, whole and private."""
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or not is_own(status):
        raise _unusable("it is not a file of yours")
    if is_open_to_others(status):
        raise _unusable("others may open it")
    header = os.read(handle, _HEADER.size)
    if len(header) < _HEADER.size:
        raise _unusable("its file was cut")
    magic, version, slots, slot_bytes, token = _HEADER.unpack(header)
    if magic != _MAGIC or version != _VERSION:
        raise _unusable("it is of another kind or version")
    _check_sizes(slots, slot_bytes)
    if status.st_size != _file_size(slots, slot_bytes):
        raise _unusable("its file has another size than it says")
    return slots, slot_bytes, token


def _unlink(path: Path) -> bool:
    with contextlib.suppress(OSError):
        path.unlink()
        return True
    return False


def _unusable(reason: str) -> PixelsError:
    return PixelsError("link.pixels", f"The shared memory cannot be used: {reason}.", _PLAIN)
