# SPDX-License-Identifier: GPL-3.0-or-later
"""A task: the smallest work that is handed to a worker, as plain JSON. It is pure and idempotent:
the same task makes the same files, and done again it makes nothing anew.

A path in a task is `out:PLACE` inside the batch's folder, which every worker knows, `in:HASH/NAME`
for an input that lies there by its content (a farm's), or a path of this machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from ...shared.errors import AffektError, InputError

Value: TypeAlias = str | int | float | bool | list[str]
OUT, IN = "out:", "in:"
OWN = ".affekt_batch"
"""The folder inside a batch's that is ours: what is done, inputs by hash, chunks, logs."""
INPUTS = (
    "motion",
    "source",
    "emotions",
    "avatar",
    "head",
    "adapter",
    "modulator",
    "camera",
    "sound",
    "scene",
    "character",
)
"""Options that name what a task reads."""
PLACES = (*INPUTS, "out", "cache_dir", "splats", "pictures")
"""Options that are paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """row: its number. kind: a key of `work.KINDS`. options: of that command, by name. files: all
    that it makes, relative to the batch's folder. frames: how many it makes, for rates and bars."""

    row: int
    kind: str
    options: Mapping[str, Value]
    files: Sequence[str] = ()
    frames: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a task. error: code, sentence and remedy, none if it is done. is_kept: whether
    it was done before. seconds: that it took, then or now. notes: lines that the command said.
    files: (size, SHA-256) by name. facts: what it found out. device: which drew, "" if none did.
    is_first: whether its worker did such a task for the first time, and so loaded what it needs."""

    error: tuple[str, str, str] | None = None
    is_kept: bool = False
    seconds: float = 0.0
    notes: Sequence[str] = ()
    files: Mapping[str, tuple[int, str]] | None = None
    facts: Mapping[str, object] | None = None
    device: str = ""
    is_first: bool = False


def encode_task(task: Task, version: str, folder: Path | str) -> str:
    """One line of JSON."""
    return json.dumps({"affekt": version, "folder": str(folder), "task": asdict(task)})


def decode_task(text: str) -> tuple[Task, str, str]:
    """The task, the version that made it, and the batch's folder. Raises InputError `batch.task`
    for what is no task."""
    try:
        content = json.loads(text)
        task = Task(**content["task"])
        return task, str(content["affekt"]), str(content["folder"])
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            "batch.task", "That is no task of a batch.", "Write the templates again."
        ) from error


def encode_answer(answer: Answer) -> str:
    """One line of JSON."""
    return json.dumps(asdict(answer))


def decode_answer(text: str) -> Answer:
    """The answer of such a line."""
    content = json.loads(text)
    if content.get("error") is not None:
        content["error"] = tuple(content["error"])
    return Answer(**content)


def failed(error: AffektError) -> Answer:
    """The answer of a task that ended with an error."""
    return Answer(error=(error.code, error.message, error.remedy))


def resolve(text: str, folder: Path) -> str:
    """A path of a task as this machine knows it. folder: the batch's."""
    if text.startswith(OUT):
        return str(folder / text[len(OUT) :])
    if text.startswith(IN):
        return str(folder / OWN / "inputs" / text[len(IN) :])
    return text
