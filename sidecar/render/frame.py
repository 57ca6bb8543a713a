# SPDX-License-Identifier: GPL-3.0-or-later
"""One rendered frame with its passes, and the posed points that a painter draws it from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from ...shared.arrays import Float32Array, FloatArray
from ...shared.camera import Camera
from ...shared.pictures import PictureRequest
from ..raster.project import to_pixels

Posed = TypeVar("Posed")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """The take's frame `index`. H x W pixels, float32; passes that were not asked for are None.

    combined: (H, W, 4) linear Rec. 709 light premultiplied by alpha. depth: (H, W) metres along
    the view axis, divided by alpha, inf where nothing is: of Gaussians the mean over those behind
    the pixel that face the camera. The other data is such a mean too, 0 where nothing is: normal
    (H, W, 3) unit; position (H, W, 3) metres; uv (H, W, 2), origin bottom left; vector
    (H, W, 4), pixels with y up, as Cycles has it: where the point was in the take's frame before
    minus where it is, then where it is minus where it will be. masks: (H, W, 6) coverage, which
    sums to alpha, in the order of `PASS_REGIONS`. object_index: (H, W) the object's number where
    at least half of a pixel is covered.
    """

    index: int
    combined: Float32Array
    depth: Float32Array
    normal: Float32Array | None = None
    position: Float32Array | None = None
    masks: Float32Array | None = None
    object_index: Float32Array | None = None
    uv: Float32Array | None = None
    vector: Float32Array | None = None


class Poses(Generic[Posed]):
    """The poses of a take of `count` frames, made by `pose(index)`. Keeps the last few."""

    def __init__(
        self, pose: Callable[[int], Posed], points: Callable[[Posed], FloatArray], count: int
    ) -> None:
        self._pose, self._points, self._count = pose, points, count
        self._kept: dict[int, Posed] = {}
        self._screens: dict[int, tuple[Camera, Float32Array]] = {}

    def at(self, index: int) -> Posed:
        """The pose of the take's frame `index`."""
        for kept in (self._kept, self._screens):
            for old in [i for i in kept if abs(i - index) > 2]:
                del kept[old]
        if index not in self._kept:
            self._kept[index] = self._pose(index)
        return self._kept[index]

    def vectors(self, index: int, request: PictureRequest) -> Float32Array:
        """(N, 4) how each point crosses the picture, in pixels with y up: where it was a frame
        before minus where it is, then where it is minus where it will be a frame later. 0 before
        the take's first and after its last frame, and for points that a camera cannot see."""
        here = self._screen(index, request.camera_at(index))
        out = np.zeros((len(here), 4), np.float32)
        for step, column in ((-1, 0), (1, 2)):
            if not 0 <= index + step < self._count:
                continue
            there = self._screen(index + step, request.camera_at(index + step))
            earlier, later = (there, here) if step < 0 else (here, there)
            out[:, column] = earlier[:, 0] - later[:, 0]
            out[:, column + 1] = later[:, 1] - earlier[:, 1]
        return np.nan_to_num(out, copy=False, nan=0.0)

    def _screen(self, index: int, camera: Camera) -> Float32Array:
        kept = self._screens.get(index)
        if kept is None or kept[0] is not camera:
            kept = camera, to_pixels(self._points(self.at(index)), camera)
            self._screens[index] = kept
        return kept[1]
