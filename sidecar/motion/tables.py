# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON's lists of numbers as arrays, with errors that name the field."""

from __future__ import annotations

import json

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from .affekt_npz import to_float32


def parse_json(data: bytes, name: str) -> object:
    """Raises InputError `file.damaged` for text that breaks off or is no JSON."""
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


def matrix(rows: object, width: int, field: str, name: str) -> Float32Array:
    """(T, width) float32 from a list of rows.

    Raises InputError `motion.shape`, or `motion.not_a_number` for text and blanks.
    """
    if not isinstance(rows, list):
        raise wrong_shape(field, name, "a list of frames")
    if not rows:
        return np.zeros((0, width), np.float32)
    try:
        values = np.array(rows)
    except (ValueError, OverflowError) as error:
        raise wrong_shape(field, name, f"{width} numbers in every frame") from error
    if values.ndim != 2 or values.shape[1] != width:
        raise wrong_shape(field, name, f"{width} numbers in every frame")
    if values.dtype.kind not in "fiu":
        raise InputError(
            "motion.not_a_number",
            f"In {name}, {field} holds something that is not a number.",
            "Repair that value or export the take again.",
        )
    return to_float32(values)


def wrong_shape(field: str, name: str, expected: str) -> InputError:
    """The error for a field that is not laid out as its format says."""
    return InputError(
        "motion.shape", f"In {name}, {field} is not {expected}.", "Export the take again."
    )


def number(value: object, field: str, name: str) -> float:
    """A plain finite number. Raises InputError `motion.not_a_number`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e30:
        raise InputError(
            "motion.not_a_number",
            f"In {name}, {field} is {value!r:.40}, not a number.",
            "Repair that value or export the take again.",
        )
    return float(value)
