# SPDX-License-Identifier: GPL-3.0-or-later
"""Each Blender's own folder for its sidecar's connection file and logs."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from .alive import is_process_alive
from .connection import default_runtime_folder
from .limits import MAX_OLD_RUNS

_NAME = re.compile(r"blender-([1-9][0-9]{0,18})")


def own_run_folder() -> Path:
    """Of this process; not made yet."""
    return default_runtime_folder() / f"blender-{os.getpid()}"


def remove_old_runs(parent: Path) -> None:
    """Removes what the sidecars of Blenders that have ended left in `parent`, but for the newest
    few, whose logs may still be asked for. What cannot be removed stays."""
    with contextlib.suppress(OSError):
        old = [folder for folder in parent.iterdir() if _is_old(folder)]
        old.sort(key=lambda folder: folder.stat().st_mtime)
        for folder in old[: max(0, len(old) - MAX_OLD_RUNS)]:
            _remove(folder)


def _is_old(folder: Path) -> bool:
    match = _NAME.fullmatch(folder.name)
    return (
        match is not None
        and folder.is_dir()
        and not folder.is_symlink()
        and not is_process_alive(int(match[1]))
    )


def _remove(folder: Path) -> None:
    """Only what is ours: whoever put something else there keeps it."""
    with contextlib.suppress(OSError):
        for pattern in ("sidecar.*", ".sidecar-*"):
            for path in folder.glob(pattern):
                path.unlink()
        folder.rmdir()
