# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt compile`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

_NICE = 15


@dataclass(frozen=True, kw_only=True)
class Compile:
    """Compile what moves and draws heads, so that no first bake or picture waits for it: about a
    minute, once on this machine."""

    aside: bool = False
    """Let every other program go first, and end once standard input is closed."""

    def run(self) -> None:
        """Does it, and says before each piece which it is."""
        from ..worker.warming import compile_all

        if self.aside:
            from ..parent_watch import watch_input

            watch_input(lambda: os._exit(0))
            if sys.platform != "win32":  # there the one that starts it says so
                os.nice(_NICE)
        for number, total, name in compile_all():
            print(f"{number}/{total} {name}", flush=True)
        print("All is compiled.", flush=True)
