# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that only their user may read: 0600, in folders of 0700.

Plain `OSError` leaves here; who calls says what it means for the user. Windows keeps a profile's
folders private by its own rights, so there the modes say nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .replacement import replace_file

MAX_FILE_BYTES = 64 * 1024


class NotPrivateError(PermissionError):
    """Others may read the file, or it is theirs."""


def make_folder(folder: Path) -> None:
    """Makes the folder, for its user alone, and so those above it that are not there."""
    if not folder.parent.exists():
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    if os.name == "posix":
        if folder.stat().st_uid != os.getuid():
            raise NotPrivateError(f"{folder} belongs to another user")
        folder.chmod(0o700)


def write(path: Path, text: str) -> None:
    """Writes ASCII text, under its name only once it is whole; an older file is replaced."""
    # mkstemp makes the file 0600 from its first moment.
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".partial")
    with _removed_on_failure(partial):
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
        replace_file(partial, path)


def write_new(path: Path, text: str) -> None:
    """The same, but raises FileExistsError where there is something of that name."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with _removed_on_failure(str(path)), os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)


def read(path: Path) -> bytes:
    """The file's bytes, at most one more than `MAX_FILE_BYTES`. Raises NotPrivateError."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if os.name == "posix" and (status.st_uid != os.getuid() or status.st_mode & 0o077):
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
