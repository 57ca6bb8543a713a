# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians in the world: what an avatar becomes in one frame, and what a renderer takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from ...shared.arrays import Float32Array
from ...shared.camera import Camera, camera_axis, camera_centre


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gaussians:
    """N Gaussians in the world. means (N, 3) metres; quaternions (N, 4) w, x, y, z; scales (N, 3)
    standard deviations, metres; opacities (N,) 0..1; colours (N, 3) sRGB 0..1, where there are
    harmonics those of the zeroth alone, which may lie outside; harmonics (N, K, 3), K = 3, 8 or
    15, the coefficients of the spherical harmonics of degree 1 to 3 in 3DGS's order and signs,
    added to colours by the direction of sight in the world; or None."""

    means: Float32Array
    quaternions: Float32Array
    scales: Float32Array
    opacities: Float32Array
    colours: Float32Array
    harmonics: Float32Array | None = None


def seen_colours(gaussians: Gaussians, camera: Camera) -> Float32Array:
    """(N, 3) sRGB, at least 0, as the camera sees them: `colours`, plus what the harmonics add in
    the direction from the camera to each Gaussian (Kerbl et al. 2023, 3DGS)."""
    if gaussians.harmonics is None:
        return gaussians.colours
    parallel = camera_axis(camera) if camera.orthographic else np.zeros(3)
    seen = np.empty_like(gaussians.colours)
    _add_harmonics(
        gaussians.means,
        gaussians.colours,
        gaussians.harmonics,
        camera_centre(camera).astype(np.float32),
        parallel.astype(np.float32),
        seen,
    )
    return seen


@njit(cache=True, nogil=True)
def _add_harmonics(means, colours, harmonics, eye, parallel, out):  # pragma: no cover - compiled
    """Real spherical harmonics with 3DGS's order and signs. parallel: the one direction of sight,
    or zero where it goes from the eye to each mean."""
    count, known = means.shape[0], harmonics.shape[1]
    basis = np.zeros(15, np.float32)
    fixed = parallel[0] != 0 or parallel[1] != 0 or parallel[2] != 0
    for i in range(count):
        x, y, z = parallel
        if not fixed:
            x, y, z = means[i, 0] - eye[0], means[i, 1] - eye[1], means[i, 2] - eye[2]
        length = max(np.sqrt(x * x + y * y + z * z), np.float32(1e-12))
        x, y, z = x / length, y / length, z / length
        basis[0] = -0.4886025119029199 * y
        basis[1] = 0.4886025119029199 * z
        basis[2] = -0.4886025119029199 * x
        xx, yy, zz = x * x, y * y, z * z
        if known > 3:
            basis[3] = 1.0925484305920792 * x * y
            basis[4] = -1.0925484305920792 * y * z
            basis[5] = 0.31539156525252005 * (2 * zz - xx - yy)
            basis[6] = -1.0925484305920792 * x * z
            basis[7] = 0.5462742152960396 * (xx - yy)
        if known > 8:
            basis[8] = -0.5900435899266435 * y * (3 * xx - yy)
            basis[9] = 2.890611442640554 * x * y * z
            basis[10] = -0.4570457994644658 * y * (4 * zz - xx - yy)
            basis[11] = 0.3731763325901154 * z * (2 * zz - 3 * xx - 3 * yy)
            basis[12] = -0.4570457994644658 * x * (4 * zz - xx - yy)
            basis[13] = 1.445305721320277 * z * (xx - yy)
            basis[14] = -0.5900435899266435 * x * (xx - 3 * yy)
        for k in range(3):
            value = colours[i, k]
            for term in range(known):
                value += basis[term] * harmonics[i, term, k]
            out[i, k] = max(value, np.float32(0))
