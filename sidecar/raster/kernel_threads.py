# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads for compiled kernels, which let go of the interpreter. Who hands out work here writes
each number in one piece only, so that no bit depends on how many threads there are.

Not `sidecar.threads`: that one is for pieces of torch's work, whose results come back in order,
and tells torch what to do in each thread. Kernels need nothing of it, and who renders an avatar
should not have to import torch; handing out a piece here takes microseconds.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor


def thread_count() -> int:
    """`OMP_NUM_THREADS` where it says a number, as torch and OpenBLAS take it; else the cores that
    this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_ranges(work: Callable[[int, int], object], bounds: Iterable[int]) -> None:
    """work(first, last) of each pair of neighbours in bounds, in any order and at once. The
    calling thread takes part."""
    edges = list(bounds)
    pieces = iter(list(itertools.pairwise(edges)))
    helpers = min(thread_count(), len(edges) - 1) - 1
    running = [_pool(helpers).submit(_drain, work, pieces) for _ in range(max(helpers, 0))]
    try:
        _drain(work, pieces)
    finally:
        for future in running:
            future.result()


def even_pieces(count: int, each: int = 4) -> list[int]:
    """Bounds for `run_ranges`: so many pieces for each thread."""
    pieces = max(min(each * thread_count(), count), 1)
    return [count * piece // pieces for piece in range(pieces + 1)]


def _drain(work: Callable[[int, int], object], pieces: Iterator[tuple[int, int]]) -> None:
    # A list's iterator gives each piece to one thread only.
    for first, last in pieces:
        work(first, last)


@functools.lru_cache(maxsize=4)
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "affekt-raster")
