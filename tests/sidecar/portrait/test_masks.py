# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin is told from hair."""

import numpy as np
import pytest
from affekt.sidecar.portrait.masks import _is_bald, _largest


@pytest.mark.parametrize(
    ("colour", "grain", "bald"),
    [
        ((200, 150, 120), 1, True),
        ((170, 120, 95), 1, True),  # in shadow
        ((60, 40, 30), 1, False),  # dark and smooth
        ((195, 150, 125), 25, False),  # blond curls
    ],
)
def test_a_scalp_is_no_hair(colour: tuple[int, int, int], grain: int, bald: bool) -> None:
    noise = np.random.default_rng(0).normal(0, grain, (60, 60, 1))
    picture = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    found = np.zeros((60, 60), bool)
    found[10:50, 10:50] = True
    face = np.full((500, 3), (200, 150, 120), np.uint8)
    assert _is_bald(picture, found, face) == bald


def test_the_largest_piece_stays() -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:5, 2:5] = True
    mask[8:18, 10:25] = True
    kept = _largest(mask)
    assert kept.sum() == 150
    assert not kept[3, 3]
