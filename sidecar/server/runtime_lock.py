# SPDX-License-Identifier: GPL-3.0-or-later
"""One sidecar a runtime folder: two would overwrite each other's connection file, and clients of
the first would be led to the second."""

from __future__ import annotations

import contextlib
from pathlib import Path

from filelock import FileLock, Timeout

from ...shared.connection import RUNTIME_SETTING, make_private_folder, read_connection
from ...shared.errors import AffektError, LinkError

LOCK_NAME = "sidecar.lock"
PATIENCE_S = 4.0
"""Longest wait for one that is just ending, which takes 2 s."""


class RuntimeLock:
    """The lock of a runtime folder from now until `release`, or the end of this process, however
    that comes. Where the disk knows no locks, there is none."""

    def __init__(self, folder: Path, patience_s: float = PATIENCE_S) -> None:
        """Raises LinkError `link.running` if another sidecar has the lock, `link.folder`."""
        make_private_folder(folder, RUNTIME_SETTING)
        self._lock = FileLock(folder / LOCK_NAME, patience_s, 0o600, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise _running(folder) from error
        except (OSError, NotImplementedError):
            pass

    def release(self) -> None:
        """Lets another sidecar have the folder."""
        with contextlib.suppress(OSError):
            self._lock.release()


def _running(folder: Path) -> LinkError:
    pid = None
    with contextlib.suppress(AffektError):
        pid = read_connection(folder).pid
    who = "" if pid is None else f", process {pid}"
    return LinkError(
        "link.running",
        f"A sidecar is already running in {folder}{who}.",
        f"Use that one, or end it first. For a second one: {RUNTIME_SETTING}.",
    )
