# SPDX-License-Identifier: GPL-3.0-or-later
"""What the skin network reads: a person's skin at rest, as maps on the face's chart."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...shared.arrays import Float32Array
from ...shared.emotion import EMOTIONS
from .face_chart import blurred

MAPS = ("red", "green", "blue", "fine", "curvature", "hair", "seen")
"""Albedo, that is the logarithm of the colour without its light; the fine part of its luminance;
curvature of the surface; where hair hides it; where it is seen at all."""
STATES = len(EMOTIONS) + 1
"""In which a skin folds: the emotions, and last a motion that no emotion made."""
_LIGHT_MM, _FINE_MM, _CURVE_MM = 20.0, 3.5, 2.0
_ALBEDO_SCALE, _FINE_SCALE, _CURVE_SCALE = 2.0, 10.0, 20.0
_MOST = 3.0
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_DARKEST = 0.02
_LEAST_SEEN = 0.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SkinLook:
    """What is seen on the chart. colour: (E, E, 3) sRGB 0..1; seen: (E, E) 0..1, how much skin is
    seen there, hair or not; hair: (E, E) 0..1; depth_mm: (E, E) z of the surface at rest."""

    colour: Float32Array
    seen: Float32Array
    hair: Float32Array
    depth_mm: Float32Array


def identity_maps(look: SkinLook) -> Float32Array:
    """(maps, E, E) in the order of `MAPS`, all about within -1..1."""
    logs = np.log(np.clip(look.colour, _DARKEST, 1)).astype(np.float32)
    bright = np.log(np.clip(look.colour @ LUMINANCE, _DARKEST, 1))
    trusted = look.seen * (1 - look.hair)
    light, near = (_mean_around(bright, trusted, size) for size in (_LIGHT_MM, _FINE_MM))
    albedo = (logs - light[..., None]) * trusted[..., None]
    fine = (bright - near) * trusted
    surface = blurred(look.depth_mm, _CURVE_MM)
    curvature = np.asarray(cv2.Laplacian(surface, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE))
    maps = (
        *(_ALBEDO_SCALE * albedo.transpose(2, 0, 1)),
        _FINE_SCALE * fine,
        _CURVE_SCALE * curvature * look.seen,
        look.hair,
        look.seen,
    )
    return np.clip(np.stack(maps), -_MOST, _MOST).astype(np.float32)


def _mean_around(values: Float32Array, weight: Float32Array, deviation_mm: float) -> Float32Array:
    """(E, E) the weighted mean of the values around each texel."""
    both = blurred(np.stack([values * weight, weight], 2), deviation_mm)
    mean = both[..., 0] / np.maximum(both[..., 1], _LEAST_SEEN)
    return np.asarray(mean, np.float32)
