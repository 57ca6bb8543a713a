# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a process still runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def is_process_alive(pid: int) -> bool:
    """Whether a process of that id runs (one that has ended but was not waited for does not)."""
    if sys.platform == "win32":
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    try:
        # "pid (name) state ...": the name may hold anything, so count from its end.
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2]
    except OSError:
        return True
    return not state.lstrip().startswith(("Z", "X"))


def _is_alive_on_windows(pid: int) -> bool:
    import ctypes

    # os.kill(pid, 0) would end the process there.
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(0x00100000, False, pid)  # SYNCHRONIZE
    if not handle:
        return ctypes.get_last_error() == 5  # type: ignore[attr-defined]  # ERROR_ACCESS_DENIED
    try:
        return kernel.WaitForSingleObject(ctypes.c_void_p(handle), 0) == 0x102  # WAIT_TIMEOUT
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))
