# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys for the same movement, with straight lines between them."""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float64Array, IndexArray


def thin(values: Float64Array, tolerance: float) -> IndexArray:
    """Rows of values (T, C) to keep, the first and the last among them: straight lines between
    those are nowhere farther from the others than the tolerance, in Euclid's norm (Ramer 1972,
    Douglas and Peucker 1973, with the distance along the values alone)."""
    kept = np.zeros(len(values), bool)
    kept[[0, -1]] = True
    open_spans = [(0, len(values) - 1)]
    while open_spans:
        start, stop = open_spans.pop()
        if stop - start < 2:
            continue
        share = np.arange(1, stop - start)[:, None] / (stop - start)
        line = values[start] + share * (values[stop] - values[start])
        off = np.square(values[start + 1 : stop] - line).sum(1)
        worst = int(off.argmax())
        if off[worst] > tolerance**2:
            middle = start + 1 + worst
            kept[middle] = True
            open_spans += [(start, middle), (middle, stop)]
    return np.flatnonzero(kept)


def refill(values: Float64Array, kept: IndexArray) -> Float64Array:
    """What straight lines between the rows that were kept of values (T, C) say at each row."""
    rows = np.arange(len(values))
    columns = [np.interp(rows, kept, column[kept]) for column in values.T]
    return np.stack(columns, 1)
