# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends its own process, as `kill -9` does, at a chosen line of Affekt's code."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from types import FrameType


def count_lines(work: Callable[[], object], inside: tuple[str, ...], kill_at: int = 0) -> int:
    """Does the work and counts the lines that run in files whose path contains one of `inside`;
    at line `kill_at` the process is killed."""
    lines = 0

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., object] | None:
        nonlocal lines
        if not any(part in frame.f_code.co_filename for part in inside):
            return None
        if event == "line":
            lines += 1
            if lines == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return lines


def was_killed(work: Callable[[], object], inside: tuple[str, ...], kill_at: int) -> bool:
    """Whether a forked child that does the work was killed at that line. The calling process has
    one thread: a forked one has no others."""
    child = os.fork()
    if not child:
        count_lines(work, inside, kill_at)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def draw_lines(lines: int, points: int, seed: int) -> list[int]:
    """So many different lines of a work of so many."""
    return random.Random(seed).sample(range(1, lines), points)
