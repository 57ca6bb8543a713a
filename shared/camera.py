# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera: OpenCV axes (x right, y down, z forward), the world in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import limits
from .errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Camera:
    """width, height, focal lengths and principal point in pixels; pixel centres at +0.5.

    camera_from_world: (4, 4) float64 affine transform. near, far: clipping in metres.
    orthographic: the focal lengths are then pixels per metre, and x, y stay undivided by z.
    Raises InputError `option.size` or `option.camera`.
    """

    width: int
    height: int
    focal_x: float
    focal_y: float
    centre_x: float
    centre_y: float
    camera_from_world: NDArray[np.float64]  # (4, 4)
    near: float = 0.01
    far: float = 100.0
    orthographic: bool = False

    def __post_init__(self) -> None:
        if not (
            min(self.width, self.height) > 0
            and max(self.width, self.height) <= limits.MAX_IMAGE_EDGE
            and self.width * self.height <= limits.MAX_IMAGE_PIXELS
        ):
            raise InputError(
                "option.size",
                f"A picture of {self.width} x {self.height} pixels cannot be made.",
                f"Choose 1 to {limits.MAX_IMAGE_EDGE} pixels an edge, and at most "
                f"{limits.MAX_IMAGE_PIXELS // 1_000_000} megapixels.",
            )
        numbers = [self.focal_x, self.focal_y, self.centre_x, self.centre_y, self.near, self.far]
        if self.camera_from_world.shape != (4, 4) or not (
            np.isfinite(numbers).all() and np.isfinite(self.camera_from_world).all()
        ):
            raise InputError(
                "option.camera", "The camera's matrix or lens is not usable.", "Reset the camera."
            )


def look_at(
    *, target: NDArray[np.float64], distance: float, yaw_rad: float, pitch_rad: float,
    width: int, height: int, fov_y_rad: float,
) -> Camera:  # fmt: skip
    """A camera `distance` metres from `target`, in front of a head that faces +z when yaw and
    pitch are 0; positive yaw moves it to the head's left (+x), positive pitch up."""
    direction = np.array(
        [
            np.sin(yaw_rad) * np.cos(pitch_rad),
            np.sin(pitch_rad),
            np.cos(yaw_rad) * np.cos(pitch_rad),
        ]
    )
    eye = np.asarray(target, np.float64) + distance * direction
    forward = -direction
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3] = np.stack([right, down, forward])
    camera_from_world[:3, 3] = -camera_from_world[:3, :3] @ eye
    focal = 0.5 * height / np.tan(0.5 * fov_y_rad)
    return Camera(
        width=width, height=height, focal_x=focal, focal_y=focal,
        centre_x=width / 2, centre_y=height / 2, camera_from_world=camera_from_world,
    )  # fmt: skip
