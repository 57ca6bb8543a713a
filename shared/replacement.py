# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a finished file in the place of an older one."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_PATIENCE_S = 1.0
_PAUSE_S = 0.02


def replace_file(source: str | Path, target: Path) -> None:
    """Renames `source` to `target`; an older `target` goes. Raises OSError.

    Windows refuses while a program has `target` open, such as a viewer or a virus scanner: there
    it is tried again for a second.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_S)
