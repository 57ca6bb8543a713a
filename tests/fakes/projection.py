# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera's equations written down plainly, there and back."""

import numpy as np
from affekt.shared.camera import Camera
from numpy.typing import NDArray


def to_screen(camera: Camera, points: NDArray) -> tuple[NDArray, NDArray]:
    """(..., 3) world points -> their pixel positions (..., 2) and depths (...). In perspective a
    point beside or behind the camera has a position that means nothing."""
    pose = camera.camera_from_world
    seen = np.asarray(points, np.float64) @ pose[:3, :3].T + pose[:3, 3]
    depth = seen[..., 2]
    flat = seen[..., :2] if camera.orthographic else seen[..., :2] / depth[..., None]
    return flat * (camera.focal_x, camera.focal_y) + (camera.centre_x, camera.centre_y), depth


def pixel_centres(camera: Camera) -> NDArray:
    """(H, W, 2) x and y of every pixel's centre."""
    x, y = np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5
    return np.stack(np.broadcast_arrays(x[None], y[:, None]), -1)


def unproject(camera: Camera, pixels: NDArray, depth: NDArray) -> NDArray:
    """Pixel positions (..., 2) and depths (...) -> (..., 3) world points; 0 where the depth is
    infinite, as it is where nothing is seen."""
    flat = (pixels - (camera.centre_x, camera.centre_y)) / (camera.focal_x, camera.focal_y)
    metres = np.where(np.isfinite(depth), depth, 0.0)[..., None]
    across = flat if camera.orthographic else flat * metres
    world_from_camera = np.linalg.inv(camera.camera_from_world)
    places = np.concatenate([across, metres], -1) @ world_from_camera[:3, :3].T
    return np.where(np.isfinite(depth)[..., None], places + world_from_camera[:3, 3], 0.0)
