# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a run: lines for people, JSON records for programs, a picture of the curves."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ....shared.errors import InputError
from ...files import write_whole

Log = Callable[[str], None]
LINES = "training.log"
RECORDS = "training.jsonl"
PICTURE = "training.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """The journal in a run's folder. Lines go to `LINES`, with the time, and to `log`. `RECORDS`
    has one JSON object a line: `step`, and either `loss` and `frames_per_second` or `figures` (see
    `measure`). unit: what a frame is called in the lines."""

    folder: Path
    log: Log
    unit: str = "frames"

    def say(self, line: str) -> None:
        """Writes a line."""
        with (self.folder / LINES).open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n")
        self.log(line)

    def say_loss(self, step: int, loss: float, frames_per_second: float) -> None:
        """Writes a step's loss as record and line."""
        self._record({"step": step, "loss": loss, "frames_per_second": round(frames_per_second)})
        self.say(f"step {step:6d}  loss {loss:.5f}  {frames_per_second:.0f} {self.unit}/s")

    def say_figures(self, step: int, figures: dict[str, float]) -> None:
        """Writes held-out figures as record and line, and draws the picture again."""
        self._record({"step": step, "figures": figures})
        line = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        self.say(f"step {step:6d}  held-out  {line}")
        self._draw()

    def rewind(self, step: int) -> None:
        """Removes the records of steps after `step`, which the resumed run writes again."""
        kept = [r for r in read_records(self.folder) if r["step"] <= step]
        text = "".join(json.dumps(r) + "\n" for r in kept)
        write_whole(self.folder / RECORDS, text.encode())

    def say_whether_drawn(self) -> None:
        """Says how to get the picture if matplotlib is missing."""
        if importlib.util.find_spec("matplotlib") is None:
            self.say(f"no {PICTURE}: for one, pip install matplotlib (extra 'reports')")

    def _record(self, record: dict[str, object]) -> None:
        with (self.folder / RECORDS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def _draw(self) -> None:
        if importlib.util.find_spec("matplotlib") is None:
            return
        from .plot import draw_training

        try:
            write_whole(self.folder / PICTURE, draw_training(read_records(self.folder)))
        except Exception as error:  # no failure of the picture may end a long run
            self.say(f"no {PICTURE} this time: {error}")


def read_records(folder: Path) -> list[dict]:
    """Reads the records in a run's folder, without lines that a crash cut off. Raises InputError
    `file.damaged` where something else stands in it."""
    path = folder / RECORDS
    records = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            record = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise _damaged(path) from error
        except ValueError:
            continue
        except RecursionError as error:
            raise _damaged(path) from error
        if not isinstance(record, dict) or type(record.get("step")) is not int:
            raise _damaged(path)
        records.append(record)
    return records


def _damaged(path: Path) -> InputError:
    return InputError(
        "file.damaged",
        f"The records {path} cannot be read.",
        "Move the file away: the training goes on without what it tells.",
    )
