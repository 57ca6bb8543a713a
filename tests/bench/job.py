# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bench times, and on which take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from affekt.shared.motion import Motion
from affekt.sidecar.motion.read import read_motion

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is timed; `units` of work in one run; `aim` is what we want on two cores of a quiet
    machine; `plain` is the slow way to the same."""

    name: str
    run: Callable[[], object]
    units: float
    unit: str
    aim: str = ""
    plain: Callable[[], object] | None = None


def seconds(run: Callable[[], object]) -> float:
    """Wall seconds of one run."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def long_take() -> Motion:
    """The shipped take, begun again until it has `FRAMES` frames."""
    take = read_motion(ROOT / "sidecar/assets/demo/take.npz")
    again = np.arange(FRAMES) % len(take)
    arrays = {
        field.name: getattr(take, field.name)[again]
        for field in fields(take)
        if np.shape(getattr(take, field.name))[:1] == (len(take),)
    }
    return replace(take, **arrays)
