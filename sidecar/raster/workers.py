# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads for compiled kernels that let go of the interpreter. torch is not imported for it."""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor


def thread_count() -> int:
    """As many as torch uses in this thread where torch is loaded, which `sidecar.threads` sets;
    else `OMP_NUM_THREADS`, else one a core."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return torch.get_num_threads()
    try:
        return max(int(os.environ["OMP_NUM_THREADS"]), 1)
    except (KeyError, ValueError):
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


def _drain(work: Callable[[int, int], object], pieces: Iterator[tuple[int, int]]) -> None:
    # A list's iterator gives each piece to one thread only.
    for first, last in pieces:
        work(first, last)


@functools.lru_cache(maxsize=4)
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "affekt-raster")
