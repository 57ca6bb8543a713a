# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians in the world: what an avatar becomes in one frame, and what a renderer takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gaussians:
    """N Gaussians in the world. means (N, 3) metres; quaternions (N, 4) w, x, y, z; scales (N, 3)
    standard deviations, metres; opacities (N,) 0..1; colours (N, 3) sRGB 0..1, those of the
    zeroth harmonic where there are more; harmonics (N, K, 3), K = 3, 8 or 15, the coefficients of
    the spherical harmonics of degree 1 to 3 in 3DGS's order and signs, added to colours by the
    direction of sight in the world; or None."""

    means: FloatArray
    quaternions: FloatArray
    scales: FloatArray
    opacities: FloatArray
    colours: FloatArray
    harmonics: FloatArray | None = None
