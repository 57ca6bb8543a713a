# SPDX-License-Identifier: GPL-3.0-or-later
"""The light of a photo: how bright the face is for each direction of its skin."""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float32Array, Float64Array

_RIDGE, _STEPS = 0.02, 5
_LEAST, _MOST = 0.35, 1.9
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def harmonics(normals: Float64Array) -> Float64Array:
    """(N, 9) spherical harmonics up to degree 2, unnormalised (Basri and Jacobs 2003)."""
    x, y, z = normals.T
    return np.stack(
        [np.ones_like(x), x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1], 1
    )


def fit_light(normals: Float64Array, linear: Float32Array, weight: Float32Array) -> Float64Array:
    """(9,) coefficients of the light on skin, 1 on the average, robust against spots. normals:
    (N, 3); linear: (N, 3) colours; weight: (N,)."""
    brightness = linear @ LUMINANCE
    middle = np.average(brightness, weights=weight + 1e-12)
    wanted = brightness / max(float(middle), 1e-6)
    rows, trust = harmonics(normals), weight.astype(np.float64)
    light = np.zeros(9)
    light[0] = 1
    for _ in range(_STEPS):
        matrix = (rows * trust[:, None]).T @ rows
        matrix += _RIDGE * max(float(trust.sum()), 1e-9) * np.diag([0, *[1] * 8])
        light = np.linalg.solve(matrix + 1e-9 * np.eye(9), (rows * trust[:, None]).T @ wanted)
        away = np.abs(wanted - rows @ light)
        scale = 2 * np.median(away[weight > 0.1]) if (weight > 0.1).any() else 1.0
        trust = weight / (1 + (away / max(float(scale), 1e-6)) ** 2)
    return np.asarray(light, np.float64)


def shade(normals: Float64Array, light: Float64Array) -> Float64Array:
    """(N,) the light on surfaces, kept within what skin shows."""
    return np.clip(harmonics(normals) @ light, _LEAST, _MOST)
