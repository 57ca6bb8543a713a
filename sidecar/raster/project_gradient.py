# SPDX-License-Identifier: GPL-3.0-or-later
"""Gradients of the projection: from what the pictures say of the ellipses to the Gaussians."""

from __future__ import annotations

import numpy as np
from numba import njit

from .project import HIDDEN, LOW_PASS, reach_of_rays


@njit(cache=True, nogil=True, error_model="numpy")
def project_gradient(
    first, last, means, quaternions, scales, opacities, pose, lens, keys, totals,
    mean_out, quaternion_out, scale_out, opacity_out,
):  # fmt: skip  # pragma: no cover - compiled
    """Writes the gradients of the Gaussians first to last - 1; those that are not drawn keep
    what was there. totals: (N, MOMENTS + C + 1) float64, the last column the depth's."""
    most_x, least_x = reach_of_rays(lens.focal_x, lens.centre_x, lens.width)
    most_y, least_y = reach_of_rays(lens.focal_y, lens.centre_y, lens.height)
    turn = np.empty((3, 3))
    turn_gradient = np.empty((3, 3))
    rows = np.empty((2, 3))
    row_gradient = np.empty((2, 3))
    seen = np.empty((2, 3))
    point = np.empty(3)
    for i in range(first, last):
        if keys[i] == HIDDEN:
            continue
        for axis in range(3):
            point[axis] = pose[axis, 3]
            for k in range(3):
                point[axis] += pose[axis, k] * means[i, k]
        inverse = 1.0 if lens.orthographic else 1.0 / point[2]
        ray_x, ray_y = point[0] * inverse, point[1] * inverse
        slope_x, slope_y = min(max(ray_x, least_x), most_x), min(max(ray_y, least_y), most_y)
        if lens.orthographic:
            slope_x = slope_y = 0.0
        scale_x, scale_y = lens.focal_x * inverse, lens.focal_y * inverse
        length = rotation(quaternions[i], turn)
        xx = xy = yy = 0.0
        for k in range(3):
            rows[0, k] = scale_x * (pose[0, k] - slope_x * pose[2, k])
            rows[1, k] = scale_y * (pose[1, k] - slope_y * pose[2, k])
        for k in range(3):
            for axis in range(2):
                seen[axis, k] = 0.0
                for j in range(3):
                    seen[axis, k] += rows[axis, j] * turn[j, k]
            squared = np.float64(scales[i, k]) ** 2
            xx += squared * seen[0, k] * seen[0, k]
            xy += squared * seen[0, k] * seen[1, k]
            yy += squared * seen[1, k] * seen[1, k]
        of_xx, of_xy, of_yy, opacity_out[i], a, b, c = covariance_gradient(
            totals[i], xx, xy, yy, cross_squared(seen, scales[i]), opacities[i], lens.antialiased
        )
        row_gradient[:] = 0.0
        for k in range(3):
            size = np.float64(scales[i, k])
            of_first = 2.0 * of_xx * seen[0, k] + of_xy * seen[1, k]
            of_second = 2.0 * of_yy * seen[1, k] + of_xy * seen[0, k]
            scale_out[i, k] = size * (of_first * seen[0, k] + of_second * seen[1, k])
            of_first, of_second = of_first * size * size, of_second * size * size
            for j in range(3):
                row_gradient[0, j] += of_first * turn[j, k]
                row_gradient[1, j] += of_second * turn[j, k]
                turn_gradient[j, k] = of_first * rows[0, j] + of_second * rows[1, j]
        rotation_gradient(quaternions[i], length, turn_gradient, quaternion_out[i])
        # A centre to the right moves every offset to the left.
        of_x = -lens.focal_x * (a * totals[i, 1] + b * totals[i, 2])
        of_y = -lens.focal_y * (b * totals[i, 1] + c * totals[i, 2])
        of_inverse = of_slope_x = of_slope_y = 0.0
        if not lens.orthographic:
            for k in range(3):
                of_inverse += row_gradient[0, k] * rows[0, k] / inverse
                of_inverse += row_gradient[1, k] * rows[1, k] / inverse
                of_slope_x -= scale_x * row_gradient[0, k] * pose[2, k]
                of_slope_y -= scale_y * row_gradient[1, k] * pose[2, k]
            of_x += of_slope_x if least_x < ray_x < most_x else 0.0
            of_y += of_slope_y if least_y < ray_y < most_y else 0.0
            of_inverse += of_x * point[0] + of_y * point[1]
        of_z = totals[i, totals.shape[1] - 1] - inverse * inverse * of_inverse
        for k in range(3):
            mean_out[i, k] = inverse * (of_x * pose[0, k] + of_y * pose[1, k]) + of_z * pose[2, k]


