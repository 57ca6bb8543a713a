# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes the disk a minute is done aside: Blender's window goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..link.tasks import Progress

Answer = TypeVar("Answer")


def wait_aside(call: Callable[[], Answer], progress: Progress) -> Generator[Progress, None, Answer]:
    """What the call answers; a thread makes it. progress: what is shown meanwhile."""
    pool = ThreadPoolExecutor(1, "affekt-look")
    answer = pool.submit(call)
    pool.shutdown(wait=False)
    while not answer.done():
        yield progress
    return answer.result()


def remove_aside(call: Callable[[], None]) -> None:
    """Removes folders of gigabytes while nobody waits, not even whoever pressed Esc. What the end
    of Blender keeps it from is removed by the next set-up."""
    threading.Thread(target=call, name="affekt-remove", daemon=True).start()
