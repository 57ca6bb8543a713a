# SPDX-License-Identifier: GPL-3.0-or-later
"""Two independent ways to notice that the Blender that started a sidecar has ended."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from ..shared.alive import is_process_alive

WATCH_S = 0.25
"""How often the parent is checked; a sidecar must end within 2 s of it."""


def watch_parent(pid: int, on_gone: Callable[[], None], stopped: threading.Event) -> None:
    """Starts a thread that calls `on_gone` once process `pid` has ended. It ends with `stopped`."""
    is_own_parent = sys.platform != "win32" and os.getppid() == pid

    def watch() -> None:
        while not stopped.wait(WATCH_S):
            # A new parent is the surest sign, since ids are used again. Windows gives none.
            if (is_own_parent and os.getppid() != pid) or not is_process_alive(pid):
                on_gone()
                return

    threading.Thread(target=watch, name="affekt-parent", daemon=True).start()


def watch_input(on_gone: Callable[[], None]) -> None:
    """Starts a thread that calls `on_gone` once standard input is closed."""

    def watch() -> None:
        try:
            # Not sys.stdin: its lock would be in the way when the interpreter ends.
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        on_gone()

    threading.Thread(target=watch, name="affekt-stdin", daemon=True).start()
