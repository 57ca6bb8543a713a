# SPDX-License-Identifier: GPL-3.0-or-later
"""What a surface carries (normals, places, colours, UVs), seen through the fragments of a mesh."""

from __future__ import annotations

import numpy as np
from numba import njit

from ...shared.arrays import Float32Array, FloatArray, Int32Array
from .mesh import MeshFragments
from .row_parallel import in_bands


def interpolate(values: FloatArray, faces: Int32Array, fragments: MeshFragments) -> Float32Array:
    """What each pixel sees of an attribute of the vertices, perspective-correct.

    values: (V, C), any C. faces: (F, 3), those that were rasterised. Returns (H, W, C) float32,
    0 where nothing is seen. Normals come out shorter than 1 between vertices.
    """
    given = np.ascontiguousarray(values, np.float32)
    corners = np.ascontiguousarray(faces, np.int32)
    out = np.zeros((*fragments.face.shape, given.shape[1]), np.float32)
    in_bands(
        lambda first, stop: _interpolate(
            given, corners, fragments.face, fragments.barycentric, first, stop, out
        ),
        len(out),
    )
    return out


def interpolate_corners(values: FloatArray, fragments: MeshFragments) -> Float32Array:
    """As `interpolate`, of an attribute that each corner of a face has for itself, such as UVs
    with seams. values: (F, 3, C). Returns (H, W, C) float32, 0 where nothing is seen."""
    count = len(values)
    corners = np.arange(3 * count, dtype=np.int32).reshape(count, 3)
    return interpolate(np.reshape(values, (3 * count, -1)), corners, fragments)


@njit(cache=True, nogil=True)
def _interpolate(values, faces, face, weight, first, stop, out):  # pragma: no cover - compiled
    channels = values.shape[1]
    for row in range(first, stop):
        for column in range(face.shape[1]):
            index = face[row, column]
            if index < 0:
                continue
            a, b, c = faces[index, 0], faces[index, 1], faces[index, 2]
            wa, wb, wc = weight[row, column, 0], weight[row, column, 1], weight[row, column, 2]
            for k in range(channels):
                out[row, column, k] = wa * values[a, k] + wb * values[b, k] + wc * values[c, k]
