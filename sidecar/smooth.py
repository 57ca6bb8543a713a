# SPDX-License-Identifier: GPL-3.0-or-later
"""Smoothstep, the soft step from 0 to 1."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = TypeVar("Kind", bound=np.floating)


def smoothstep(values: NDArray[Kind], low: float, high: float) -> NDArray[Kind]:
    """0 up to `low`, 1 from `high` on, and 3 x^2 - 2 x^3 between them."""
    position = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(position * position * (3 - 2 * position), values.dtype)
