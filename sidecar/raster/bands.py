# SPDX-License-Identifier: GPL-3.0-or-later
"""Bands of a picture's rows, shared out to threads. Kernels release the GIL, so threads are enough.

Who hands out work here writes each pixel in one band only, so that no bit of a picture depends on
the number of threads.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

BANDS_A_THREAD = 4
"""A head fills the middle of a picture: more bands than threads, or the outer threads idle."""
LEAST_ROWS = 16
"""Handing out a band takes about 20 microseconds, as long as a few empty rows."""


def in_bands(work: Callable[[int, int], None], rows: int) -> None:
    """work(first row, row after the last) for bands that together are all rows, on as many
    threads as `thread_count` says; returns when all are done."""
    count = thread_count()
    if count == 1 or rows <= LEAST_ROWS:
        work(0, rows)
        return
    step = max(LEAST_ROWS, -(-rows // (count * BANDS_A_THREAD)))
    starts = range(0, rows, step)
    # Consuming the results raises what a band raised.
    list(_pool(count).map(work, starts, (min(start + step, rows) for start in starts)))


def thread_count() -> int:
    """`OMP_NUM_THREADS` where it says a number, as torch and OpenBLAS take it; else the cores that
    this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.lru_cache(maxsize=4)
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "affekt-band")
