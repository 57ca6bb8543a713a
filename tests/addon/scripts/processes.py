# SPDX-License-Identifier: GPL-3.0-or-later
"""What this Blender holds of the machine, and its children."""

import os
import threading
from pathlib import Path


def children(pid: int) -> list[int]:
    """Ids of the processes that it has started and that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state not in "ZX":
            found.append(int(path.parent.name))
    return found


def holdings() -> dict[str, int]:
    """Counts that must not grow."""
    return {
        "threads": threading.active_count(),
        "tasks": len(os.listdir("/proc/self/task")),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "children": len(children(os.getpid())),
    }
