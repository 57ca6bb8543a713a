# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs equal pieces of work in parallel, one piece a thread: small matrix products gain nothing
from several threads. Torch has one thread in a piece, so its bits never depend on their number."""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def in_order(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> Iterator[Result]:
    """Yields work(piece) for each piece, in order, on as many threads as torch has
    (`OMP_NUM_THREADS`). To keep memory flat only as many pieces are computed ahead."""
    count = torch.get_num_threads()
    if count == 1:
        yield from map(work, pieces)
        return
    pool = _pool(count)
    running: deque[Future[Result]] = deque()
    try:
        for piece in pieces:
            running.append(pool.submit(work, piece))
            if len(running) > count:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()


@functools.lru_cache(maxsize=4)
def _pool(count: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(count, "affekt-piece", _one_thread)
    # All threads start here: torch would apply what one tells it to threads that start later.
    started = threading.Barrier(count)
    for future in [pool.submit(started.wait) for _ in range(count)]:
        future.result()
    torch.set_num_threads(count)
    return pool


def _one_thread() -> None:
    torch.get_num_threads()  # the first call in a thread sets the default, which ours replaces
    torch.set_num_threads(1)
