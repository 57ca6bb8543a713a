# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each kind of task took: so much a task, so much more a frame, and how many bytes a frame
had. Measured by every batch, kept in the user's cache, for what the next one will take."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from ...shared.connection import default_cache_folder
from ...shared.errors import AffektError
from ..files import write_whole
from .task import Answer, Task

NAME = "batch_rates_2.json"
_OLD_SHARE = 0.5
"""How much of what was measured before counts beside what is new."""
_SPREAD = 0.25
"""Standard deviation of the tasks' frames, as a share of their mean, from which on a frame's share
of the time can be told from the task's own."""
_REACH = 2.0
"""Without such a spread a rate holds for tasks with so many times the frames, and no more: it has
what a task costs by itself in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Seconds that a task takes by itself and for each of its frames, bytes of each frame."""

    task: float
    frame: float
    size: float


@dataclass(slots=True)
class _Sums:
    """Of the tasks of one kind: how many, of their frames, their squares, of the seconds, of frames
    times seconds, of bytes; and the most frames of one."""

    tasks: float = 0.0
    frames: float = 0.0
    squares: float = 0.0
    seconds: float = 0.0
    products: float = 0.0
    size: float = 0.0
    most: float = 0.0

    def add(self, frames: int, seconds: float, size: int) -> None:
        self.tasks += 1
        self.frames += frames
        self.squares += frames * frames
        self.seconds += seconds
        self.products += frames * seconds
        self.size += size
        self.most = max(self.most, frames)

    def joined(self, old: _Sums) -> _Sums:
        """These beside older ones, which count less."""
        pairs = zip(astuple(self), astuple(old), strict=True)
        both = _Sums(*(float(new) + _OLD_SHARE * float(before) for new, before in pairs))
        both.most = max(self.most, old.most)
        return both

    @property
    def has_spread(self) -> bool:
        mean = self.frames / self.tasks
        return self.squares / self.tasks - mean**2 > (_SPREAD * mean) ** 2

    def rate(self) -> Rate:
        """By a straight line through the tasks, which neither falls nor begins below zero."""
        mean, time = self.frames / self.tasks, self.seconds / self.tasks
        slope = time / mean
        if self.has_spread:
            spread = self.squares / self.tasks - mean**2
            slope = (self.products / self.tasks - mean * time) / spread
        slope = min(max(slope, 0.0), time / mean)
        return Rate(task=time - slope * mean, frame=slope, size=self.size / self.frames)


class Rates:
    """What is known, by kind of task."""

    def __init__(self, folder: Path | None = None) -> None:
        """Reads those of the user. folder: of another cache."""
        self._path = (folder or default_cache_folder()) / NAME
        self._known: dict[str, _Sums] = {}
        self._new: dict[str, _Sums] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads(self._path.read_bytes())
            sums = {str(kind): _Sums(*map(float, values)) for kind, values in found.items()}
            self._known = {kind: one for kind, one in sums.items() if _is_sound(one)}

    def find(self, task: Task) -> Rate | None:
        """How long such a task takes; None if that was not measured, or only of far shorter
        ones."""
        found = self._all(kind_of(task))
        if found is None or not (found.has_spread or task.frames <= _REACH * found.most):
            return None
        return found.rate()

    def note(self, task: Task, answer: Answer) -> None:
        """Notes what a task took, unless its worker had to load what it needs first."""
        if answer.error is not None or answer.is_kept or answer.is_first or not task.frames:
            return
        made = sum(entry[0] for entry in (answer.files or {}).values())
        sums = self._new.setdefault(kind_of(task), _Sums())
        sums.add(task.frames, answer.seconds, made)

    def keep(self) -> None:
        """Keeps them for next time; where that is not possible, the next batch measures again."""
        merged = self._known | {kind: self._all(kind) or sums for kind, sums in self._new.items()}
        content = {kind: astuple(sums) for kind, sums in merged.items()}
        with contextlib.suppress(AffektError, OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, json.dumps(content, indent=1, sort_keys=True).encode())

    def _all(self, kind: str) -> _Sums | None:
        new, old = self._new.get(kind), self._known.get(kind)
        return new.joined(old) if new is not None and old is not None else new or old


def _is_sound(sums: _Sums) -> bool:
    return all(math.isfinite(value) and value >= 0 for value in astuple(sums)) and (
        sums.tasks > 0 and sums.frames > 0
    )


def kind_of(task: Task) -> str:
    """What a frame's time depends on most: the command, the avatar, the size and the form."""
    options: Mapping[str, object] = task.options
    names = ("to", "format", "vertices", "width", "height", "passes", "depth", "device")
    parts = [Path(str(options[n])).name for n in ("avatar", "head") if n in options]
    parts += [f"{n}={options[n]}" for n in names if n in options]
    parts += ["video"] if options.get("preview") is True else []
    return " ".join((task.kind, *parts))
