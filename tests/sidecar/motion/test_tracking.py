# SPDX-License-Identifier: GPL-3.0-or-later
"""Which face is which, by where they are; whole takes are in test_faces."""

from __future__ import annotations

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.motion.tracking import follow


def at(*places: tuple[float, ...] | None) -> list[np.ndarray | None]:
    return [None if place is None else np.array(place, np.float64) for place in places]


def test_the_nearest_one_is_the_same_one() -> None:
    """Two faces 10 apart change their places in the list and move by 3 and by 1."""
    places = at((0, 0), (10, 0), (11, 0), (3, 0), (4, 0), (12, 0))
    assert follow([0, 0, 1, 1, 2, 2], places, "take").tolist() == [0, 1, 1, 0, 0, 1]


def test_further_off_than_half_of_what_parts_them_is_somebody_else() -> None:
    """Half of 10: one that is 4.9 off is the same, one that is 5.1 off is new."""
    usual = [(0, 0), (10, 0), (0, 0), (10, 0)]
    near = at(*usual, (0, 4.9), (10, 0))
    assert follow([0, 0, 1, 1, 2, 2], near, "take").tolist() == [0, 1, 0, 1, 0, 1]
    far = at(*usual, (0, 5.1), (10, 0))
    assert follow([0, 0, 1, 1, 2, 2], far, "take").tolist() == [0, 1, 0, 1, 2, 1]


def test_a_face_alone_may_come_back_anywhere() -> None:
    places = at((0, 0), (10, 0), (90, 0))
    assert follow([0, 0, 5], places, "take").tolist() == [0, 1, 1]
    assert follow([0, 1, 2], at((0, 0), (70, 0), None), "take").tolist() == [0, 0, -1]


def test_each_face_is_taken_once() -> None:
    """Both are nearest to the first; the nearer one gets it."""
    places = at((0, 0), (10, 0), (2, 0), (1, 0))
    assert follow([0, 0, 1, 1], places, "take").tolist() == [0, 1, 2, 0]


def test_a_row_without_a_face_is_nobody() -> None:
    assert follow([0, 1, 2], at((0, 0), None, (1, 0)), "take").tolist() == [0, -1, 0]


def test_without_places_the_order_counts() -> None:
    nowhere = at(None, None, None, None)
    assert follow([3, 3, 4, 4], nowhere, "take").tolist() == [0, 1, 0, 1]
    with pytest.raises(InputError) as caught:
        follow([3, 3, 4], nowhere[:3], "take")
    assert caught.value.code == "motion.faces"
    one = at((4, 5), (4, 5), (6, 5), (6, 5))  # said of the frame, not of a face
    assert follow([3, 3, 4, 4], one, "take").tolist() == [0, 1, 0, 1]
    # A place that is missing beside another is as if there was none.
    assert follow([0, 0, 1, 1], at((0, 0), None, (9, 0), (0, 0)), "take").tolist() == [0, 1, 0, 1]
