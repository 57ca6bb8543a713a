# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an avatar can be seen from around it: points of its visible surface.

Of a network's Gaussians a great part is hidden or transparent, and their colours say nothing; what
is seen does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...shared.camera import Camera, look_at
from ..raster.gaussians import rasterise_gaussians
from ..raster.pixels import to_pixels
from .avatar import Avatar
from .drive import rest_gaussians
from .gaussians import seen_colours

YAWS_DEG = (-60.0, -30.0, 0.0, 30.0, 60.0, 120.0, 180.0, 240.0)
_PIXELS, _DISTANCE_M, _MARGIN = 256, 1.5, 1.1
_SOLID = 0.9
_BEHIND_M = 0.004
"""So far behind what is seen, a Gaussian's vote falls to 1 / e."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenPoints:
    """places: (P, 3) metres; colours: (P, 3) sRGB; carried: (P, C) the mean of what the Gaussians
    that are seen there carry."""

    places: NDArray[np.float32]
    colours: NDArray[np.float32]
    carried: NDArray[np.float32]
    views: tuple[View, ...]

    def poll(
        self, label: NDArray[np.uint8], places: NDArray[np.floating], count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(N, count) votes on the label of each of `places` (N, 3), by what is seen where it is
        seen: a full one at the surface, less behind it; and (N,) the strongest vote of one view.
        label: (P,) of the points."""
        votes, strongest = np.zeros((len(places), count)), np.zeros(len(places))
        for view in self.views:
            screen = np.nan_to_num(to_pixels(places, view.camera))
            column, row = (np.clip(screen[:, k], 0, _PIXELS - 1).astype(int) for k in (0, 1))
            point = view.point[row, column]
            behind = screen[:, 2] - np.where(point >= 0, view.depth[row, column], 0)
            weight = np.where(point >= 0, np.exp(-np.maximum(behind, 0) / _BEHIND_M), 0)
            votes[np.arange(len(places)), label[point]] += weight
            strongest = np.maximum(strongest, weight)
        return votes, strongest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One look at the avatar. point: (H, W) which of the points each pixel is, -1 for none;
    depth: (H, W) metres."""

    camera: Camera
    point: NDArray[np.int64]
    depth: NDArray[np.float32]


def see_around(avatar: Avatar, carried: NDArray[np.floating]) -> SeenPoints:
    """The avatar at rest from all sides, a point for each pixel that it fills. carried: (N, C)."""
    gaussians = rest_gaussians(avatar)
    low, high = avatar.vertices.min(0), avatar.vertices.max(0)
    size = _MARGIN * float(np.linalg.norm(high - low))
    parts: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    views: list[View] = []
    count = 0
    for yaw in YAWS_DEG:
        camera = look_at(
            target=0.5 * (low + high).astype(np.float64), distance=_DISTANCE_M,
            yaw_rad=np.radians(yaw), pitch_rad=0.0, width=_PIXELS, height=_PIXELS,
            fov_y_rad=2 * np.arctan(0.5 * size / _DISTANCE_M),
        )  # fmt: skip
        values = np.concatenate([seen_colours(gaussians, camera), carried], 1, dtype=np.float32)
        image = rasterise_gaussians(
            gaussians.means, gaussians.quaternions, gaussians.scales, gaussians.opacities,
            values, camera,
        )  # fmt: skip
        row, column = np.nonzero(image.alpha > _SOLID)
        depth = image.depth[row, column]
        rays = np.stack(
            [
                (column + 0.5 - camera.centre_x) / camera.focal_x,
                (row + 0.5 - camera.centre_y) / camera.focal_y,
                np.ones(len(row)),
            ],
            1,
        )
        world = np.linalg.inv(camera.camera_from_world)
        places = (rays * depth[:, None]) @ world[:3, :3].T + world[:3, 3]
        shown = image.colour[row, column] / image.alpha[row, column, None]
        point = np.full(image.alpha.shape, -1, np.int64)
        point[row, column] = np.arange(count, count + len(row))
        count += len(row)
        views.append(View(camera=camera, point=point, depth=image.depth))
        parts.append((places.astype(np.float32), shown))
    shown = np.concatenate([part[1] for part in parts])
    return SeenPoints(
        places=np.concatenate([part[0] for part in parts]), colours=shown[:, :3],
        carried=shown[:, 3:], views=tuple(views),
    )  # fmt: skip
