# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of JSON files as arrays and numbers, with errors that name the field."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from . import npz


def parse_json(data: bytes, name: str) -> object:
    """Parses JSON. Raises InputError `file.damaged` for text that is truncated or no JSON."""
    try:
        return json.loads(data)
    except UnicodeDecodeError as error:
        raise InputError(
            "file.damaged", f"{name} is not text.", "Export or download it again."
        ) from error
    except json.JSONDecodeError as error:
        raise InputError(
            "file.damaged",
            f"{name} is not whole JSON: it breaks in line {error.lineno}, column {error.colno}.",
            "Export or download it again.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            "file.damaged", f"{name} is not usable JSON.", "Export or download it again."
        ) from error


def array(value: object, field: str, name: str) -> NDArray[np.generic]:
    """A list of numbers or of equally long rows as an array of whatever type it has.

    Raises InputError `motion.shape` for rows of different lengths.
    """
    try:
        return np.array(value)
    except (ValueError, OverflowError) as error:
        raise wrong_shape(field, name, "an even table of numbers") from error


def matrix(rows: object, width: int, field: str, name: str) -> Float32Array:
    """A list of rows as (T, width) float32.

    Raises InputError `motion.shape`, or `motion.not_a_number` for text and nulls.
    """
    if not isinstance(rows, list):
        raise wrong_shape(field, name, "a list of frames")
    if not rows:
        return np.zeros((0, width), np.float32)
    values = array(rows, field, name)
    if values.ndim != 2 or values.shape[1] != width:
        raise wrong_shape(field, name, f"{width} numbers in every frame")
    if values.dtype.kind not in "fiu":
        raise InputError(
            "motion.not_a_number",
            f"In {name}, {field} holds something that is not a number.",
            "Repair that value or export the take again.",
        )
    return npz.to_float32(values)


def wrong_shape(field: str, name: str, expected: str) -> InputError:
    """The error for a field whose layout is not that of its format."""
    return InputError(
        "motion.shape", f"In {name}, {field} is not {expected}.", "Export the take again."
    )


def number(value: object, field: str, name: str) -> float:
    """The value as a float. Raises InputError `motion.not_a_number` if it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e30:
        raise InputError(
            "motion.not_a_number",
            f"In {name}, {field} is {value!r:.40}, not a number.",
            "Repair that value or export the take again.",
        )
    return float(value)
