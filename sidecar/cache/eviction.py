# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of the cache go when there is no more room. Opens no file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of the cache: `size` bytes of disk, last used at `used_at` (seconds since 1970)."""

    path: Path
    size: int
    used_at: float


def disk_bytes(length: int) -> int:
    """What a file takes of the disk: a million empty ones are not nothing."""
    return max(-(-length // _BLOCK), 1) * _BLOCK


def choose(entries: Iterable[Entry], excess: int, in_use_since: float | None) -> Iterator[Entry]:
    """The least recently used ones, until they make up `excess` bytes; none that was used since
    `in_use_since`."""
    for entry in sorted(entries, key=lambda entry: (entry.used_at, entry.path)):
        if excess <= 0 or (in_use_since is not None and entry.used_at >= in_use_since):
            return
        excess -= entry.size
        yield entry
