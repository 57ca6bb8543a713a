# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera: OpenCV axes (x right, y down, z forward), the world in metres."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from . import limits
from .arrays import Float64Array
from .errors import InputError


def check_size(width: int, height: int) -> None:
    """Checks that a picture of this size can be made. Raises InputError `option.size`."""
    if not (
        min(width, height) > 0
        and max(width, height) <= limits.MAX_IMAGE_EDGE
        and width * height <= limits.MAX_IMAGE_PIXELS
    ):
        raise InputError(
            "option.size",
            f"A picture of {width} x {height} pixels cannot be made.",
            f"Choose 1 to {limits.MAX_IMAGE_EDGE} pixels an edge, and at most "
            f"{limits.MAX_IMAGE_PIXELS // 1_000_000} megapixels.",
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Camera:
    """width, height, focal lengths and principal point in pixels; pixel centres at +0.5.

    camera_from_world: (4, 4) float64, affine and invertible: the world may be scaled, sheared or
    mirrored on its way. near, far: clipping in metres along the view axis.
    orthographic: the focal lengths are then pixels per metre, and x, y stay undivided by z.
    Raises InputError `option.size` or `option.camera`.
    """

    width: int
    height: int
    focal_x: float
    focal_y: float
    centre_x: float
    centre_y: float
    camera_from_world: Float64Array  # (4, 4)
    near: float = 0.01
    far: float = 100.0
    orthographic: bool = False

    def __post_init__(self) -> None:
        check_size(self.width, self.height)
        self._check_lens()
        self._check_matrix()

    def _check_lens(self) -> None:
        numbers = (self.focal_x, self.focal_y, self.centre_x, self.centre_y, self.near, self.far)
        if not np.isfinite(numbers).all():
            raise _unusable("The camera's lens has a value that is no number.")
        if min(self.focal_x, self.focal_y) <= 0:
            raise _unusable("The camera's focal length is not above 0.")
        if not self.near < self.far:
            raise _unusable("The camera's clipping starts behind its end.")
        if not self.orthographic and self.near <= 0:
            raise _unusable("A perspective camera's clipping must start in front of it.")

    def _check_matrix(self) -> None:
        matrix = self.camera_from_world
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise _unusable("The camera's matrix is not 4 x 4 numbers.")
        if (matrix[3] != (0, 0, 0, 1)).any():
            raise _unusable("The last row of the camera's matrix is not 0, 0, 0, 1.")
        # The rows at length 1, so that the head's scale does not count.
        length = np.linalg.norm(matrix[:3, :3], axis=1, keepdims=True)
        if not length.all() or abs(np.linalg.det(matrix[:3, :3] / length)) < _LEAST_VOLUME:
            raise _unusable("The camera's matrix squeezes the world flat.")


_LEAST_VOLUME = 1e-9
"""A matrix whose unit rows span less than this cannot be inverted to six digits."""


def _unusable(sentence: str) -> InputError:
    return InputError(
        "option.camera", sentence, "Check the camera's lens, clipping, place and scale."
    )


def fit_camera(camera: Camera, edge_px: int) -> Camera:
    """The same view in a picture whose longest edge has at most so many pixels."""
    share = min(1.0, edge_px / max(camera.width, camera.height))
    width, height = (max(1, round(share * edge)) for edge in (camera.width, camera.height))
    across, down = width / camera.width, height / camera.height
    return replace(
        camera,
        width=width,
        height=height,
        focal_x=camera.focal_x * across,
        focal_y=camera.focal_y * down,
        centre_x=camera.centre_x * across,
        centre_y=camera.centre_y * down,
    )


def camera_centre(camera: Camera) -> Float64Array:
    """(3,) where a perspective camera stands in the world; any point of an orthographic one's
    plane of depth 0."""
    return np.linalg.inv(camera.camera_from_world)[:3, 3].astype(np.float64)


def camera_axis(camera: Camera) -> Float64Array:
    """(3,) the step in the world along the view axis that adds one metre of depth."""
    return np.linalg.inv(camera.camera_from_world)[:3, 2].astype(np.float64)


def look_at(
    *,
    target: Float64Array,
    distance: float,
    yaw_rad: float = 0.0,
    pitch_rad: float = 0.0,
    width: int,
    height: int,
    fov_y_rad: float,
) -> Camera:
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
        width=width,
        height=height,
        focal_x=focal,
        focal_y=focal,
        centre_x=width / 2,
        centre_y=height / 2,
        camera_from_world=camera_from_world,
    )
