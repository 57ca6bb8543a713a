# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in steps, a generator that returns what it has made, gone through to its end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

Step = TypeVar("Step")
Result = TypeVar("Result")


def finish(
    steps: Generator[Step, None, Result], tell: Callable[[Step], object] = lambda step: None
) -> Result:
    """Goes through all steps; what they return. tell: is told each step as it comes."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        tell(step)
