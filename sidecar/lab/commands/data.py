# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt data anchors`: the training data as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from ....shared.arrays import UInt8Array
from ....shared.emotion import EMOTIONS
from ....shared.head import HeadModel
from ...head.read import read_head
from ...render.images import write_png
from ...render.portrait import draw_frame
from ...render.sheets import contact_sheet
from ..anchors.dataset import write_anchors
from ..anchors.synchronised import closure_frame, make_synchronised, vowel_frame


@dataclass(frozen=True, kw_only=True)
class Anchors:
    """Write spoken sentences, each in several emotions frame by frame alike, with a manifest, and a
    sheet of four people to look at."""

    out: Path
    """New folder for the takes."""
    count: int = 20
    """How many performances: a sentence by a person, in ten emotion programs."""
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


KINDS = ("neutral", *EMOTIONS)
PEOPLE = (("train", 0), ("train", 1), ("train", 2), ("held-out", 0))
_SIZE = (200, 236)


def anchor_sheet(head: HeadModel, seed: int) -> UInt8Array:
    """(H, W, 3) picture of four people in neutral and the six emotions at weight 1, once with the
    mouth at its widest and once with closed lips. Raises InputError `option.espeak`."""
    pictures, labels = [], []
    for split, index in PEOPLE:
        made = make_synchronised(split, index, KINDS, seed, head)
        for row, frame in enumerate((vowel_frame(made), closure_frame(made))):
            pictures += [draw_frame(take, frame, head, _SIZE) for take in made.targets]
            labels += [f"{made.manner}, {kind}" if row == 0 else "" for kind in made.kinds]
    return contact_sheet(pictures, labels, len(KINDS))
