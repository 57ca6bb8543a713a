# SPDX-License-Identifier: GPL-3.0-or-later
"""Anchors as files: synchronised takes with a manifest, for looking and for training elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ....shared.errors import InputError
from ....shared.head import HeadModel
from .folder import write_manifest, write_performance
from .programs import TRAINING_KINDS
from .synchronised import make_synchronised

MAX_COUNT = 20_000
"""Twenty thousand performances are 40 GB: more is a slip of the hand."""
HELD_OUT_EVERY = 10


def write_anchors(
    folder: Path,
    *,
    count: int,
    seed: int,
    head: HeadModel,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes `count` performances in `TRAINING_KINDS` and `manifest.json` (see `folder.py`); the
    same seed gives the same bytes. Every tenth performance is held out: its sentence, person,
    manner and pairs of emotions are in no other's training. Returns the manifest's path.

    Raises InputError `option.count`, `file.not_empty`, `file.not_writable`, `option.espeak`.
    """
    if not 0 < count <= MAX_COUNT:
        raise InputError(
            "option.count", f"The count is {count}.", f"Give a count of 1 to {MAX_COUNT}."
        )
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            "file.not_empty", f"The folder {folder} is not empty.", "Choose a new folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for index in range(count):
        held_out = index % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
        place = index // HELD_OUT_EVERY if held_out else index - index // HELD_OUT_EVERY
        split = "held-out" if held_out else "train"
        made = make_synchronised(split, place, TRAINING_KINDS, seed, head)
        entries.append(write_performance(made, folder))
        if on_progress is not None:
            on_progress(index + 1, count)
    return write_manifest(folder, entries, seed=seed, head=head.name)
