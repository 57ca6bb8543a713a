# SPDX-License-Identifier: GPL-3.0-or-later
"""Says why nothing happens for a while where kernels are compiled, which numba does at their first
use on a machine and keeps."""

from __future__ import annotations

import threading

SENTENCE = "Compiling what moves and draws heads: once on this machine, about half a minute."


def say_when_compiling() -> None:
    """From now on prints `SENTENCE` when numba first compiles a kernel; not a word where all are
    kept from before."""
    from numba.core import event

    class Teller(event.Listener):
        def on_start(self, event: object) -> None:
            if not _said.is_set():
                _said.set()
                print(SENTENCE, flush=True)

        def on_end(self, event: object) -> None:
            pass

    if not _listens.is_set():
        _listens.set()
        event.register("numba:compile", Teller())


_said, _listens = threading.Event(), threading.Event()
