# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals for programs that a test starts."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heard(number: int) -> Iterator[None]:
    """Programs that start meanwhile get the signal even where the tests themselves were started to
    ignore it, by `nohup` or in the background."""
    before = signal.getsignal(number)
    if before is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, before)
