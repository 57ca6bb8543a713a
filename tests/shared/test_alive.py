# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that run, have ended, and were not waited for."""

from __future__ import annotations

import os
import subprocess
import sys

from affekt.shared.alive import is_process_alive


def test_is_process_alive() -> None:
    assert is_process_alive(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert is_process_alive(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_process_alive(child.pid)  # ended, though nobody has waited for it
        child.wait()
    assert not is_process_alive(child.pid)
