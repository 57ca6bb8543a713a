# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory a process has in use, and how much the sidecar's worker may."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

_SHARE = 0.75
"""Of the machine's memory: the rest is for Blender, which is why the sidecar is there."""
_UNKNOWN_BYTES = 16 * 10**9
_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def resident_bytes(pid: int) -> int:
    """Bytes in memory; 0 where the system does not say, or there is no such process."""
    if sys.platform != "linux":
        return 0
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def generous_bytes(container: Path = _CONTAINER) -> int:
    """What a worker may use unless someone says otherwise: most of what this machine has, or of
    what its container (cgroup 2) is allowed."""
    if sys.platform == "win32":
        return _UNKNOWN_BYTES
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return _UNKNOWN_BYTES
    with contextlib.suppress(OSError, ValueError):  # none, or "max"
        whole = min(whole, int(container.read_text("ascii")))
    return int(_SHARE * whole)
