# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch over the parent."""

from __future__ import annotations

import subprocess
import sys
import threading

from affekt.sidecar.parent_watch import watch_parent


def test_watch_parent() -> None:
    gone, stopped = threading.Event(), threading.Event()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        watch_parent(other.pid, gone.set, stopped)
        assert not gone.is_set()
        other.kill()
        assert gone.wait(2)
    stopped.set()
