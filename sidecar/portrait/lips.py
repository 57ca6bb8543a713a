# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the red of a person's lips ends in a photo.

MediaPipe draws lips of about one outline on everybody: at the sides of a smile's lower lip it lies
far beyond the red, which is narrow there. So each landmark of the outline is moved to where the
colour along its way out from the mouth's opening turns from the lips' to the skin's."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ...shared.arrays import Float32Array, Float64Array, UInt8Array
from ..raster.colour import srgb_to_linear
from .framing import sample
from .landmarks import LIP_RINGS
from .seeing import SeenFace

_WAY = np.linspace(0.0, 1.8, 37)
"""Places from the opening's edge, 0, over MediaPipe's outline, 1, onto the skin."""
_INNER, _RED, _SKIN = 0.15, (0.25, 0.75), (1.4, 1.8)
_MIDDLE = slice(2, 7)
"""Of the nine landmarks of a lip those whose ways tell red from skin: the others' are short."""
_LEAST, _FARTHEST, _TRIED = 0.5, 1.12, 32
_DIFFERENT = 1.8
"""Standard deviations between the colours of lip and skin, below which there is no edge to see."""
_SMOOTH, _AS_MARKED = 0.6, 0.02
"""How much a bend between neighbours, and leaving MediaPipe's outline, cost beside an edge that is
missed by as much."""
_BLUR, _DARKEST = 0.012, 0.01
"""Of the distance between the eyes; of white."""


def with_red_lips(photo: UInt8Array, seen: SeenFace) -> SeenFace:
    """The face with the lips' landmarks where the photo (H, W, 3) shows the lips' edge; as it is
    where lips and skin are of one colour."""
    linear = srgb_to_linear(photo.astype(np.float32) / np.float32(255)).astype(np.float32)
    soft = cv2.GaussianBlur(linear, (0, 0), max(_BLUR * seen.eye_distance, 0.5))
    colour = np.log(np.asarray(soft, np.float32) + np.float32(_DARKEST))
    landmarks = seen.landmarks.copy()
    for lip in (slice(0, 9), slice(9, 18)):  # the upper, the lower
        rings = np.array([ring[lip] for ring in LIP_RINGS])
        shares = red_shares(colour, landmarks[rings[0]], landmarks[rings[-1]])
        inner = landmarks[rings[-1]]
        landmarks[rings] = inner + (landmarks[rings] - inner) * shares[:, None]
    return replace(seen, landmarks=landmarks)


def red_shares(colour: Float32Array, outer: Float64Array, inner: Float64Array) -> Float64Array:
    """(9,) how far out the red of a lip goes, of the way from its inner edge (9, 2) to its outline
    (9, 2) as they are marked. colour: (H, W, 3) logarithms."""
    places = inner[:, None] + _WAY[:, None] * (outer - inner)[:, None]
    found = np.stack([sample(colour, way) for way in places]).astype(np.float64)  # (9, ways, 3)
    red, skin = (
        found[_MIDDLE][:, (start <= _WAY) & (end >= _WAY)].reshape(-1, 3)
        for start, end in (_RED, _SKIN)
    )
    apart = red.mean(0) - skin.mean(0)
    spread = 0.5 * (np.cov(red.T) + np.cov(skin.T)) + 1e-3 * np.eye(3)
    telling = np.linalg.solve(spread, apart)  # Fisher's direction
    between = float(apart @ telling)
    if between < _DIFFERENT**2:
        return np.ones(len(outer))
    redness = (found - skin.mean(0)) @ telling / between
    tried = np.linspace(_LEAST, _FARTHEST, _TRIED)
    is_red = (tried[:, None] > _WAY) & (_WAY > _INNER)
    missed = np.where(is_red, (redness[:, None] - 1) ** 2, redness[:, None] ** 2)
    ends = tried[(missed * (_WAY > _INNER)).sum(2).argmin(1)]
    wide = np.linalg.norm(outer - inner, axis=1)
    sure = (wide / max(float(wide.max()), 1e-6)) ** 2
    bends = np.diff(np.eye(len(ends)), 2, axis=0)
    matrix = np.diag(sure + _AS_MARKED) + _SMOOTH * bends.T @ bends
    return np.linalg.solve(matrix, sure * ends + _AS_MARKED)
