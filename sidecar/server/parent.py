# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar must not outlive the Blender that started it: two independent watches."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

WATCH_S = 0.25
"""How often the parent is looked at; the promise is to be gone within 2 s."""


def is_process_alive(pid: int) -> bool:
    """Whether a process of that id runs (one that has ended but was not waited for does not)."""
    if sys.platform == "win32":
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # "pid (name) state ...": the name may hold anything, so count from its end.
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2]
    except OSError:
        return True
    return not state.lstrip().startswith(("Z", "X"))


def _is_alive_on_windows(pid: int) -> bool:  # pragma: no cover - other system
    import ctypes

    # os.kill(pid, 0) would end the process there.
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(0x00100000, False, pid)  # SYNCHRONIZE
    if not handle:
        return False
    try:
        return kernel.WaitForSingleObject(ctypes.c_void_p(handle), 0) == 0x102  # WAIT_TIMEOUT
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))


def watch_parent(pid: int, on_gone: Callable[[], None], stopped: threading.Event) -> None:
    """Calls `on_gone` once process `pid` has ended, from a thread that ends with `stopped`."""
    is_own_parent = os.getppid() == pid

    def watch() -> None:
        while not stopped.wait(WATCH_S):
            # A new parent is the surest sign: ids are used again.
            if (is_own_parent and os.getppid() != pid) or not is_process_alive(pid):
                on_gone()
                return

    threading.Thread(target=watch, name="affekt-parent", daemon=True).start()


def watch_input(on_gone: Callable[[], None]) -> None:
    """Calls `on_gone` once standard input is closed, from a thread that sleeps until then."""

    def watch() -> None:
        try:
            # Not sys.stdin: its lock would be in the way when the interpreter ends.
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        on_gone()

    threading.Thread(target=watch, name="affekt-stdin", daemon=True).start()
