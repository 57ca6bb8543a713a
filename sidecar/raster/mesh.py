# SPDX-License-Identifier: GPL-3.0-or-later
"""A z-buffer for triangle meshes: which face each pixel sees, where in it, and how far away.

Not here: any shading (`shade`), and no clipping against the near plane (see `rasterise_mesh`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...shared.camera import Camera

EMPTY = -1
"""The face index of a pixel that sees no face."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeshFragments:
    """What each pixel's centre sees. face: (H, W) int32, `EMPTY` where nothing is;
    barycentric: (H, W, 3) float32, perspective-correct weights of the face's corners, 0 where
    nothing is; depth: (H, W) float32 metres along the view axis, inf where nothing is."""

    face: NDArray[np.int32]
    barycentric: NDArray[np.float32]
    depth: NDArray[np.float32]


def rasterise_mesh(
    vertices: NDArray[np.floating], faces: NDArray[np.int32], camera: Camera
) -> MeshFragments:
    """The nearest face at every pixel centre; of equally near ones the first in `faces`.

    vertices: (V, 3) metres in the world. faces: (F, 3). Both sides of a face are seen. A face
    that touches the space nearer than `camera.near`, or has a corner that is no number, is left
    out whole; pixels beyond `camera.far` stay empty.
    """
    screen = project(to_camera(vertices, camera), camera)
    face, inverse_depth = fill(screen, faces, camera, samples=1)
    barycentric = np.zeros((*face.shape, 3), np.float32)
    _fill_barycentrics(screen, faces, face, 1, barycentric)
    with np.errstate(divide="ignore"):
        depth = np.float32(1) / inverse_depth
    return MeshFragments(face=face, barycentric=barycentric, depth=depth)


def to_camera(vertices: NDArray[np.floating], camera: Camera) -> NDArray[np.float64]:
    """(V, 3) world points -> (V, 3) float64 in the camera's axes (x right, y down, z forward)."""
    pose = camera.camera_from_world
    return vertices.astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]


def project(points: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """(V, 3) points in the camera's axes -> (V, 3) float64: x and y in pixels, and 1 / z; a
    point nearer than `camera.near`, or that is no number, gets 1 / z = 0."""
    z = points[:, 2]
    usable = np.isfinite(points).all(1) & (z >= camera.near)
    inverse = np.where(usable, 1.0 / np.where(usable, z, 1.0), 0.0)
    safe = np.where(usable[:, None], points, 0.0)
    x = camera.focal_x * safe[:, 0] * inverse + camera.centre_x
    y = camera.focal_y * safe[:, 1] * inverse + camera.centre_y
    return np.ascontiguousarray(np.stack([x, y, inverse], 1))


def fill(
    screen: NDArray[np.float64], faces: NDArray[np.int32], camera: Camera, *, samples: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Face index and 1 / z on a grid of `samples` by `samples` points in each pixel.

    screen: (V, 3) from `project`. Returns (H * samples, W * samples) int32 and float32; 1 / z is
    0 where nothing is.
    """
    shape = (camera.height * samples, camera.width * samples)
    face = np.full(shape, EMPTY, np.int32)
    inverse_depth = np.zeros(shape, np.float32)
    _fill(screen, faces, samples, 1.0 / camera.far, face, inverse_depth)
    return face, inverse_depth


@njit(cache=True, nogil=True)
def corner_weights(screen, corners, x, y):  # pragma: no cover - compiled
    """Perspective-correct weights of a face's three corners at the pixel position x, y."""
    a, b, c = corners[0], corners[1], corners[2]
    ax, ay = screen[a, 0] - x, screen[a, 1] - y
    bx, by = screen[b, 0] - x, screen[b, 1] - y
    cx, cy = screen[c, 0] - x, screen[c, 1] - y
    wa = (bx * cy - by * cx) * screen[a, 2]
    wb = (cx * ay - cy * ax) * screen[b, 2]
    wc = (ax * by - ay * bx) * screen[c, 2]
    total = wa + wb + wc
    return wa / total, wb / total, wc / total


@njit(cache=True, nogil=True)
def _fill(screen, faces, samples, least_inverse, face_out, inverse_out):  # pragma: no cover
    """The z-buffer, on 1 / z: that is linear over the screen, so no pixel needs a division."""
    height, width = face_out.shape
    for index in range(faces.shape[0]):
        a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        if za <= 0.0 or zb <= 0.0 or zc <= 0.0:
            continue
        ax, ay = screen[a, 0] * samples, screen[a, 1] * samples
        bx, by = screen[b, 0] * samples, screen[b, 1] * samples
        cx, cy = screen[c, 0] * samples, screen[c, 1] * samples
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        # Sample centres inside the bounding box, clamped before the conversion to an integer.
        left = int(max(np.ceil(min(ax, bx, cx) - 0.5), 0.0))
        right = int(min(np.floor(max(ax, bx, cx) - 0.5), width - 1.0))
        top = int(max(np.ceil(min(ay, by, cy) - 0.5), 0.0))
        bottom = int(min(np.floor(max(ay, by, cy) - 0.5), height - 1.0))
        scale = 1.0 / area
        # Each weight is a plane over the screen: its step in x and y, and its value per row.
        a_dx, a_dy = (by - cy) * scale, (cx - bx) * scale
        b_dx, b_dy = (cy - ay) * scale, (ax - cx) * scale
        c_dx, c_dy = (ay - by) * scale, (bx - ax) * scale
        z_dx = a_dx * za + b_dx * zb + c_dx * zc
        for row in range(top, bottom + 1):
            y = row + 0.5
            a_row = a_dx * (0.5 - cx) + a_dy * (y - cy)
            b_row = b_dx * (0.5 - ax) + b_dy * (y - ay)
            c_row = c_dx * (0.5 - bx) + c_dy * (y - by)
            z_row = a_row * za + b_row * zb + c_row * zc
            for column in range(left, right + 1):
                if (
                    a_row + a_dx * column < 0.0
                    or b_row + b_dx * column < 0.0
                    or c_row + c_dx * column < 0.0
                ):
                    continue
                inverse = np.float32(z_row + z_dx * column)
                if inverse > inverse_out[row, column] and inverse >= least_inverse:
                    inverse_out[row, column] = inverse
                    face_out[row, column] = index


@njit(cache=True, nogil=True)
def _fill_barycentrics(screen, faces, face, samples, out):  # pragma: no cover - compiled
    for row in range(face.shape[0]):
        for column in range(face.shape[1]):
            index = face[row, column]
            if index >= 0:
                x, y = (column + 0.5) / samples, (row + 0.5) / samples
                wa, wb, wc = corner_weights(screen, faces[index], x, y)
                out[row, column, 0] = wa
                out[row, column, 1] = wb
                out[row, column, 2] = wc
