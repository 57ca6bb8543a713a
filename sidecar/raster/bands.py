# SPDX-License-Identifier: GPL-3.0-or-later
"""Bands of a picture's rows, shared out to threads."""

from __future__ import annotations

from collections.abc import Callable

from .workers import run_ranges, thread_count

BANDS_A_THREAD = 4
"""A head fills the middle of a picture: more bands than threads, or the outer threads idle."""
LEAST_ROWS = 16
"""Handing out a band takes about 20 microseconds, as long as a few empty rows."""


def in_bands(work: Callable[[int, int], None], rows: int) -> None:
    """work(first row, row after the last) for bands that together are all rows, on as many
    threads as `thread_count` says; returns when all are done."""
    pieces = thread_count() * BANDS_A_THREAD if rows > LEAST_ROWS else 1
    step = max(LEAST_ROWS, -(-rows // pieces))
    run_ranges(work, [*range(0, rows, step), rows])
