# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera that frames a head as a portrait does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...shared.camera import Camera, look_at

PORTRAIT_FOV_RAD = 0.24
"""About an 85 mm lens: near enough for depth, far enough for no large noses."""
_MARGIN = 0.05


def frame_points(
    points: NDArray[np.floating], width: int, height: int, *, fov_y_rad: float = PORTRAIT_FOV_RAD
) -> Camera:
    """A camera straight before points (N, 3), metres, that fill the picture from top to bottom
    but for a small margin. It looks at the middle of their box; narrow pictures step back."""
    low, high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
    size = (high - low) * (1 + 2 * _MARGIN)
    visible = max(size[1], size[0] * height / max(width, 1), 1e-3)
    # The box's front is nearer than its middle, so it looks larger.
    distance = 0.5 * visible / np.tan(0.5 * fov_y_rad) + 0.5 * (high[2] - low[2])
    return look_at(
        target=0.5 * (low + high), distance=distance, yaw_rad=0.0, pitch_rad=0.0,
        width=width, height=height, fov_y_rad=fov_y_rad,
    )  # fmt: skip
