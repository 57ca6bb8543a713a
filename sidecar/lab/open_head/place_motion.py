# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the open head's numbers move the places by which its wrinkles are pressed, for Blender's
drivers."""

from __future__ import annotations

from ....shared.head import HeadModel
from ....shared.pressing import PLACES, WIDTH
from ...avatar.effects import face_rows, open_places, row_names
from ...avatar.pressing import OPEN_FACE_MM
from ...avatar.wrinkles import motion_of_numbers

_LEAST_MM = 0.05
"""What moves a place by less, at a weight of 1, is left out."""
JAW = ("jaw x", "jaw y", "jaw z")
"""How the jaw's rotation vector is called among the numbers."""


def place_motion(head: HeadModel) -> dict[str, dict[str, float]]:
    """Of each row that `shared.pressing` reads the millimetres by which one unit of each number
    moves it: a weight of a shape key, or a radian of the jaw, linear at rest, in FLAME's axes."""
    rows = OPEN_FACE_MM * face_rows(motion_of_numbers(head), open_places(head))
    numbers = (*head.expression_names, *JAW)
    found: dict[str, dict[str, float]] = {}
    for row in (*(f"{place}:y" for place in PLACES), WIDTH):
        column = rows[:, row_names().index(row)]
        found[row] = {
            name: round(float(value), 3)
            for name, value in zip(numbers, column, strict=True)
            if abs(value) >= _LEAST_MM
        }
    return found
