# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled kernels on several threads. The kernels release the interpreter's lock. Every piece
writes numbers that no other piece writes, so the number of threads changes no bit of a result.

`sidecar.threads` is for torch instead: it returns results in order and sets torch's own threads.
Here a piece costs microseconds, and torch is not imported.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ...shared.arrays import Float32Array

Kernel = Callable[[int, int], object]
"""Computes the items (such as rows) from the first index up to, but without, the second."""

BANDS_A_THREAD = 4
"""A head fills the middle of a picture: with one band a thread, the outer threads would idle."""
LEAST_ROWS = 16
"""Rows of the narrowest band: starting a band costs about 20 microseconds, as much as these."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowWork:
    """A picture that is not computed yet: `fill` writes its rows into `result`."""

    result: Float32Array
    fill: Kernel

    def run(self) -> Float32Array:
        """Computes all rows now and returns the result."""
        run_rows([self.fill], len(self.result))
        return self.result


def run_rows(kernels: Sequence[Kernel], rows: int) -> None:
    """Runs the kernels, in their order, on bands that together are all rows. Several kernels
    share narrow bands, so that a band is still in the cache when the next kernel reads it."""

    def band(first: int, stop: int) -> None:
        for kernel in kernels:
            kernel(first, stop)

    step = LEAST_ROWS
    if len(kernels) == 1 and rows > LEAST_ROWS:
        step = max(LEAST_ROWS, -(-rows // (thread_count() * BANDS_A_THREAD)))
    run_ranges(band, [*range(0, rows, step), rows])


def run_ranges(kernel: Kernel, bounds: Iterable[int]) -> None:
    """Calls kernel(first, last) for each pair of neighbours in bounds, in any order and at once.
    The calling thread takes part; an error of any piece is raised."""
    edges = list(bounds)
    pieces = iter(list(itertools.pairwise(edges)))
    helpers = min(thread_count(), len(edges) - 1) - 1
    running = [_pool(helpers).submit(_drain, kernel, pieces) for _ in range(max(helpers, 0))]
    try:
        _drain(kernel, pieces)
    finally:
        for future in running:
            future.result()


def even_pieces(count: int, each: int = 4) -> list[int]:
    """Bounds for `run_ranges` that split `count` items into `each` pieces a thread."""
    pieces = max(min(each * thread_count(), count), 1)
    return [count * piece // pieces for piece in range(pieces + 1)]


def thread_count() -> int:
    """`OMP_NUM_THREADS` if it is a positive number, as for torch and OpenBLAS; else the number of
    cores that this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _drain(kernel: Kernel, pieces: Iterator[tuple[int, int]]) -> None:
    # A list's iterator gives each piece to one thread only.
    for first, last in pieces:
        kernel(first, last)


@functools.lru_cache(maxsize=4)
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "affekt-raster")
