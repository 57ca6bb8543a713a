# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `--frames A-B`."""

from __future__ import annotations

from ...shared.errors import InputError
from ...shared.motion import frames_outside


def parse_frames(text: str | None, total: int) -> range:
    """`A-B`, both included, or `A`, in a take of `total` frames; all of them for None.

    Raises InputError `frames.syntax`, `frames.out_of_range`.
    """
    if text is None:
        return range(total)
    first, dash, last = (part.strip() for part in text.partition("-"))
    digits = (first, last) if dash else (first,)
    if not all(d.isascii() and d.isdecimal() and len(d) < 10 for d in digits):
        raise InputError(
            "frames.syntax",
            f"'{text:.40}' is not a range of frames.",
            "Write it like 100-200, both included, counted from 0.",
        )
    start, stop = int(first), int(digits[-1]) + 1
    if not start < stop <= total:
        raise frames_outside(range(start, stop), total)
    return range(start, stop)
