# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of one worker of a pool. It reads tasks from its standard input, a line each, and
ends with it; it makes way for whatever a person does on the machine."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

from ..parent_watch import watch_parent

MEMORY_SETTING = "AFFEKT_BATCH_MEMORY"
MAKE_WAY_SETTING = "AFFEKT_BATCH_MAKE_WAY"
PARENT_SETTING = "AFFEKT_BATCH_PARENT"
"""The number of the batch's process."""
_NICE = 10


def main() -> None:
    """Answers tasks until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the batch decides, and closes our input
    if parent := os.environ.get(PARENT_SETTING):
        watch_parent(int(parent), end_at_once, threading.Event())
    if MAKE_WAY_SETTING in os.environ:
        make_way()
    from ..worker.main import limit_memory
    from . import work

    most = int(os.environ.get(MEMORY_SETTING) or 0)
    if most and not _has_card():
        limit_memory(most)
    with (
        work.own_output() as descriptor,
        open(descriptor, "w", encoding="utf-8", closefd=False) as out,
    ):

        def write(line: str) -> None:
            out.write(line)
            out.flush()

        work.serve(sys.stdin.readline, write)


def end_at_once() -> None:
    """Ends this worker, and a Blender that it has started: the next batch may be at the same row
    already."""
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def make_way() -> None:
    """Lets everything else on this machine go first. Linux shares a processor by sessions before
    it looks at processes, so the session that a worker has for itself is told too."""
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_bytes(str(_NICE).encode())


def _has_card() -> bool:
    """Whether there is a card to draw on: its driver reserves more addresses than there is
    memory. Only asked for on Linux, the one system that can limit a process."""
    return sys.platform == "linux" and Path("/dev/nvidia0").exists()
