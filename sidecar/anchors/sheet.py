# SPDX-License-Identifier: GPL-3.0-or-later
"""Anchors to look at: people in rows, emotions in columns, one moment of each performance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...shared.emotion import EMOTIONS
from ...shared.head import HeadModel
from ..render.portrait import draw_frame
from ..render.sheets import contact_sheet
from .synchronised import Synchronised, make_synchronised

KINDS = ("neutral", *EMOTIONS)
PEOPLE = (("train", 0), ("train", 1), ("train", 2), ("held-out", 0))
_SIZE = (200, 236)


def anchor_sheet(head: HeadModel, seed: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: four people of the seed in neutral and the six emotions at weight 1, each
    where the mouth is widest and where it must close. Raises InputError `option.espeak`."""
    pictures, labels = [], []
    for split, index in PEOPLE:
        made = make_synchronised(split, index, KINDS, seed, head)
        for row, frame in enumerate(telling_frames(made)):
            pictures += [draw_frame(take, frame, head, _SIZE) for take in made.targets]
            labels += [f"{made.manner}, {kind}" if row == 0 else "" for kind in made.kinds]
    return contact_sheet(pictures, labels, len(KINDS))


def telling_frames(made: Synchronised) -> tuple[int, int]:
    """The frame with the widest jaw and one in which the lips must meet."""
    return int(made.targets[0].jaw[:, 0].argmax()), int(made.closure.argmax())
