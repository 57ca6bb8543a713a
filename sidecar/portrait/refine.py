# SPDX-License-Identifier: GPL-3.0-or-later
"""Sharpens an avatar's colours until its picture is the photo: what is missing in the picture at a
Gaussian's place is added to its colour, a few times over (van Cittert's iteration)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ..avatar.splats import Splats
from ..raster.gaussians import GaussianImage, rasterise_gaussians
from .framing import Frame, sample

_STEPS, _GAIN = 7, 0.9
_MOST = 0.2
"""A colour moves no further than this from where it began: beyond lies ringing."""


def draw(gaussians: Splats, frame: Frame) -> GaussianImage:
    """The picture that the frame's camera sees."""
    return rasterise_gaussians(gaussians.seen_by(frame.camera), frame.camera)


def sharpened(
    gaussians: Splats,
    pixels: Float64Array,
    trust: Float32Array,
    frame: Frame,
    smooth: Callable[[Float32Array], Float32Array],
) -> Float32Array:
    """(N, 3) sRGB colours. pixels: (N, 2) where each Gaussian is seen; trust: (N,) 0 to 1, how much
    the photo may change it; smooth: evens out a change (N, 3) between neighbours, which would
    else weave a pattern finer than a pixel."""
    first = colours = gaussians.colours
    for _ in range(_STEPS):
        image = draw(replace(gaussians, colours=colours), frame)
        missing = (frame.picture - image.colour) * (image.alpha[..., None] > 0.9)
        asked = colours + _GAIN * trust[:, None] * sample(missing.astype(np.float32), pixels)
        change = smooth(np.clip(asked - first, -_MOST, _MOST).astype(np.float32))
        colours = np.clip(first + change, 0, 1).astype(np.float32)
    return colours
