# SPDX-License-Identifier: GPL-3.0-or-later
"""Normals of a mesh's vertices from the faces around them."""

from __future__ import annotations

import numpy as np
from numba import njit

from ...shared.arrays import BoolArray, Float64Array, FloatArray, Int32Array
from ...shared.camera import Camera, camera_axis, camera_centre


def vertex_normals(points: Float64Array, faces: Int32Array) -> Float64Array:
    """(V, 3) unit normals, the mean of the faces around weighted by area; faces counter-clockwise
    from outside. Vertices that no face uses get zero."""
    normals = np.zeros_like(points)
    add_face_normals(points, faces, normals, np.zeros(len(points)))
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return normals / np.where(length > 0, length, 1)


def seen_from_behind(points: FloatArray, faces: Int32Array, camera: Camera) -> BoolArray:
    """(F,) True for faces (F, 3), counter-clockwise from outside, whose inside the camera sees.
    points: (V, 3)."""
    a, b, c = (points[faces[:, k]].astype(np.float64) for k in range(3))
    ray = rays(a, camera)
    return np.einsum("fk,fk->f", np.cross(b - a, c - a), ray) > 0


def rays(points: FloatArray, camera: Camera) -> FloatArray:
    """(N, 3) from the camera to points (N, 3), of any length."""
    if camera.orthographic:
        return np.broadcast_to(camera_axis(camera), points.shape)
    return points - camera_centre(camera).astype(points.dtype)


@njit(cache=True, nogil=True)
def add_face_normals(points, faces, normals, areas):  # pragma: no cover - compiled
    """Adds each face's cross product (twice its area, outward) to its corners' normals (V, 3),
    and that vector's length to their areas (V,)."""
    for index in range(faces.shape[0]):
        a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
        ux, uy, uz = (
            points[b, 0] - points[a, 0],
            points[b, 1] - points[a, 1],
            points[b, 2] - points[a, 2],
        )
        vx, vy, vz = (
            points[c, 0] - points[a, 0],
            points[c, 1] - points[a, 1],
            points[c, 2] - points[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        area = np.sqrt(nx * nx + ny * ny + nz * nz)
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
            areas[corner] += area
