# SPDX-License-Identifier: GPL-3.0-or-later
"""The nouns of a rendering: its passes, what is asked for, and one frame of the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ...shared.camera import Camera
from ...shared.pictures import Follow, check_passes, check_world
from ..raster.device import Device

Axes = Literal["world", "camera"]
OBJECT_INDEX = 1
"""What the index pass holds where the head is, unless another number is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RenderOptions:
    """What to render. frames: indices into the take, all if none. antialiased, follow: as in
    `PictureOptions`. device: where Gaussians are composited. axes: those of the normal pass: the
    world's, as Cycles has it, or the camera's (x right, y up, z towards the viewer).
    world_from_head: (4, 4) affine, or one for each of the take's frames, what positions and
    normals in the world are multiplied by; the head's own axes are the world's if it is the
    identity. Raises InputError `option.pass`, `option.camera`."""

    frames: range | tuple[int, ...] | None = None
    passes: tuple[str, ...] = ("combined", "depth")
    antialiased: bool = True
    follow: Follow | None = None
    device: Device = "cpu"
    axes: Axes = "world"
    world_from_head: Float64Array = field(default_factory=lambda: np.eye(4))
    object_index: int = OBJECT_INDEX

    def __post_init__(self) -> None:
        check_passes(self.passes)
        check_world(self.world_from_head)

    def world_at(self, index: int) -> Float64Array:
        """(4, 4) `world_from_head` at the take's frame `index`."""
        matrix = self.world_from_head
        return matrix if matrix.ndim == 2 else matrix[index]

    def axes_from_head(self, index: int, camera: Camera) -> Float64Array:
        """(4, 4) what turns the head's normals into those of the pass at the take's frame."""
        if self.axes == "world":
            return self.world_at(index)
        return np.diag([1.0, -1.0, -1.0, 1.0]) @ camera.camera_from_world


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
