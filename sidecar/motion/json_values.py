# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of JSON files as arrays and numbers, with errors that name the field."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array, Float64Array
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
        lines = _parse_lines(data)
        if lines is not None:
            return lines
        raise InputError(
            "file.damaged",
            f"{name} is not whole JSON: it breaks in line {error.lineno}, column {error.colno}.",
            "Export or download it again.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            "file.damaged", f"{name} is not usable JSON.", "Export or download it again."
        ) from error


def _parse_lines(data: bytes) -> object | None:
    """The JSON texts of a file with one a line, None if it is none. What a last line lacks because
    the recording was cut off is left out; a first line without a frame's values is a heading."""
    lines = [
        line for line in data.decode("utf-8-sig", errors="replace").splitlines() if line.strip()
    ]
    found: list[object] = []
    for number_, line in enumerate(lines):
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            if number_ < 1 or number_ + 1 < len(lines):
                return None
    if len(found) < 2 or not all(isinstance(part, dict) for part in found):
        return None
    first, rest = found[0], found[1:]
    if isinstance(first, dict) and isinstance(rest[0], dict) and not first.keys() & rest[0].keys():
        return {**first, "frames": rest}
    return found


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


def table(rows: Sequence[Sequence[object]], width: int, field: str, name: str) -> Float64Array:
    """Rows of numbers as (R, width), NaN where a value is null.

    Raises InputError `motion.shape` for rows of another length, `motion.not_a_number` for text.
    """
    if any(len(row) != width for row in rows):
        raise wrong_shape(field, name, f"{width} numbers in every frame")
    cells = list(itertools.chain.from_iterable(rows))
    if not all(kind in (int, float, type(None)) for kind in set(map(type, cells))):
        raise InputError(
            "motion.not_a_number",
            f"In {name}, {field} holds something that is not a number.",
            "Repair that value or export the take again.",
        )
    try:
        return np.array(cells, np.float64).reshape(len(rows), width)
    except OverflowError as error:
        raise wrong_shape(field, name, "a table of numbers of a usual size") from error


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
