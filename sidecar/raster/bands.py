# SPDX-License-Identifier: GPL-3.0-or-later
"""Bands of a picture's rows, shared out to `workers`.

Who hands out work here writes each pixel in one band only, so that no bit of a picture depends on
the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable

from . import workers

BANDS_A_THREAD = 4
"""A head fills the middle of a picture: more bands than threads, or the outer threads idle."""
LEAST_ROWS = 16
"""Handing out a band takes about 20 microseconds, as long as a few empty rows."""


def in_bands(work: Callable[[int, int], object], rows: int) -> None:
    """work(first row, row after the last) for bands that together are all rows; returns when all
    are done, and raises what a band raised."""
    count = workers.thread_count()
    if count == 1 or rows <= LEAST_ROWS:
        work(0, rows)
        return
    step = max(LEAST_ROWS, -(-rows // (count * BANDS_A_THREAD)))
    workers.run_ranges(work, [*range(0, rows, step), rows])
