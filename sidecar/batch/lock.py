# SPDX-License-Identifier: GPL-3.0-or-later
"""One batch at a time in a folder: two would begin each other's journal anew, and do one work
twice. Workers of a farm need no lock, since tasks are idempotent."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
from pathlib import Path

from filelock import FileLock, Timeout

from ...shared.alive import is_process_alive
from ...shared.errors import InputError, not_writable
from ..files import write_whole
from .task import OWN

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What disks that know no locks answer, as some do over a network."""
PATIENCE_S = 2.0
"""Longest wait for one that is just ending."""


class FolderLock:
    """The lock of a batch's folder, for use as a context. It ends with its process, however that
    comes, so that a killed batch keeps nobody out. Where the disk knows no locks, the process that
    is noted in the folder counts for as long as it lives."""

    def __init__(self, folder: Path, patience_s: float = PATIENCE_S) -> None:
        """Raises InputError `batch.running` while another process has the lock,
        `file.not_writable`."""
        self._note = folder / OWN / "running.json"
        self._lock = FileLock(folder / OWN / "running.lock", patience_s, thread_local=False)
        try:
            self._note.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise self._running(folder) from error
        except NotImplementedError:
            self._check_note(folder)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise not_writable(self._note, error) from error
            self._check_note(folder)
        # Also with a lock: it cannot tell whose it is.
        write_whole(self._note, json.dumps([platform.node(), os.getpid()]).encode())

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._note.unlink()
        with contextlib.suppress(OSError):
            self._lock.release()

    def _check_note(self, folder: Path) -> None:
        host, pid = self._noted()
        if host == platform.node() and pid != os.getpid() and is_process_alive(pid):
            raise self._running(folder)

    def _noted(self) -> tuple[str, int]:
        """The machine and the process that the folder notes, ("", 0) if none."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            host, pid = json.loads(self._note.read_bytes())
            return str(host), int(pid)
        return "", 0

    def _running(self, folder: Path) -> InputError:
        host, pid = self._noted()
        where = "" if host in ("", platform.node()) else f" on {host}"
        who = f", process {pid}{where}" if pid else ""
        return InputError(
            "batch.running",
            f"A batch is already running in {folder}{who}.",
            "Wait for it or end it, then run the same line again; or give another --out.",
        )
