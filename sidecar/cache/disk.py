# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes and removes files of the cache, which are private to their user and get their names only
once they are whole."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ...shared.errors import JobError
from ...shared.replacement import partial_name

CACHE_REMEDY = (
    "Make room on the sidecar's disk and check that it may write to its cache folder, or set "
    "AFFEKT_CACHE_DIR to another one. What is done is kept."
)
log = logging.getLogger("affekt.cache")
_HASHED = 1 << 20
_BLOCK = 4096
_BINARY = getattr(os, "O_BINARY", 0)  # Windows


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Turns an OSError into JobError `job.disk`."""
    try:
        yield
    except OSError as error:
        raise disk_error(error) from error


def disk_error(error: OSError) -> JobError:
    """JobError `job.disk`, without a path: its reader may sit at another machine."""
    return JobError(
        "job.disk",
        f"The sidecar cannot use its cache folder ({error.strerror or type(error).__name__}).",
        CACHE_REMEDY,
    )


def disk_bytes(length: int) -> int:
    """Bytes of disk that a file of this length takes, at least one block."""
    return max(-(-length // _BLOCK), 1) * _BLOCK


def new_partial(folder: Path) -> Path:
    """Makes an empty file, 0600, whose name tells which process writes it."""
    path = folder / partial_name()
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _BINARY, 0o600))
    return path


def write_file(folder: Path, write: Callable[[BinaryIO], str]) -> Path:
    """Writes a file by `write`, which returns its name and may read the file too. If anything
    fails, no file is left."""
    partial = new_partial(folder)
    try:
        with partial.open("r+b") as file:
            path = folder / write(file)
            file.flush()
            os.fsync(file.fileno())
        rename(partial, path)
        touch(path)
    finally:
        remove(partial)
    return path


def hash_file(file: BinaryIO) -> str:
    """SHA-256 of the whole file, in hex."""
    digest = hashlib.sha256()
    file.seek(0)
    while data := file.read(_HASHED):
        digest.update(data)
    return digest.hexdigest()


def rename(partial: Path, path: Path) -> None:
    """Gives a finished file its name. If another process was first, its file has the same bytes."""
    try:
        os.replace(partial, path)
    except PermissionError:  # Windows, while another process reads it
        if not path.exists():
            raise
        remove(partial)


def remove(path: Path) -> None:
    """Removes the file, if it is there and may be removed."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def touch(path: Path) -> None:
    """Marks the file as used now, by its time."""
    with contextlib.suppress(OSError):
        # Not the kernel's own time, which may be some milliseconds behind.
        now = time.time_ns()
        os.utime(path, ns=(now, now))
