# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels of FLAME's joints and skinning for the CPU; `HeadLayer.forward` computes the same.

The frames of a block are innermost in memory, so that vector instructions move a vertex in all of
them at once, and only by the joints with a weight on it (mostly one or two).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ...shared.arrays import Float32Array, Int32Array

CHUNK_FRAMES = 32
"""Frames in a block. Blocks start at multiples of it and are padded to full length, so that a frame
has the same bits whichever range of the take is computed."""
_TILE = 16
"""Vertices that are moved before they are written; their 6 KB stay in the L1 cache."""


def sparse_rows(weights: Float32Array) -> tuple[Int32Array, Int32Array, Float32Array]:
    """A matrix (R, C) in compressed sparse row form: starts (R + 1,), and the column and value of
    each nonzero entry."""
    held = weights != 0
    starts = np.concatenate([[0], np.cumsum(held.sum(1))]).astype(np.int32)
    return starts, np.nonzero(held)[1].astype(np.int32), weights[held].astype(np.float32)


@njit(cache=True, nogil=True)
def pose_joints(pose, joints, first, feature, transform):  # pragma: no cover - compiled
    """Computes the joint transforms of pose (n, 5, 3), axis-angle, for the frames of a block from
    index `first` on.

    joints: (5, 3) float64 at rest. Writes R - I of the last four joints into feature
    (36, CHUNK_FRAMES) and the 3 x 4 transform of each joint, row by row, into transform
    (5, 12, CHUNK_FRAMES). A frame's bits depend on that frame alone.
    """
    turn, turned, place = np.empty((3, 3)), np.empty((5, 3, 3)), np.empty((5, 3))
    for frame in range(len(pose)):
        at = first + frame
        for joint in range(5):
            _rotation(pose[frame, joint], turn)
            if joint == 0:
                turned[0] = turn
                place[0] = joints[0]
            else:
                parent = 0 if joint == 1 else 1  # PARENTS
                for row in range(3):
                    place[joint, row] = place[parent, row]
                    for k in range(3):
                        difference = joints[joint, k] - joints[parent, k]
                        place[joint, row] += turned[parent, row, k] * difference
                        turned[joint, row, k] = (
                            turned[parent, row, 0] * turn[0, k]
                            + turned[parent, row, 1] * turn[1, k]
                            + turned[parent, row, 2] * turn[2, k]
                        )
                        identity = 1.0 if row == k else 0.0
                        feature[9 * (joint - 1) + 3 * row + k, at] = turn[row, k] - identity
            for row in range(3):
                shift = place[joint, row]
                for k in range(3):
                    transform[joint, 4 * row + k, at] = turned[joint, row, k]
                    shift -= turned[joint, row, k] * joints[joint, k]
                transform[joint, 4 * row + 3, at] = shift


@njit(cache=True, nogil=True)
def _rotation(vector, out):  # pragma: no cover - compiled
    """Axis-angle (3,) to a matrix (3, 3), as `forward.matrix_from_axis_angle`."""
    x, y, z = np.float64(vector[0]), np.float64(vector[1]), np.float64(vector[2])
    square = x * x + y * y + z * z
    if square < 1e-6:
        a = 1 - square / 6 + square * square / 120
        b = 0.5 - square / 24 + square * square / 720
    else:
        angle = math.sqrt(square)
        a, b = math.sin(angle) / angle, (1 - math.cos(angle)) / square
    out[0, 0], out[0, 1], out[0, 2] = 1 - b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y
    out[1, 0], out[1, 1], out[1, 2] = b * x * y + a * z, 1 - b * (x * x + z * z), b * y * z - a * x
    out[2, 0], out[2, 1], out[2, 2] = b * x * z - a * y, b * y * z + a * x, 1 - b * (x * x + y * y)


# Only contraction to fused multiply-adds is allowed, no reordering: sums are reproducible.
@njit(cache=True, nogil=True, fastmath={"contract"})
def multiply_sparse(rows, coefficients, out):  # pragma: no cover - compiled
    """Multiplies a matrix from `sparse_rows` by (C, CHUNK_FRAMES), into out (R, CHUNK_FRAMES)."""
    starts, columns, values = rows
    for row in range(len(out)):
        out[row] = 0
        for entry in range(starts[row], starts[row + 1]):
            column, value = columns[entry], values[entry]
            for b in range(CHUNK_FRAMES):
                out[row, b] += value * coefficients[column, b]


@njit(cache=True, nogil=True, fastmath={"contract"})
def multiply_sparse_at(rows, coefficients, place, out):  # pragma: no cover - compiled
    """Computes column `place` of `multiply_sparse`, the same bits, in a tenth of the time."""
    starts, columns, values = rows
    column = coefficients[:, place].copy()
    for row in range(len(out)):
        total = np.float32(0)
        for entry in range(starts[row], starts[row + 1]):
            total += values[entry] * column[columns[entry]]
        out[row, place] = total


@njit(cache=True, nogil=True, fastmath={"contract"})
def skin(offsets, shaped, rows, transform, translation, first, out):  # pragma: no cover - compiled
    """Skins a block of frames and writes those from index `first` on into out (n, 3 * V).

    offsets: (3 * V, CHUNK_FRAMES), all x, then y, then z, added to shaped (V, 3). rows: from
    `sparse_rows`. transform: from `pose_joints`. translation: (3, CHUNK_FRAMES), added last.
    """
    starts, joints, weights = rows
    moved = np.empty((3 * _TILE, CHUNK_FRAMES), np.float32)
    vertices = len(shaped)
    for begin in range(0, vertices, _TILE):
        end = min(begin + _TILE, vertices)
        for vertex in range(begin, end):
            row = 3 * (vertex - begin)
            moved[row : row + 3] = translation
            rest_x, rest_y, rest_z = shaped[vertex, 0], shaped[vertex, 1], shaped[vertex, 2]
            for entry in range(starts[vertex], starts[vertex + 1]):
                turn, share = transform[joints[entry]], weights[entry]
                for b in range(CHUNK_FRAMES):
                    x = rest_x + offsets[vertex, b]
                    y = rest_y + offsets[vertices + vertex, b]
                    z = rest_z + offsets[2 * vertices + vertex, b]
                    moved[row, b] += share * (
                        turn[0, b] * x + turn[1, b] * y + turn[2, b] * z + turn[3, b]
                    )
                    moved[row + 1, b] += share * (
                        turn[4, b] * x + turn[5, b] * y + turn[6, b] * z + turn[7, b]
                    )
                    moved[row + 2, b] += share * (
                        turn[8, b] * x + turn[9, b] * y + turn[10, b] * z + turn[11, b]
                    )
        for frame in range(len(out)):
            if end - begin == _TILE:  # a constant length is three times as fast
                for k in range(3 * _TILE):
                    out[frame, 3 * begin + k] = moved[k, first + frame]
            else:
                for k in range(3 * (end - begin)):
                    out[frame, 3 * begin + k] = moved[k, first + frame]
