# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each row, a line of JSON each, in the batch's folder: the report is made of it,
and the main process need not remember it."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from ...shared.errors import InputError, not_writable
from .run import Outcome
from .task import OWN


@dataclass(slots=True, kw_only=True)
class Totals:
    """What is known of a batch as a whole. lost: the first rows that failed."""

    rows: int = 0
    done: int = 0
    kept: int = 0
    failed: int = 0
    frames: int = 0
    seconds: float = 0.0
    lost: list[int] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Counts a row."""
        self.rows += 1
        self.done += outcome.state == "done"
        self.kept += outcome.state == "kept"
        self.failed += outcome.state == "failed"
        self.frames += outcome.frames
        self.seconds += outcome.seconds
        if outcome.state == "failed" and len(self.lost) < 10:
            self.lost.append(outcome.number)


class Journal:
    """The journal of one run. A disk that is full ends no row: what it does not take is missing in
    the report, and `fault` says so."""

    def __init__(self, folder: Path) -> None:
        """Begins a new one. Raises InputError `file.not_writable`."""
        self.path = folder / OWN / "rows.jsonl"
        self.totals = Totals()
        self.fault: InputError | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(b"")
        except OSError as error:
            raise not_writable(self.path, error) from error

    def add(self, outcome: Outcome) -> None:
        """Writes a row down."""
        self.totals.add(outcome)
        line = json.dumps(asdict(outcome)) + "\n"
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            self.fault = not_writable(self.path, error)


def read_journal(path: Path) -> Iterator[Outcome]:
    """The rows in the sheet's order, one by one; lines that are not whole are passed over."""
    with path.open("rb") as file:
        numbers, places, place = array("q"), array("q"), 0
        for line in file:
            outcome = _parse(line)
            if outcome is not None:
                numbers.append(outcome.number)
                places.append(place)
            place += len(line)
        for place in np.array(places)[np.argsort(np.array(numbers), kind="stable")]:
            file.seek(place)
            outcome = _parse(file.readline())
            if outcome is not None:
                yield outcome


def _parse(line: bytes) -> Outcome | None:
    try:
        return Outcome(**json.loads(line))
    except (ValueError, TypeError):
        return None
