# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which folders are in use and what for, by file locks that end with their process, however
that ends."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from filelock import FileLock, Timeout

IN_USE = "in-use"
_LOCK_S = 1.0


class Claim:
    """Marks the folder as in use until `close`. Any number of processes may claim it, each with
    a lock file of its own. what: begins that file's name. If the file cannot be made, the folder
    does not count as in use."""

    def __init__(self, root: Path, what: str = IN_USE) -> None:
        is_claimed(root, what)  # removes the files of processes that were killed
        self._path = root / f"{what}-{os.getpid()}-{secrets.token_hex(4)}.lock"
        self._lock = FileLock(self._path, _LOCK_S, 0o600, thread_local=False)
        with contextlib.suppress(OSError, Timeout):
            self._lock.acquire()

    def close(self) -> None:
        """Ends the claim."""
        self._lock.release()
        _remove(self._path)


def is_claimed(root: Path, what: str = IN_USE, but_for: str | None = None) -> bool:
    """Whether a process claims the folder for something whose name begins with `what`, and not with
    `but_for`. Removes lock files that nobody holds."""
    for path in root.glob(f"{what}-*.lock"):
        if but_for is not None and path.name.startswith(but_for):
            continue
        try:
            with FileLock(path, 0, thread_local=False):
                pass
        except Timeout:
            return True
        except OSError:
            continue
        _remove(path)
    return False


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
