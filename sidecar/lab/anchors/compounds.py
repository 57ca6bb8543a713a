# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixtures of emotions: each part of the face follows the emotion that owns it.

The weights of emotions on a part are degree 1 in the emotions' weights, smooth away from 0, and an
emotion alone keeps its own weight.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS
from .channels import FEELING_PARTS

SHARPNESS = 3.0
"""The larger it is, the less of a part is left to whoever does not own it."""
OWNED = 2.1
"""An owner claims its part so many times as much as the other: `SHARPNESS` makes nine tenths."""
_NORM = 8.0
"""Two emotions at weight 1 move a part by 1.09, six by 1.25."""


@cache
def claims() -> tuple[Float64Array, Float64Array]:
    """(6, 7) how much each emotion claims each of `FEELING_PARTS`, and (6, 6, 7) the factor on the
    first emotion's claim where the second is there."""
    table = tomllib.loads(Path(__file__).with_name("compounds.toml").read_text("utf-8"))
    saliency = np.array(
        [[table["saliency"][name][part] for part in FEELING_PARTS] for name in EMOTIONS]
    )
    factors = np.ones((len(EMOTIONS), len(EMOTIONS), len(FEELING_PARTS)))
    for one, others in table["pairs"].items():
        for other, owners in others.items():
            i, j = EMOTIONS.index(one), EMOTIONS.index(other)
            ratio = {one: OWNED, other: 1 / OWNED, "both": 1.0}
            for part, owner in owners.items():
                p = FEELING_PARTS.index(part)
                factor = np.sqrt(ratio[owner] * saliency[j, p] / saliency[i, p])
                factors[i, j, p], factors[j, i, p] = factor, 1 / factor
    return saliency, factors


def part_weights(emotions: Float64Array, part: str) -> Float64Array:
    """(T, 6) weights of the emotions on one of `FEELING_PARTS`, from their weights (T, 6)."""
    saliency, factors = claims()
    p = FEELING_PARTS.index(part)
    size = ((emotions**_NORM).sum(1, keepdims=True)) ** (1 / _NORM)
    relative = emotions / np.maximum(size, 1e-12)
    # An emotion that fades in changes the others' claims as far as it is there.
    claim = saliency[:, p] * np.exp(relative @ np.log(factors[:, :, p]).T)
    shares = (relative * claim) ** SHARPNESS
    return size * shares / np.maximum(shares.sum(1, keepdims=True), 1e-12)
