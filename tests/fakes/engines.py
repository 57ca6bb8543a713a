# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines of batches: one that answers what it is told, one that works in this process."""

import collections
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from affekt.sidecar.batch.task import Answer, Task, decode_task, encode_answer
from affekt.sidecar.batch.work import run_text

_PLACES = (str(Path(sys.executable).parent), os.environ.get("PATH", ""))
OPENJD = shutil.which("openjd", path=os.pathsep.join(_PLACES))
"""OpenJD's command line: that of this environment, or None."""


class FakeEngine:
    """Answers each task by a function, the newest first. given: all tasks so far, in their
    order."""

    def __init__(self, answer: Callable[[Task], Answer], slots: int = 2) -> None:
        self.slots = slots
        self.given: list[Task] = []
        self._answer = answer
        self._waiting: collections.deque[tuple[int, str]] = collections.deque()

    def submit(self, number: int, text: str) -> None:
        assert len(self._waiting) < self.slots
        task = decode_task(text)[0]
        self.given.append(task)
        self._waiting.append((number, encode_answer(self._answer(task))))

    def wait(self) -> tuple[int, str]:
        return self._waiting.pop()


class InlineEngine:
    """Does each task in this process."""

    slots = 1

    def __init__(self) -> None:
        self._waiting: list[tuple[int, str]] = []

    def submit(self, number: int, text: str) -> None:
        self._waiting.append((number, run_text(text)))

    def wait(self) -> tuple[int, str]:
        return self._waiting.pop()
