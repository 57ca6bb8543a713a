# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that only their user may read: 0600, in folders of 0700.

Every function raises plain OSError; the caller tells the user what it means. Windows keeps a
profile's folders private by rights of its own, and its modes say nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from .replacement import partial_path, replace_file

MAX_FILE_BYTES = 64 * 1024


class NotPrivateError(PermissionError):
    """Others may read the file, or it is theirs."""


def is_own(status: os.stat_result) -> bool:
    """Whether a file is this user's; on Windows always true."""
    return os.name != "posix" or status.st_uid == os.getuid()


def is_open_to_others(status: os.stat_result) -> bool:
    """Whether other users may read, write or run a file; on Windows always false."""
    return os.name == "posix" and status.st_mode & 0o077 != 0


def make_folder(folder: Path) -> None:
    """Makes the folder, and those above it that are missing, for their user alone. One that is
    there and open to others is closed to them only while nothing is in it.

    Raises NotPrivateError if it is another user's, or open to others and in use.
    """
    if not folder.parent.exists():
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    status = folder.stat()
    if not is_own(status):
        raise NotPrivateError(f"{folder} belongs to another user")
    if os.name == "posix" and is_open_to_others(status):
        if any(folder.iterdir()):
            raise NotPrivateError("other users may enter it, and things are in it")
        folder.chmod(0o700)


def write(path: Path, text: str) -> None:
    """Writes ASCII text, under its name only once it is whole; an older file is replaced."""
    partial = partial_path(path.parent)
    write_new(partial, text)
    with _removed_on_failure(str(partial)):
        replace_file(partial, path)


def write_new(path: Path, text: str) -> None:
    """Writes ASCII text to a new file. Raises FileExistsError where the name is taken, even by a
    link."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with _removed_on_failure(str(path)), os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)


def read(path: Path) -> bytes:
    """The file's bytes, at most one more than `MAX_FILE_BYTES`. Raises NotPrivateError."""
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe waits for ever
        raise NotPrivateError("it is no file")
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if not is_own(status) or is_open_to_others(status):
            mode = stat.S_IMODE(status.st_mode)
            raise NotPrivateError(f"others may read it (mode {mode:o}), or it is theirs")
        return file.read(MAX_FILE_BYTES + 1)


@contextlib.contextmanager
def _removed_on_failure(path: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
