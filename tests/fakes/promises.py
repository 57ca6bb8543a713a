# SPDX-License-Identifier: GPL-3.0-or-later
"""Promises in seconds, on a machine that is busy with other tests."""

from __future__ import annotations

from collections.abc import Callable


def within(promise: float, measure: Callable[[], float], tries: int = 3) -> float:
    """The first measurement that keeps the promise, of at most so many; else the least. A machine
    that is busy with other tests makes some worse, a sidecar that breaks the promise all of them.
    """
    least = measure()
    for _ in range(tries - 1):
        if least <= promise:
            break
        least = min(least, measure())
    return least
