# SPDX-License-Identifier: GPL-3.0-or-later
"""This process's memory: how much is free for it, and giving back what was freed. glibc keeps freed
blocks below 32 MB for itself, which of a large network's parameters are all of them."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import psutil

_CONTAINER = Path("/sys/fs/cgroup")
"""Where a container tells its limit, and what it uses (cgroup 2)."""


def give_back() -> None:
    """Gives freed memory back to the system where the C library can be told; others (musl, macOS,
    Windows) have their own way."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))


def free_bytes() -> int:
    """What is free of this machine's memory; where this process or its container may use less, of
    that."""
    free = psutil.virtual_memory().available
    if sys.platform != "linux":
        return free
    import resource

    used = psutil.Process().memory_info()
    for limit, its in ((resource.RLIMIT_DATA, used.data), (resource.RLIMIT_AS, used.vms)):
        most, _ = resource.getrlimit(limit)
        if most != resource.RLIM_INFINITY:
            free = min(free, most - its)
    return min(free, _free_in_container(_CONTAINER, free))


def _free_in_container(folder: Path, free: int) -> int:
    """The same of a container, which counts files that it has read, but may drop them. `free` of
    none, or of one without a limit."""
    try:
        most, used = (
            int((folder / name).read_text("ascii")) for name in ("memory.max", "memory.current")
        )
        told = dict(
            line.split() for line in (folder / "memory.stat").read_text("ascii").splitlines()
        )
        return most - used + int(told["inactive_file"])
    except (OSError, ValueError, KeyError):
        return free
