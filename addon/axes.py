# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where axes change: FLAME (x to the head's left, y up, z out of the face) and
Blender (z up, the face looks along -y). The map is a rotation by 90 degrees about x."""

from __future__ import annotations

import numpy as np

from ..shared.arrays import Float64Array, FloatArray

_AXIS = (0, 2, 1)
"""Blender's axis that carries each of FLAME's."""
_SIGN = (1, 1, -1)

# Elements of R - I in a unit quaternion w, x, y, z. Blender evaluates such drivers without Python.
_ELEMENTS = (
    ("-2*(y*y+z*z)", "2*(x*y-w*z)", "2*(x*z+w*y)"),
    ("2*(x*y+w*z)", "-2*(x*x+z*z)", "2*(y*z-w*x)"),
    ("2*(x*z-w*y)", "2*(y*z+w*x)", "-2*(x*x+y*y)"),
)


def to_blender(vectors: FloatArray) -> FloatArray:
    """(..., 3) in FLAME's axes -> (..., 3) in Blender's."""
    return np.stack([vectors[..., 0], -vectors[..., 2], vectors[..., 1]], -1)


def to_flame(vectors: FloatArray) -> FloatArray:
    """(..., 3) in Blender's axes -> (..., 3) in FLAME's."""
    return np.stack([vectors[..., 0], vectors[..., 2], -vectors[..., 1]], -1)


def quaternions_from_rotations(rotations: FloatArray) -> Float64Array:
    """(T, 3) axis-angle in FLAME's axes -> (T, 4) unit quaternions wxyz in Blender's.

    Neighbours are on the same side of the sphere, so that curves between them do not swing
    the long way round.
    """
    return quaternions_from_vectors(to_blender(np.asarray(rotations, np.float64)))


def quaternions_from_vectors(vectors: FloatArray) -> Float64Array:
    """The same for (T, 3) axis-angle in the axes of the result."""
    vectors = np.asarray(vectors, np.float64)
    angle = np.linalg.norm(vectors, axis=1)
    # sin(a/2)/a without a division by zero: np.sinc(x) = sin(pi x)/(pi x)
    scale = 0.5 * np.sinc(angle / (2 * np.pi))
    quaternions = np.concatenate([np.cos(angle / 2)[:, None], vectors * scale[:, None]], 1)
    flips = np.sum(quaternions[1:] * quaternions[:-1], 1) < 0
    sign = np.where(np.cumsum(flips) % 2, -1.0, 1.0)
    quaternions[1:] *= sign[:, None]
    return quaternions


def rotations_from_quaternions(quaternions: FloatArray) -> Float64Array:
    """(T, 4) quaternions wxyz in Blender's axes, of any length -> (T, 3) axis-angle in FLAME's.

    A zero quaternion, which Blender reads as no rotation, gives zero.
    """
    return np.asarray(to_flame(vectors_from_quaternions(quaternions)), np.float64)


def vectors_from_quaternions(quaternions: FloatArray) -> Float64Array:
    """The same in the axes of the quaternions."""
    values = np.asarray(quaternions, np.float64)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    values = np.where(length > 0, values / np.where(length > 0, length, 1), [1.0, 0, 0, 0])
    values = values * np.where(values[:, :1] < 0, -1.0, 1.0)
    sine = np.linalg.norm(values[:, 1:], axis=1)
    half = np.arctan2(sine, values[:, 0])
    scale = np.where(sine > 1e-12, 2 * half / np.where(sine > 1e-12, sine, 1), 2.0)
    return np.asarray(values[:, 1:] * scale[:, None], np.float64)


def corrective_expression(row: int, column: int) -> str:
    """Element (row, column) of R - I, with R a joint's rotation in FLAME's axes, written in the
    quaternion w, x, y, z that Blender gives the bone."""
    element = _ELEMENTS[_AXIS[row]][_AXIS[column]]
    return element if _SIGN[row] * _SIGN[column] > 0 else f"-({element})"