@njit(cache=True, nogil=True, error_model="numpy")
def covariance_gradient(
    totals, xx, xy, yy, squared_area, opacity, antialiased
):  # pragma: no cover - compiled
    """Gradients of the covariance before the low-pass and of the opacity; and the conic a, b, c
    of t = (a dx dx + c dy dy) / 2 + b dx dy - ln opacity."""
    m, mxx, mxy, myy = totals[0], 0.5 * totals[3], 0.5 * totals[4], 0.5 * totals[5]
    determinant = squared_area + LOW_PASS * (xx + yy) + LOW_PASS * LOW_PASS
    wide_xx, wide_yy = xx + LOW_PASS, yy + LOW_PASS
    a, b, c = wide_yy / determinant, -xy / determinant, wide_xx / determinant
    # An inverse's gradient: -C G C.
    of_xx = -(a * a * mxx + 2.0 * a * b * mxy + b * b * myy)
    of_xy = -2.0 * (a * b * mxx + (a * c + b * b) * mxy + b * c * myy)
    of_yy = -(b * b * mxx + 2.0 * b * c * mxy + c * c * myy)
    if antialiased:
        half = 0.5 * m
        of_xx -= half * (yy / squared_area - a)
        of_yy -= half * (xx / squared_area - c)
        of_xy += m * (xy / squared_area + b)
    return of_xx, of_xy, of_yy, -m / opacity, a, b, c


@njit(cache=True, nogil=True, error_model="numpy")
def cross_squared(seen, scales):  # pragma: no cover - compiled
    """The covariance's determinant before the low-pass."""
    total = 0.0
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        area = seen[0, i] * seen[1, j] - seen[0, j] * seen[1, i]
        total += (area * np.float64(scales[i]) * np.float64(scales[j])) ** 2
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def rotation(quaternion, out):  # pragma: no cover - compiled
    """The quaternion's matrix, into out; returns its length."""
    w, x = np.float64(quaternion[0]), np.float64(quaternion[1])
    y, z = np.float64(quaternion[2]), np.float64(quaternion[3])
    squared = w * w + x * x + y * y + z * z
    n = 2.0 / squared
    out[0, 0], out[0, 1] = 1 - n * (y * y + z * z), n * (x * y - w * z)
    out[0, 2], out[1, 0] = n * (x * z + w * y), n * (x * y + w * z)
    out[1, 1], out[1, 2] = 1 - n * (x * x + z * z), n * (y * z - w * x)
    out[2, 0], out[2, 1] = n * (x * z - w * y), n * (y * z + w * x)
    out[2, 2] = 1 - n * (x * x + y * y)
    return np.sqrt(squared)


@njit(cache=True, nogil=True, error_model="numpy")
def rotation_gradient(quaternion, length, g, out):  # pragma: no cover - compiled
    """g: (3, 3) the matrix's gradient. Along the quaternion itself nothing changes."""
    w, x = quaternion[0] / length, quaternion[1] / length
    y, z = quaternion[2] / length, quaternion[3] / length
    gw = x * (g[2, 1] - g[1, 2]) + y * (g[0, 2] - g[2, 0]) + z * (g[1, 0] - g[0, 1])
    gx = y * (g[0, 1] + g[1, 0]) + z * (g[0, 2] + g[2, 0]) + w * (g[2, 1] - g[1, 2])
    gx -= 2.0 * x * (g[1, 1] + g[2, 2])
    gy = x * (g[0, 1] + g[1, 0]) + z * (g[1, 2] + g[2, 1]) + w * (g[0, 2] - g[2, 0])
    gy -= 2.0 * y * (g[0, 0] + g[2, 2])
    gz = x * (g[0, 2] + g[2, 0]) + y * (g[1, 2] + g[2, 1]) + w * (g[1, 0] - g[0, 1])
    gz -= 2.0 * z * (g[0, 0] + g[1, 1])
    along = w * gw + x * gx + y * gy + z * gz
    scale = 2.0 / length
    out[0], out[1] = scale * (gw - along * w), scale * (gx - along * x)
    out[2], out[3] = scale * (gy - along * y), scale * (gz - along * z)
