# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in equal pieces, one piece a thread: small products gain nothing from several threads each.

Inside a piece torch has one thread, however many there are: a piece's bits never depend on that.
"""

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
    """work(piece) of each piece, in order; at most one piece a thread is ahead of the caller, so
    that memory stays flat. Threads are as many as torch has (`OMP_NUM_THREADS`)."""
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
    # All threads start here: what they tell torch would else hold for threads that start later.
    started = threading.Barrier(count)
    for future in [pool.submit(started.wait) for _ in range(count)]:
        future.result()
    torch.set_num_threads(count)
    return pool


def _one_thread() -> None:
    torch.get_num_threads()  # a thread's first question sets it up as others are; then comes ours
    torch.set_num_threads(1)
