# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which cache folders are in use, by file locks that end with their process, however that
ends."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from filelock import FileLock, Timeout

_NAMES = "in-use-*.lock"
_LOCK_S = 1.0


class Claim:
    """Marks the folder as in use until `close`. Any number of processes may claim it, each with
    a lock file of its own. If the file cannot be made, the folder does not count as in use."""

    def __init__(self, root: Path) -> None:
        is_claimed(root)  # removes the files of processes that were killed
        self._path = root / _NAMES.replace("*", f"{os.getpid()}-{secrets.token_hex(4)}")
        self._lock = FileLock(self._path, _LOCK_S, 0o600, thread_local=False)
        with contextlib.suppress(OSError, Timeout):
            self._lock.acquire()

    def close(self) -> None:
        """Ends the claim."""
        self._lock.release()
        _remove(self._path)


def is_claimed(root: Path) -> bool:
    """Whether a process claims the folder. Removes lock files that nobody holds."""
    for path in root.glob(_NAMES):
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
