# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations as trackers write them, converted to axis-angle vectors in radians.

The 6D representation is the first two rows of the matrix (Zhou et al. 2019, "On the Continuity of
Rotation Representations", in PyTorch3D's order of rows), not normalised and not quite orthogonal.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

import numpy as np

from ...shared.arrays import Float64Array
from ...shared.errors import InputError

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

_LEAST_LENGTH = 1e-6
_P3D_FROM_HEAD_AT_REST = np.diag([-1.0, 1.0, -1.0])
"""PyTorch3D's camera looks along +z with x to the picture's left; a head that looks into it has
its x to the picture's right and its z out of the face, towards the camera."""


def matrix_from_six(six: Float64Array, field: str, name: str) -> Float64Array:
    """Matrices (T, 3, 3) from the 6D representation (T, 6).

    Raises InputError `motion.rotation` if the two rows are zero or parallel.
    """
    first = _normalise(six[:, :3], field, name)
    second = six[:, 3:] - (first * six[:, 3:]).sum(1, keepdims=True) * first
    second = _normalise(second, field, name)
    return np.stack([first, second, np.cross(first, second)], 1)


def check_rotation(matrix: Float64Array, field: str, name: str) -> Float64Array:
    """Returns the matrices (T, 3, 3). Raises InputError `motion.rotation` if one of them scales,
    shears or mirrors."""
    with np.errstate(all="ignore"):
        apart = np.abs(matrix @ matrix.transpose(0, 2, 1) - np.eye(3)).max(initial=0)
        mirrored = np.linalg.det(matrix) < 0
    if not apart < 1e-2 or mirrored.any():
        raise _no_rotation(field, name)
    return matrix


def head_from_camera(
    matrix: Float64Array, translation: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Converts a PyTorch3D camera (x_camera = x @ R + T) to the pose of the head.

    matrix: (T, 3, 3) R. translation: (T, 3) T. Returns the head's rotation (T, 3), axis-angle, and
    translation (T, 3), seen from a camera in the origin that looks along -z.
    """
    rest = _P3D_FROM_HEAD_AT_REST
    return axis_angle_from_matrix(rest @ matrix.transpose(0, 2, 1)), translation @ rest


def axis_angle_from_matrix(matrix: Float64Array) -> Float64Array:
    """Axis-angle (T, 3) of matrices (T, 3, 3)."""
    return _scipy_rotation().from_matrix(matrix).as_rotvec()


def turn_by(matrix: Float64Array, vector: Float64Array) -> Float64Array:
    """Axis-angle (T, 3) of the turns `vector`, axis-angle (T, 3), followed by that of `matrix`
    (3, 3)."""
    turns = matrix @ _scipy_rotation().from_rotvec(vector).as_matrix()
    return axis_angle_from_matrix(turns)


def compose(vectors: list[Float64Array]) -> Float64Array:
    """The product of rotations, each axis-angle (T, 3), in the order of the list."""
    turns = map(_scipy_rotation().from_rotvec, vectors)
    return functools.reduce(operator.mul, turns).as_rotvec()


def axis_angle_from_yaw_pitch_roll(angles: Float64Array) -> Float64Array:
    """Axis-angle (T, 3) of yaw about y, pitch about x, roll about z (T, 3); R = Ry Rx Rz."""
    return _scipy_rotation().from_euler("YXZ", angles).as_rotvec()


def _scipy_rotation() -> type[Rotation]:
    # Here, since most takes have no rotation to convert, and SciPy takes 0.3 s to load.
    from scipy.spatial.transform import Rotation

    return Rotation


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
