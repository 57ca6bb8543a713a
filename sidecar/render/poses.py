# SPDX-License-Identifier: GPL-3.0-or-later
"""A subject's frames with their neighbours, each posed once: what motion vectors need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import numpy as np

from ...shared.arrays import Float32Array, FloatArray
from ...shared.camera import Camera
from ..raster.project import to_pixels

Posed = TypeVar("Posed")


class Poses(Generic[Posed]):
    """The poses of a take of `count` frames, made by `pose(index)`; the last few are kept."""

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

    def vectors(self, index: int, cameras: Mapping[int, Camera]) -> Float32Array:
        """(N, 4) how each point crosses the picture, in pixels with y up: where it was a frame
        before minus where it is, then where it is minus where it will be a frame later. The
        take's frames outside those that are rendered count too, seen by the nearest's camera;
        0 before its first and after its last frame, and for points that a camera cannot see."""
        camera = cameras[index]
        here = self._screen(index, camera)
        out = np.zeros((len(here), 4), np.float32)
        for step, column in ((-1, 0), (1, 2)):
            if not 0 <= index + step < self._count:
                continue
            there = self._screen(index + step, cameras.get(index + step, camera))
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
