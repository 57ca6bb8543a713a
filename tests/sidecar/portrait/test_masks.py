# SPDX-License-Identifier: GPL-3.0-or-later
"""Skin is told from hair."""

import numpy as np
import pytest
from affekt.sidecar.portrait.masks import _is_bald, _largest


@pytest.mark.parametrize(
    ("colour", "grain", "grain_of_face", "bald"),
    [
        ((200, 150, 120), 1, 1, True),
        ((170, 120, 95), 1, 1, True),  # in shadow
        ((185, 140, 115), 9, 9, True),  # a grainy photo
        ((60, 40, 30), 1, 1, False),  # dark and smooth
        ((195, 150, 125), 25, 1, False),  # blond curls
        ((195, 150, 125), 30, 6, False),  # in a grainy photo
    ],
)
def test_a_scalp_is_no_hair(
    colour: tuple[int, int, int], grain: int, grain_of_face: int, bald: bool
) -> None:
    noise = np.random.default_rng(0).normal(0, 1, (90, 60, 1))
    found = np.zeros((90, 60), bool)
    found[10:50, 10:50] = True
    above = np.array(colour) + grain * noise
    below = np.array((200, 150, 120)) + grain_of_face * noise
    picture = np.where(found[..., None], above, below).clip(0, 255).astype(np.uint8)
    face = np.zeros((90, 60), bool)
    face[55:85, 10:50] = True
    assert _is_bald(picture, found, face) == bald


def test_the_largest_piece_stays() -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:5, 2:5] = True
    mask[8:18, 10:25] = True
    kept = _largest(mask)
    assert kept.sum() == 150
    assert not kept[3, 3]
