# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a head each vertex or Gaussian is: the labels behind the masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...shared.head import REGIONS, HeadModel

PASS_REGIONS = ("skin", "lips", "eyes", "teeth", "mouth", "hair")
"""The masks, in the order of their channels."""
_OF_HEAD = {
    "skin": "skin", "brow": "hair", "lip": "lips", "mouth": "mouth", "teeth": "teeth",
    "tongue": "mouth", "sclera": "eyes", "iris": "eyes", "pupil": "eyes", "lash": "hair",
}  # fmt: skip
_TABLE = np.array([PASS_REGIONS.index(_OF_HEAD[name]) for name in REGIONS], np.uint8)

Labels = NDArray[np.uint8]


def head_regions(head: HeadModel) -> Labels:
    """(V,) index into `PASS_REGIONS` of each vertex, from the head's own labels."""
    return _TABLE[head.region]


def avatar_regions(avatar) -> Labels:
    return np.zeros(len(avatar), np.uint8)
