# SPDX-License-Identifier: GPL-3.0-or-later
"""Trackers' ways to write a rotation, as axis-angle vectors in radians.

Six numbers are the first two rows of the matrix (Zhou et al. 2019, "On the Continuity of Rotation
Representations", in PyTorch3D's order of rows), of any length and not quite at right angles.
"""

from __future__ import annotations

import numpy as np

from ...shared.arrays import Float64Array
from ...shared.errors import InputError

_LEAST_LENGTH = 1e-6
_P3D_FROM_HEAD_AT_REST = np.diag([-1.0, 1.0, -1.0])
"""PyTorch3D's camera looks along +z with x to the picture's left; a head that looks into it has
its x to the picture's right and its z out of the face, towards the camera."""


def matrix_from_six(six: Float64Array, field: str, name: str) -> Float64Array:
    """(T, 6) -> (T, 3, 3). Raises InputError `motion.rotation` where the rows span no plane."""
    six = np.asarray(six, np.float64)
    first = _normalise(six[:, :3], field, name)
    second = six[:, 3:] - (first * six[:, 3:]).sum(1, keepdims=True) * first
    second = _normalise(second, field, name)
    return np.stack([first, second, np.cross(first, second)], 1)


def six_from_matrix(matrix: Float64Array) -> Float64Array:
    """(T, 3, 3) -> (T, 6)"""
    return matrix[:, :2].reshape(len(matrix), 6)


def matrix_from_axis_angle(vector: Float64Array) -> Float64Array:
    """(T, 3) -> (T, 3, 3) by Rodrigues' formula."""
    vector = np.asarray(vector, np.float64)
    angle = np.linalg.norm(vector, axis=1)[:, None, None]
    x, y, z = vector.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).reshape(-1, 3, 3)
    a = np.sinc(angle / np.pi)
    b = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + a * cross + b * (cross @ cross)


def axis_angle_from_matrix(matrix: Float64Array) -> Float64Array:
    """(T, 3, 3) -> (T, 3), angles 0..pi; through quaternions, whose largest part is divided by
    (Shepperd 1978), so that it is stable at 0 and at pi."""
    m = np.asarray(matrix, np.float64)
    trace = np.trace(m, axis1=1, axis2=2)
    outer = np.zeros((len(m), 4, 4))  # four times the quaternion (w, x, y, z) with itself
    outer[:, 0, 0] = 1 + trace
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        outer[:, 0, k + 1] = outer[:, k + 1, 0] = m[:, j, i] - m[:, i, j]
        outer[:, k + 1, k + 1] = 1 - trace + 2 * m[:, k, k]
        outer[:, i + 1, k + 1] = outer[:, k + 1, i + 1] = m[:, i, k] + m[:, k, i]
    best = np.diagonal(outer, axis1=1, axis2=2).argmax(1)
    quaternion = outer[np.arange(len(m)), best]
    quaternion /= np.linalg.norm(quaternion, axis=1, keepdims=True)
    quaternion *= np.where(quaternion[:, :1] < 0, -1, 1)
    sine = np.linalg.norm(quaternion[:, 1:], axis=1, keepdims=True)
    angle = 2 * np.arctan2(sine, quaternion[:, :1])
    return quaternion[:, 1:] * np.where(sine < 1e-9, 2.0, angle / np.maximum(sine, 1e-9))


def check_rotation(matrix: Float64Array, field: str, name: str) -> Float64Array:
    """The matrices. Raises InputError `motion.rotation` where they scale, shear or mirror."""
    with np.errstate(all="ignore"):
        apart = np.abs(matrix @ matrix.transpose(0, 2, 1) - np.eye(3)).max(initial=0)
        mirrored = np.linalg.det(matrix) < 0
    if not apart < 1e-2 or mirrored.any():
        raise _no_rotation(field, name)
    return matrix


def head_from_camera(
    matrix: Float64Array, translation: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """A PyTorch3D camera (x_camera = x @ R + T) as the head's own pose.

    matrix: (T, 3, 3) R. translation: (T, 3) T. Returns axis-angle (T, 3) and place (T, 3) of the
    head before a camera in the origin that looks along -z: at rest it is not turned.
    """
    rest = _P3D_FROM_HEAD_AT_REST
    return axis_angle_from_matrix(rest @ matrix.transpose(0, 2, 1)), translation @ rest


def axis_angle_from_yaw_pitch_roll(angles: Float64Array) -> Float64Array:
    """(T, 3) yaw about y, pitch about x, roll about z, radians -> (T, 3); R = Ry Rx Rz."""
    turns = [
        matrix_from_axis_angle(angles[:, [k]] * np.eye(3)[axis]) for k, axis in enumerate((1, 0, 2))
    ]
    return axis_angle_from_matrix(turns[0] @ turns[1] @ turns[2])


def yaw_pitch_roll_from_axis_angle(vector: Float64Array) -> Float64Array:
    """The inverse, pitch in -pi/2..pi/2."""
    m = matrix_from_axis_angle(vector)
    pitch = np.arcsin(np.clip(-m[:, 1, 2], -1, 1))
    yaw = np.arctan2(m[:, 0, 2], m[:, 2, 2])
    roll = np.arctan2(m[:, 1, 0], m[:, 1, 1])
    return np.stack([yaw, pitch, roll], 1)


def _normalise(rows: Float64Array, field: str, name: str) -> Float64Array:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    if not (length > _LEAST_LENGTH).all() or not np.isfinite(length).all():
        raise _no_rotation(field, name)
    return rows / length


def _no_rotation(field: str, name: str) -> InputError:
    return InputError(
        "motion.rotation",
        f"In {name}, {field} holds numbers that are no rotation.",
        "Repair that frame in the tracker and export again.",
    )
