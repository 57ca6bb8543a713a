# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a frame took and how many bytes it had, of each kind of task: measured by every batch,
kept in the user's cache, for what the next one will take."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

from ...shared.connection import default_cache_folder
from ...shared.errors import AffektError
from ..files import write_whole
from .task import Answer, Task

NAME = "batch_rates.json"
_OLD_SHARE = 0.5
"""How much of what was measured before counts beside what is new."""


class Rates:
    """Seconds and bytes a frame, by kind of task."""

    def __init__(self, folder: Path | None = None) -> None:
        """Reads those of the user. folder: of another cache."""
        self._path = (folder or default_cache_folder()) / NAME
        self._known: dict[str, tuple[float, float]] = {}
        self._new: dict[str, tuple[float, float, int]] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads(self._path.read_bytes())
            pairs = {str(kind): (float(a), float(b)) for kind, (a, b) in found.items()}
            self._known = {kind: p for kind, p in pairs.items() if all(map(math.isfinite, p))}

    def find(self, task: Task) -> tuple[float, float] | None:
        """Seconds and bytes a frame of such a task; None if none was measured."""
        kind = kind_of(task)
        if kind in self._new:
            seconds, size, frames = self._new[kind]
            return seconds / frames, size / frames
        return self._known.get(kind)

    def note(self, task: Task, answer: Answer) -> None:
        """Notes what a task took."""
        if answer.error is not None or answer.is_kept or not task.frames:
            return
        seconds, size, frames = self._new.get(kind_of(task), (0.0, 0.0, 0))
        made = sum(entry[0] for entry in (answer.files or {}).values())
        self._new[kind_of(task)] = seconds + answer.seconds, size + made, frames + task.frames

    def keep(self) -> None:
        """Keeps them for next time; where that is not possible, the next batch measures again."""
        merged = dict(self._known)
        for kind, (seconds, size, frames) in self._new.items():
            now = seconds / frames, size / frames
            old = merged.get(kind, now)
            share = _OLD_SHARE if kind in merged else 0.0
            mixed = [share * o + (1 - share) * n for o, n in zip(old, now, strict=True)]
            merged[kind] = mixed[0], mixed[1]
        with contextlib.suppress(AffektError, OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, json.dumps(merged, indent=1, sort_keys=True).encode())


def kind_of(task: Task) -> str:
    """What a frame's time depends on most: the command, the avatar, the size and the form."""
    options: Mapping[str, object] = task.options
    names = ("to", "format", "vertices", "width", "height", "passes", "depth", "device")
    parts = [Path(str(options[n])).name for n in ("avatar", "head") if n in options]
    parts += [f"{n}={options[n]}" for n in names if n in options]
    return " ".join((task.kind, *parts))
