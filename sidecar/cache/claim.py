# SPDX-License-Identifier: GPL-3.0-or-later
"""Who works with a cache folder, told by a lock that ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

NAME = "in-use.lock"


class Claim:
    """From its making to `close` the folder is in use. Any number of processes may claim it.
    Where the system or the disk has no such locks, nobody is told."""

    def __init__(self, root: Path) -> None:
        self._descriptor: int | None = None
        with contextlib.suppress(OSError):
            self._descriptor = os.open(root / NAME, os.O_RDWR | os.O_CREAT, 0o600)
            _lock(self._descriptor, is_shared=True)

    def close(self) -> None:
        """Ends it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_claimed(root: Path) -> bool:
    """Whether a process says that it works with the folder."""
    try:
        descriptor = os.open(root / NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        _lock(descriptor, is_shared=False)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _lock(descriptor: int, *, is_shared: bool) -> None:
    if sys.platform != "win32":
        import fcntl

        kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
