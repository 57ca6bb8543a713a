# SPDX-License-Identifier: GPL-3.0-or-later
"""Units and axes of a take's numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import rotations
from .raw_take import RawTake


def with_rotation(raw: RawTake) -> RawTake:
    """The take with `rotation` in place of `head_angles`."""
    if "head_angles" not in raw.rows:
        return raw
    rows = dict(raw.rows)
    angles = rows.pop("head_angles").astype(np.float64)
    rows["rotation"] = rotations.axis_angle_from_yaw_pitch_roll(angles)
    return replace(raw, rows=rows)
