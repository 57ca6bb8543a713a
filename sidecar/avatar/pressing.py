# SPDX-License-Identifier: GPL-3.0-or-later
"""How hard a take presses each wrinkle: the formulas of `shared.pressing` on its rows of motion
(`effects.face_rows`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...shared.arrays import Float64Array, FloatArray
from ...shared.pressing import Operation, evaluate, pressing_terms
from .effects import row_names

OPEN_FACE_MM = 102.8
"""From the middle of the open head's lids to its chin."""
_APPLIED: dict[Operation, Callable[..., Float64Array]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "most": np.maximum,
    "least": np.minimum,
    "power": np.power,
    "exp": np.exp,
}


def pressing_of(rows: FloatArray) -> Float64Array:
    """(T, wrinkles) how hard each wrinkle is pressed, 0 to below 1.5, for rows (T, R) of motion as
    `effects.face_rows` gives them; 0 for a row of zeros."""
    named = dict(zip(row_names(), OPEN_FACE_MM * np.asarray(rows, np.float64).T, strict=True))

    def number(value: float) -> Float64Array:
        return np.full(len(rows), value)

    def apply(operation: Operation, values: Sequence[Float64Array]) -> Float64Array:
        return _APPLIED[operation](*values)

    return np.stack(evaluate(pressing_terms(), named, number, apply), 1)
