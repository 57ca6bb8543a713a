# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that sidecars keep between runs, in ROOT/users/USER, with one budget for all.

All sidecars of a machine's user share them, and so do a server's process and its worker's.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...shared import limits
from ...shared.connection import CACHE_SETTING, make_private_folder
from ...shared.errors import JobError, LinkError
from ...shared.replacement import PARTIAL, is_left_behind
from . import disk
from .user import ROOMS, UserCache

_USER = re.compile(r"[a-z0-9-]{1,64}")
_ROOM = 0.95
"""Eviction stops at this share of the limit, so that not every new file needs one."""
_WALK_S, _WALK_SHARE = 1.0, 50
"""The folder is measured again after a second, or after so many times as long as that takes."""
_ABANDONED_S = 600
"""A partial file counts as left behind after so long without a write, even if its process still
runs, or runs on another machine."""
_CLOCK_S = 1.0
"""A file's time may be this far behind `time.time`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of the cache: `size` bytes of disk, last used at `used_at` (seconds since 1970)."""

    path: Path
    size: int
    used_at: float


class Cache:
    """Every user's part of the cache. Methods may be called from any thread."""

    def __init__(
        self,
        root: Path,
        limit_bytes: int = limits.CACHE_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Makes the folder if need be. Raises LinkError `link.folder` if it cannot."""
        make_private_folder(root, CACHE_SETTING)
        self.root, self.limit_bytes = root, limit_bytes
        self._clock = clock
        self._users: dict[str, UserCache] = {}
        self._size = 0
        self._walk_again_at = clock()
        self._lock = threading.Lock()

    def user(self, name: str) -> UserCache:
        """The user's part. Raises LinkError `link.user` if that is no name."""
        if not _USER.fullmatch(name):
            raise LinkError(
                "link.user",
                f"'{name[:64]}' is no user's name.",
                "Use small letters, digits and hyphens.",
            )
        with self._lock:
            if name not in self._users:
                folder = self.root / "users" / name
                self._users[name] = UserCache(folder, self._grow)
            return self._users[name]

    def size_bytes(self) -> int:
        """Bytes of disk in use: exact for this process's files, about a second old for others'.
        Raises JobError `job.disk`."""
        if self._clock() >= self._walk_again_at:
            self._walk()
        with self._lock:
            return self._size

    def make_room(self, needed_bytes: int, in_use_since: float | None) -> None:
        """Makes room for `needed_bytes` within the limit: removes what dead processes left behind
        and the least recently used files, but none used since `in_use_since` (`time.time`).
        Raises JobError `job.cache_full` if that is not enough, `job.disk`."""
        if self.size_bytes() + needed_bytes <= self.limit_bytes:
            return
        entries = self._walk()
        goal = min(int(self.limit_bytes * _ROOM), self.limit_bytes - needed_bytes)
        since = None if in_use_since is None else in_use_since - _CLOCK_S
        for entry in choose(entries, self._size - goal, since):
            disk.remove(entry.path)
            self._grow(-entry.size)
        if self._size + needed_bytes > self.limit_bytes:
            raise JobError(
                "job.cache_full",
                f"The sidecar's cache may hold {self.limit_bytes / 1e9:.1f} GB, and what is in use "
                "fills it.",
                "Let the running jobs end, or start the sidecar with a larger cache.",
            )

    def _grow(self, count: int) -> None:
        with self._lock:
            self._size += count

    def _walk(self) -> list[Entry]:
        """Measures the cache and removes leftovers; returns all files that may be evicted."""
        started = self._clock()
        with disk.disk_errors():
            entries = [entry for room in self._rooms() for entry in _entries(room)]
        partial = [entry for entry in entries if entry.path.name.endswith(PARTIAL)]
        left = {entry.path for entry in partial if _is_leftover(entry)}
        for path in left:
            disk.remove(path)
        with self._lock:
            self._size = sum(entry.size for entry in entries if entry.path not in left)
            took = self._clock() - started
            self._walk_again_at = self._clock() + max(_WALK_S, _WALK_SHARE * took)
        return [entry for entry in entries if entry not in partial]

    def _rooms(self) -> list[Path]:
        """The folders in which the cache keeps files: whatever else lies beside them, in a folder
        that somebody chose for it, is not the cache's."""
        users = self.root / "users"
        found = [path.name for path in users.iterdir()] if users.is_dir() else []
        return [users / user / room for user in found if _USER.fullmatch(user) for room in ROOMS]


def choose(entries: Iterable[Entry], excess: int, in_use_since: float | None) -> Iterator[Entry]:
    """The least recently used files that make up `excess` bytes; none that was used since
    `in_use_since`."""
    for entry in sorted(entries, key=lambda entry: (entry.used_at, entry.path)):
        if excess <= 0 or (in_use_since is not None and entry.used_at >= in_use_since):
            return
        excess -= entry.size
        yield entry


def _entries(folder: Path) -> Iterator[Entry]:
    """Every file below the folder, but for those that vanish meanwhile."""
    try:
        with os.scandir(folder) as found:
            for item in found:
                if item.is_dir(follow_symlinks=False):
                    yield from _entries(Path(item.path))
                    continue
                try:
                    status = item.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield Entry(
                    path=Path(item.path),
                    size=disk.disk_bytes(status.st_size),
                    used_at=status.st_mtime,
                )
    except FileNotFoundError:
        return


def _is_leftover(entry: Entry) -> bool:
    age = time.time() - entry.used_at
    return age > _ABANDONED_S or is_left_behind(entry.path.name, lambda: age)
