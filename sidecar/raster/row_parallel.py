# SPDX-License-Identifier: GPL-3.0-or-later
"""Bands of a picture's rows, shared out to threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from .kernel_threads import run_ranges, thread_count

BANDS_A_THREAD = 4
"""A head fills the middle of a picture: more bands than threads, or the outer threads idle."""
LEAST_ROWS = 16
"""Handing out a band takes about 20 microseconds, as long as a few empty rows."""


Work = Callable[[int, int], None]
_put_off = threading.local()


def in_bands(work: Work, rows: int) -> None:
    """work(first row, row after the last) for bands that together are all rows, on as many
    threads as `thread_count` says; returns when all are done, but see `together`."""
    waiting: list[tuple[Work, int]] | None = getattr(_put_off, "waiting", None)
    if waiting is not None:
        waiting.append((work, rows))
        return
    pieces = thread_count() * BANDS_A_THREAD if rows > LEAST_ROWS else 1
    _run(work, rows, max(LEAST_ROWS, -(-rows // pieces)))


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Work of this thread `in_bands`, all on equally many rows, is put off to the end of the
    block. Then narrow bands have all of it done in the order given, while they lie in the cache:
    the results are there after the block."""
    waiting: list[tuple[Work, int]] = []
    _put_off.waiting = waiting
    try:
        yield
    finally:
        _put_off.waiting = None
    if waiting:
        rows = waiting[0][1]
        if any(count != rows for _, count in waiting):
            raise ValueError("work together is on equally many rows")
        _run(lambda first, stop: [work(first, stop) for work, _ in waiting], rows, LEAST_ROWS)


def _run(work: Callable[[int, int], object], rows: int, step: int) -> None:
    run_ranges(work, [*range(0, rows, step), rows])
