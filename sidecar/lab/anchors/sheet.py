# SPDX-License-Identifier: GPL-3.0-or-later
"""Anchors to look at: people in rows, emotions in columns, one moment of each performance."""

from __future__ import annotations

from ....shared.arrays import UInt8Array
from ....shared.emotion import EMOTIONS
from ....shared.head import HeadModel
from ...render.portrait import draw_frame
from ...render.sheets import contact_sheet
from .synchronised import closure_frame, make_synchronised, vowel_frame

KINDS = ("neutral", *EMOTIONS)
PEOPLE = (("train", 0), ("train", 1), ("train", 2), ("held-out", 0))
_SIZE = (200, 236)


def anchor_sheet(head: HeadModel, seed: int) -> UInt8Array:
    """(H, W, 3) uint8: four people of the seed in neutral and the six emotions at weight 1, each
    where the mouth is widest and where it must close. Raises InputError `option.espeak`."""
    pictures, labels = [], []
    for split, index in PEOPLE:
        made = make_synchronised(split, index, KINDS, seed, head)
        for row, frame in enumerate((vowel_frame(made), closure_frame(made))):
            pictures += [draw_frame(take, frame, head, _SIZE) for take in made.targets]
            labels += [f"{made.manner}, {kind}" if row == 0 else "" for kind in made.kinds]
    return contact_sheet(pictures, labels, len(KINDS))
