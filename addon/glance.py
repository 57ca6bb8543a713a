# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at files for what is drawn: Blender draws a panel up to sixty times a second, and a disk
on a network answers in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

Answer = TypeVar("Answer")
_FRESH_S = 1.0
_MOST_KNOWN = 32
_known: dict[Hashable, tuple[float, object]] = {}


def glance(key: Hashable, look: Callable[[], Answer]) -> Answer:
    """What `look` answers, which is asked at most once a second for the same key. key: all that the
    answer depends on besides the files."""
    known, now = _known.get(key), time.monotonic()
    if known is not None and now < known[0]:
        return cast(Answer, known[1])
    answer = look()
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[key] = (now + _FRESH_S, answer)
    return answer


def look_again() -> None:
    """The next glance of each kind looks: we ourselves have changed the files."""
    _known.clear()
