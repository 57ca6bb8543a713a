# SPDX-License-Identifier: GPL-3.0-or-later
"""Timecodes as Live Link Face writes them: hours:minutes:seconds:frames.parts."""

from __future__ import annotations

import math

import numpy as np

APP_RATE = 60
"""Frames a second of Live Link Face, where codes leave that open."""


def write_timecodes(frames: int, fps: float) -> list[str]:
    """Codes of consecutive frames that say their times exactly: in whole frames where the rate is
    whole, else with six digits of a frame's part, which tell the rate to a millionth. They begin
    with the first second, or for a take within a second with its last frame, so that the second's
    end tells how many it has."""
    base = math.ceil(fps - 1e-9)
    whole = abs(base - fps) < 1e-9
    first = base - 1 if frames <= base and base != APP_RATE else 0
    ticks = np.rint((np.arange(frames) * (base / fps) + first) * 1e6).astype(np.int64)
    return [_code(int(tick), base, whole=whole) for tick in ticks]


def _code(ticks: int, base: int, *, whole: bool) -> str:
    count, part = divmod(ticks, 1_000_000)
    second, frame = divmod(count, base)
    digits = "000" if whole else f"{part:06}"
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}:{frame:02}.{digits}"
