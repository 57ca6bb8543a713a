# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharpens an avatar's colours until its picture is the photo: what is missing in the picture at a
Gaussian's place is added to its colour, a few times over (van Cittert's iteration)."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ..avatar.splats import Splats
from ..raster.gaussians import GaussianImage, rasterise_gaussians
from .framing import Frame, sample

_STEPS, _GAIN = 7, 0.9
_SOFT_PIXELS = 1.2
_MOST = 0.15
"""A colour moves no further than this from where it began: beyond lies ringing."""


def draw(gaussians: Splats, frame: Frame) -> GaussianImage:
    """The picture that the frame's camera sees."""
    return rasterise_gaussians(gaussians.seen_by(frame.camera), frame.camera)


def sharpened(
    gaussians: Splats, pixels: Float64Array, trust: Float32Array, frame: Frame
) -> Float32Array:
    """(N, 3) sRGB colours. pixels: (N, 2) where each Gaussian is seen; trust: (N,) 0 to 1, how much
    the photo may change it. What is missing is softened by a pixel, or a pattern is woven that is
    finer than one."""
    first = colours = gaussians.colours
    for _ in range(_STEPS):
        image = draw(replace(gaussians, colours=colours), frame)
        missing = (frame.picture - image.colour) * (image.alpha[..., None] > 0.9)
        blurred = cv2.GaussianBlur(missing.astype(np.float32), (0, 0), _SOFT_PIXELS)
        asked = colours + _GAIN * trust[:, None] * sample(np.asarray(blurred, np.float32), pixels)
        colours = np.clip(np.clip(asked, first - _MOST, first + _MOST), 0, 1).astype(np.float32)
    return colours
