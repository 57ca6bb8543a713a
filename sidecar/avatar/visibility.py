# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an avatar can be seen from around it, and which Gaussians are to thank for it.

Of a network's Gaussians a great part is hidden or transparent, and their colours say nothing; what
is seen does. A picture is linear in what Gaussians carry, so the gradient of the sum of some of
its pixels is each Gaussian's share in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...shared.arrays import BoolArray, Float32Array, FloatArray, Int64Array, UInt8Array
from ...shared.camera import Camera, look_at
from ..raster.differentiable import rasterise_tensors
from ..raster.gaussians import rasterise_gaussians
from .avatar import Avatar
from .gaussians import Gaussians, seen_colours

AROUND_DEG = (-60.0, -30.0, 0.0, 30.0, 60.0, 120.0, 180.0, 240.0)
FRONT_DEG = (-30.0, 0.0, 30.0)
_PIXELS, _DISTANCE_M, _MARGIN = 320, 1.5, 1.1
_SOLID = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One look at Gaussians. Of the P pixels that they fill: row, column (P,); colours (P, 3)
    sRGB; carried (P, C) the mean of what the Gaussians that are seen there carry."""

    gaussians: Gaussians
    camera: Camera
    row: Int64Array
    column: Int64Array
    colours: Float32Array
    carried: Float32Array

    def picture(self, chosen: BoolArray) -> BoolArray:
        """(H, W) True for the chosen ones (P,) of the pixels."""
        out = np.zeros((self.camera.height, self.camera.width), np.bool_)
        out[self.row, self.column] = chosen
        return out

    def shares(self, label: UInt8Array, count: int) -> Float32Array:
        """(N, count) how much each Gaussian has of the pixels of each label. label: (P,), one of
        `count` or more, which are then left out."""
        wanted = np.zeros((self.camera.height, self.camera.width, count), np.float32)
        kept = label < count
        wanted[self.row[kept], self.column[kept], label[kept]] = 1
        shown = self.gaussians
        carried = torch.zeros((len(shown.means), count), requires_grad=True)
        colour, _, _ = rasterise_tensors(
            _tensor(shown.means),
            _tensor(shown.quaternions),
            _tensor(shown.scales),
            _tensor(shown.opacities),
            carried,
            self.camera,
        )
        colour.backward(torch.from_numpy(wanted))
        assert carried.grad is not None
        return carried.grad.numpy()


def whole_head(avatar: Avatar) -> tuple[Float32Array, float]:
    """The middle (3,) and the size, metres, of a cube that holds the avatar's surface."""
    low, high = avatar.vertices.min(0), avatar.vertices.max(0)
    return 0.5 * (low + high), _MARGIN * float(np.linalg.norm(high - low))


def look_around(
    gaussians: Gaussians,
    carried: FloatArray,
    yaws_deg: Sequence[float],
    cube: tuple[Float32Array, float],
) -> list[View]:
    """Gaussians from some sides, a cube (its middle, its size in metres) filling the picture.
    carried: (N, C)."""
    middle, size = cube
    views: list[View] = []
    for yaw in yaws_deg:
        camera = look_at(
            target=middle.astype(np.float64),
            distance=_DISTANCE_M,
            yaw_rad=np.radians(yaw),
            pitch_rad=0.0,
            width=_PIXELS,
            height=_PIXELS,
            fov_y_rad=2 * np.arctan(0.5 * size / _DISTANCE_M),
        )
        values = np.concatenate([seen_colours(gaussians, camera), carried], 1, dtype=np.float32)
        image = rasterise_gaussians(
            gaussians.means,
            gaussians.quaternions,
            gaussians.scales,
            gaussians.opacities,
            values,
            camera,
        )
        row, column = np.nonzero(image.alpha > _SOLID)
        shown = image.colour[row, column] / image.alpha[row, column, None]
        views.append(
            View(
                gaussians=gaussians,
                camera=camera,
                row=row,
                column=column,
                colours=shown[:, :3],
                carried=shown[:, 3:],
            )
        )
    return views


def _tensor(values: FloatArray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
