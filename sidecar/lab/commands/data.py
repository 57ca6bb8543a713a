# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt data anchors`: the training data as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from ...head.read import read_head
from ...render.images import write_png
from ..anchors.dataset import write_anchors
from ..anchors.sheet import anchor_sheet


@dataclass(frozen=True, kw_only=True)
class Anchors:
    """Write spoken sentences, each in several emotions frame by frame alike, with a manifest, and a
    sheet of four people to look at."""

    out: Path
    """New folder for the takes."""
    count: int = 20
    """How many performances: a sentence by a person, in eight emotion programs."""
    seed: int = 0
    """The same seed gives the same files."""
    head: str = "open"
    """Head that the lips are fitted to."""

    def run(self) -> None:
        head = read_head(self.head)
        with Progress(transient=True) as progress:
            task = progress.add_task("anchors", total=self.count)
            path = write_anchors(
                self.out,
                count=self.count,
                seed=self.seed,
                head=head,
                on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        write_png(self.out / "sheet.png", anchor_sheet(head, self.seed))
        print(f"wrote {path} and sheet.png")
