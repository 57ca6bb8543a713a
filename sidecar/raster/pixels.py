# SPDX-License-Identifier: GPL-3.0-or-later
"""Where points are in a picture."""

from __future__ import annotations

import numpy as np
from numba import njit

from ...shared.arrays import Float32Array, FloatArray
from ...shared.camera import Camera


def to_pixels(points: FloatArray, camera: Camera) -> Float32Array:
    """(N, 3) x and y in pixels, inside the picture or not, and z in metres along the view axis,
    of points (N, 3) in the world; three NaN for a point that is no number, or nearer than
    `camera.near`."""
    lens = (camera.focal_x, camera.focal_y, camera.centre_x, camera.centre_y, camera.near)
    out = np.empty((len(points), 3), np.float32)
    _to_pixels(
        np.ascontiguousarray(points),
        np.ascontiguousarray(camera.camera_from_world),
        lens,
        camera.orthographic,
        out,
    )
    return out


@njit(cache=True, nogil=True)
def _to_pixels(points, pose, lens, orthographic, out):  # pragma: no cover - compiled
    focal_x, focal_y, centre_x, centre_y, near = lens
    for i in range(points.shape[0]):
        px, py, pz = points[i, 0], points[i, 1], points[i, 2]
        x = pose[0, 0] * px + pose[0, 1] * py + pose[0, 2] * pz + pose[0, 3]
        y = pose[1, 0] * px + pose[1, 1] * py + pose[1, 2] * pz + pose[1, 3]
        z = pose[2, 0] * px + pose[2, 1] * py + pose[2, 2] * pz + pose[2, 3]
        out[i, 0] = out[i, 1] = out[i, 2] = np.nan
        # Written so that a value that is no number fails.
        if z >= near and np.isfinite(x) and np.isfinite(y) and np.isfinite(z):
            scale = 1.0 if orthographic else 1.0 / z
            out[i, 0] = focal_x * x * scale + centre_x
            out[i, 1] = focal_y * y * scale + centre_y
            out[i, 2] = z
