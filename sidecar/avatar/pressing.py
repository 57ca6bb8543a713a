# SPDX-License-Identifier: GPL-3.0-or-later
"""How hard an expression presses each wrinkle: 0 at rest, smooth, towards 1 for the strongest.

It is read from the motion of the face's places (`effects.face_rows`), whatever made them move: an
emotion, speech or an animator. Lengths are millimetres on a face of the open head's height.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...shared.arrays import Float64Array, FloatArray
from .effects import row_names
from .wrinkle_patterns import WRINKLES

OPEN_FACE_MM = 102.8
"""From the middle of the open head's lids to its chin."""

Rows = Mapping[str, Float64Array]
_Driver = Callable[[Rows, str], Float64Array]
_UNTOUCHED = 0.15
"""Pressing below this share of full does nothing: skin folds late."""


def _part(values: FloatArray) -> Float64Array:
    return np.maximum(values, 0)


def _together(rows: Rows) -> Float64Array:
    return _part(-rows["brow width"]) / 9


def _squeeze(rows: Rows, side: str) -> Float64Array:
    """Brows drawn together and down, AU 4."""
    return _together(rows) * (0.65 + 0.35 * np.clip(-rows[f"brow.inner.{side}:y"] / 9, -1, 1))


def _raised_inside(rows: Rows, side: str) -> Float64Array:
    """Inner brows, AU 1; more where AU 4 draws them together, whose pull the forehead's holds."""
    up = _part(rows[f"brow.inner.{side}:y"])
    return up / 6 + 0.3 * _together(rows) * np.minimum(up / 3, 1)


def _raised_outside(rows: Rows, side: str) -> Float64Array:
    """Outer brows, AU 2."""
    outer = 0.5 * (rows[f"brow.middle.{side}:y"] + rows[f"brow.outer.{side}:y"])
    return _part(outer) / 5


def _lowered(rows: Rows, side: str) -> Float64Array:
    """Brows that come down over the eye."""
    down = rows[f"brow.inner.{side}:y"] + rows[f"brow.middle.{side}:y"]
    return _part(-down) / 18


def _wrinkled_nose(rows: Rows, side: str) -> Float64Array:
    """AU 9 and 10: the wing rises, more than a smile lifts it."""
    return _part(rows[f"nose.wing.{side}:y"] - 0.2 * _part(rows[f"corner.{side}:y"])) / 4


def _raised_cheek(rows: Rows, side: str) -> Float64Array:
    """AU 6."""
    return _part(rows[f"cheek.{side}:y"]) / 8


def _smile(rows: Rows, side: str) -> Float64Array:
    """AU 12, that the wing and the upper lip do not lift: a corner that rises more than they."""
    lifted = _part(rows[f"nose.wing.{side}:y"])
    return _part(rows[f"corner.{side}:y"] - lifted) / 9


def _lowered_corner(rows: Rows, side: str) -> Float64Array:
    """AU 15."""
    return _part(-rows[f"corner.{side}:y"] - 0.5 * _part(-rows["chin:y"])) / 6


def _raised_chin(rows: Rows, side: str) -> Float64Array:
    """AU 17: the lower lip is pushed up, more than the jaw brings it."""
    lifted = rows["lip.lower.middle:y"] - rows["chin:y"]
    corners = np.minimum(rows["corner.left:y"], rows["corner.right:y"])
    return _part(0.5 * lifted - 0.5 * corners) / 5


_DRIVERS: dict[str, _Driver] = {
    "forehead.side": _raised_outside,
    "forehead.middle": _raised_inside,
    "glabella": _squeeze,
    "nose.root": lambda rows, side: _lowered(rows, side) + 0.5 * _wrinkled_nose(rows, side),
    "socket": _lowered,
    "crow": _raised_cheek,
    "under.eye": _raised_cheek,
    "bunny": _wrinkled_nose,
    "nasolabial": _wrinkled_nose,
    "smile": _smile,
    "dimple": _smile,
    "corner.down": _lowered_corner,
    "chin": _raised_chin,
}


def pressing_of(rows: FloatArray) -> Float64Array:
    """(T, wrinkles) how hard each wrinkle is pressed, 0 to below 1.5, for rows (T, R) of motion as
    `effects.face_rows` gives them; 0 for a row of zeros."""
    named = dict(zip(row_names(), OPEN_FACE_MM * np.asarray(rows, np.float64).T, strict=True))
    pairs = (name.rsplit(".", 1) for name in WRINKLES)
    columns = [_DRIVERS[wrinkle](named, side) for wrinkle, side in pairs]
    return _eased(np.stack(columns, 1))


def _eased(pressed: Float64Array) -> Float64Array:
    """Nothing up to `_UNTOUCHED`, smoothly to 1 at 1, and slowly on."""
    beyond = _part(pressed - _UNTOUCHED) / (1 - _UNTOUCHED)
    return 1.5 * (1 - np.exp(-(beyond**1.5) * np.log(3)))
