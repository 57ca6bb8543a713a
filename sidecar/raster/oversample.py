# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of avatars so small that their Gaussians are finer than pixels.

Both of gsplat's modes fail there. The plain one draws each Gaussian at least half a pixel wide, so
the avatar swells. `antialiased` makes each one fainter instead, until the avatar becomes
transparent and at last falls below the alpha cut. Here the part of the picture that shows the
avatar is drawn at as many samples a pixel as the Gaussians need, and averaged. A small avatar
costs no more than a large one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from ...shared import limits
from ...shared.arrays import Float32Array, FloatArray
from ...shared.camera import Camera
from .gaussians import GaussianImage, Gaussians, Rasterise, blank_image, empty_image
from .parallel import run_rows
from .project import to_pixels

MOST_SAMPLES = 64
"""Along a pixel's edge: a head that wants 320 pixels has then shrunk to 5."""
MOST_FINE_PIXELS = 2048 * 2048
"""Pixels of the finer picture at the most: twenty float channels are 340 MB."""
WANTED_SPREAD = 1.0
"""Standard deviation, in fine pixels, of the middle Gaussian: LAM's is 1.6 where it was trained,
and the low-pass of 0.3 square pixels then widens it by a seventh at most."""
_MARGIN = 4
_ASKED = 1024
"""Gaussians that decide whether one sample is enough, so that the decision costs nothing."""


def rasterise_oversampled(
    rasterise: Rasterise, gaussians: Gaussians, camera: Camera, *, antialiased: bool = False
) -> GaussianImage:
    """The picture of `rasterise` where the Gaussians are larger than pixels; where they are not,
    the mean of up to `MOST_SAMPLES` squared of its pixels for each. Raises its errors."""
    samples, box = choose_samples(gaussians, camera)
    if samples == 1:
        return rasterise(gaussians, camera, antialiased=antialiased)
    fine = rasterise(gaussians, magnify(camera, box, samples), antialiased=antialiased)
    part = average(fine, samples)
    image = blank_image(camera, gaussians.colours.shape[1])
    left, top, right, bottom = box
    for whole, shown in (
        (image.colour, part.colour),
        (image.alpha, part.alpha),
        (image.depth, part.depth),
    ):
        whole[top:bottom, left:right] = shown
    return image


def choose_samples(gaussians: Gaussians, camera: Camera) -> tuple[int, tuple[int, int, int, int]]:
    """Samples along a pixel's edge, and the box (left, top, right, bottom) of pixels that shows
    the Gaussians before the camera, their blurred edges included. Where one sample is enough, the
    box is the whole picture."""
    means, scales = gaussians.means, gaussians.scales
    whole = (0, 0, camera.width, camera.height)
    some = slice(None, None, max(len(means) // _ASKED, 1))
    _, spread = _spreads(means[some], scales[some], camera)
    middle = float(np.median(spread)) if len(spread) else WANTED_SPREAD
    needed = int(np.ceil(WANTED_SPREAD / max(middle, 1e-9)))
    if needed == 1:
        return 1, whole
    pixels, spread = _spreads(means, scales, camera)
    reach = 4.0 * float(np.quantile(spread, 0.99)) + _MARGIN
    size = np.array([camera.width, camera.height])
    low = np.clip(np.floor(pixels.min(0) - reach), 0, size - 1).astype(int)
    high = np.clip(np.ceil(pixels.max(0) + reach), low + 1, size).astype(int)
    affordable = int(np.sqrt(MOST_FINE_PIXELS / np.prod(high - low)))
    longest = limits.MAX_IMAGE_EDGE // int(max(high - low))
    samples = max(min(needed, affordable, longest, MOST_SAMPLES), 1)
    return samples, (int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _spreads(
    means: FloatArray, scales: FloatArray, camera: Camera
) -> tuple[Float32Array, FloatArray]:
    """Centres (M, 2) of the M Gaussians that the camera may see, and the middle one of each's three
    standard deviations (M,), both in pixels."""
    screen = to_pixels(means, camera)
    depth = screen[:, 2]
    zoom = np.linalg.norm(camera.camera_from_world[0, :3]) * camera.focal_x
    with np.errstate(invalid="ignore"):
        spread = _middle(scales) * zoom / (1.0 if camera.orthographic else depth)
        seen = np.isfinite(screen).all(1) & np.isfinite(spread) & (depth <= camera.far)
    return screen[seen, :2], spread[seen]


def _middle(scales: FloatArray) -> FloatArray:
    """(N,) the middle value of each row (N, 3); ten times as fast as sorting."""
    first, second, third = scales.T
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.maximum(low, np.minimum(high, third))


def magnify(camera: Camera, box: tuple[int, int, int, int], samples: int) -> Camera:
    """The camera of the box alone, with `samples` by `samples` pixels for each of its pixels."""
    left, top, right, bottom = box
    return replace(
        camera,
        width=(right - left) * samples,
        height=(bottom - top) * samples,
        focal_x=camera.focal_x * samples,
        focal_y=camera.focal_y * samples,
        centre_x=(camera.centre_x - left) * samples,
        centre_y=(camera.centre_y - top) * samples,
    )


def average(fine: GaussianImage, samples: int) -> GaussianImage:
    """The mean over each `samples` by `samples` pixels; depth is weighted by alpha."""
    height, width = (edge // samples for edge in fine.alpha.shape)
    image = empty_image(width, height, fine.colour.shape[2])
    given = (fine.colour, fine.alpha, fine.depth, samples)
    out = (image.colour, image.alpha, image.depth)
    run_rows([lambda first, stop: _average(*given, first, stop, *out)], height)
    return image


@njit(cache=True, nogil=True)
def _average(
    colour, alpha, depth, samples, first, stop, colour_out, alpha_out, depth_out
):  # pragma: no cover - compiled
    share = 1.0 / (samples * samples)
    total = np.empty(colour.shape[2])
    for row in range(first, stop):
        for column in range(alpha_out.shape[1]):
            covered, lit = 0.0, 0.0
            total[:] = 0.0
            for y in range(row * samples, (row + 1) * samples):
                for x in range(column * samples, (column + 1) * samples):
                    seen = np.float64(alpha[y, x])
                    if seen > 0.0:
                        covered += seen
                        lit += seen * depth[y, x]
                    for k in range(len(total)):
                        total[k] += colour[y, x, k]
            alpha_out[row, column] = covered * share
            depth_out[row, column] = lit / covered if covered > 0.0 else np.inf
            for k in range(len(total)):
                colour_out[row, column, k] = total[k] * share
