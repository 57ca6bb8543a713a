# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch over the parent."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from affekt.sidecar.server.parent import is_process_alive, watch_parent


def test_is_process_alive() -> None:
    assert is_process_alive(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert is_process_alive(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_process_alive(child.pid)  # ended, though nobody has waited for it
        child.wait()
    assert not is_process_alive(child.pid)


def test_watch_parent() -> None:
    gone, stopped = threading.Event(), threading.Event()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        watch_parent(other.pid, gone.set, stopped)
        assert not gone.is_set()
        other.kill()
        assert gone.wait(2)
    stopped.set()
