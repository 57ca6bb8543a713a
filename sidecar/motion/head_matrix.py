# SPDX-License-Identifier: GPL-3.0-or-later
"""The head's matrix in JSON takes, as MediaPipe writes it: rows in Python, columns one after the
other in JavaScript, in centimetres from a camera that looks along -z.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...shared.arrays import BoolArray, Float64Array, FloatArray
from . import rotations
from .json_values import wrong_shape
from .weight_names import key_of

_MEDIAPIPE = ("facialtransformationmatrixes", "facialtransformationmatrices",
              "facialtransformationmatrix")  # fmt: skip
_KEYS = (*_MEDIAPIPE, "facetransform", "transformationmatrix", "transformationmatrixes", "matrix",
         "transform", "headmatrix", "posematrix", "headtransform")  # fmt: skip
_LANDMARKS = ("facelandmarks", "landmarks")
_CENTIMETRES = 0.01
_LARGEST = 1e12
_FURTHEST_M = 3.0  # a head at more than that is in centimetres


def matrix_in(frame: dict[str, object], index: int) -> object:
    """The matrix of a frame's face, as the file has it, or None."""
    for key, value in frame.items():
        if key_of(key) not in _KEYS or not value:
            continue
        if isinstance(value, list) and isinstance(value[0], (list, dict)) and not _is_table(value):
            return value[index] if index < len(value) else None
        return value
    return None


def _is_table(value: object) -> bool:
    """Whether this is a matrix of rows, not a list of matrices."""
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(
            isinstance(row, list) and len(row) == 4 and not isinstance(row[0], list)
            for row in value
        )
    )


def place_of(frame: dict[str, object], index: int) -> Float64Array | None:
    """Where a face is, in units of the file, from its matrix or the mean of its landmarks."""
    found = _four_by_four(matrix_in(frame, index))
    if found is not None:
        return found[:3, 3]
    for key, value in frame.items():
        if key_of(key) in _LANDMARKS and isinstance(value, list) and value:
            points = value[index] if isinstance(value[0], list) and index < len(value) else value
            try:
                return np.mean([[p["x"], p["y"]] for p in points], 0)  # pyright: ignore[reportIndexIssue]
            except (TypeError, KeyError, ValueError, IndexError):
                return None
    return None


def head_of(matrices: Sequence[object], seen: BoolArray, name: str) -> dict[str, FloatArray] | None:
    """Rotation and translation (R, 3) of the head, NaN where a row has no matrix; None if none
    has. Raises InputError `motion.shape`, `motion.rotation`."""
    if all(matrix is None for matrix in matrices):
        return None
    found = [_four_by_four(matrix) for matrix in matrices]
    if any(m is not None and f is None for m, f in zip(matrices, found, strict=True)):
        raise wrong_shape("the head's matrix", name, "4 x 4 numbers")
    whole = np.array([np.full((4, 4), np.nan) if f is None else f for f in found])
    there = (np.abs(np.nan_to_num(whole, nan=np.inf)) < _LARGEST).all((1, 2))
    whole[~there] = np.nan
    rotation, translation = np.full((len(whole), 3), np.nan), whole[:, :3, 3].copy()
    if there.any():
        turns = whole[there, :3, :3]
        size = np.cbrt(np.abs(np.linalg.det(turns)))[:, None, None]
        turns = rotations.check_rotation(turns / np.maximum(size, 1e-9), "the matrix", name)
        rotation[there] = rotations.axis_angle_from_matrix(turns)
        away = float(np.median(np.linalg.norm(translation[there], axis=1)))
        translation *= _CENTIMETRES if away > _FURTHEST_M else 1.0
    elif not seen.any():
        return None
    return {"rotation": rotation, "translation": translation}


def _four_by_four(value: object) -> Float64Array | None:
    """A matrix with its translation in the last column, or None if it is none."""
    if isinstance(value, dict):
        value = next((value[k] for k in ("data", "packedData", "packed_data") if k in value), value)
    if isinstance(value, dict):  # a Float32Array that was written as an object
        value = [value.get(str(i)) for i in range(16)]
    try:
        flat = np.array(value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None
    if flat.size != 16:
        return None
    matrix = flat.reshape(4, 4)
    return matrix.T if not matrix[:3, 3].any() and matrix[3, :3].any() else matrix
