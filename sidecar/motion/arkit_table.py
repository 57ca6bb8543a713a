# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of ARKit's weights: Live Link Face's CSV, `animation_frames.csv` of NVIDIA's
Audio2Face-3D client, and any other whose columns have these names, in any order.

A row whose `BlendShapeCount` is 0, that ends early or whose weights are blank has no face. Live
Link's angles of the eyes repeat the weights eyeLook... and are ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ...shared.arrays import BoolArray, Float64Array, Int64Array
from ...shared.errors import InputError
from .columns import Columns, is_header, passed_over_note, sort_columns
from .json_values import wrong_shape
from .raw_take import Clock, RawTake
from .tables import Table, find_header, read_table
from .timecodes import clock_seconds, read_timecodes


def is_arkit_table(data: bytes) -> bool:
    """Whether the file begins with a header that names weights or emotions."""
    return find_header(data, is_header) is not None


def decode_arkit_table(data: bytes, name: str) -> RawTake:
    """Decodes a take in space `arkit`. Raises InputError `motion.*`, `file.*`."""
    columns = sort_columns(find_header(data, is_header) or [], name)
    if not columns.weights:
        raise _no_weights(columns, name)
    wanted = [*columns.weights, *columns.head, *columns.counts]
    times = [*columns.times, *columns.numbers, *columns.faces]
    table = read_table(data, name, is_header, wanted, times)
    place = {column: i for i, column in enumerate(wanted)}
    expression = _spread(table, place, columns.weights, 100)
    rows = {"expression": expression}
    if columns.head:
        angles = _spread(table, place, columns.head, 3)
        rows["head_angles"] = angles * columns.head_unit_rad
    return RawTake(
        rows=rows,
        space="arkit",
        seen=_seen(table, place, columns),
        faces=_faces(table, columns),
        clock=table_clock(table, columns, name),
        notes=(*_emotion_note(columns, name), *passed_over_note(columns.passed_over)),
    )


def _spread(
    table: Table, place: dict[int, int], columns: dict[int, int], width: int
) -> Float64Array:
    """The columns (R, width) at their targets; columns that are blank throughout are zero."""
    out = np.zeros((len(table.short), width))
    for source, target in columns.items():
        values = table.numbers[:, place[source]]
        if not np.isnan(values).all():
            out[:, target] = values
    return out


def _seen(table: Table, place: dict[int, int], columns: Columns) -> BoolArray:
    seen = ~table.short
    for column in columns.counts:
        seen &= table.numbers[:, place[column]] != 0
    weights = table.numbers[:, [place[column] for column in columns.weights]]
    return seen & ~np.isnan(weights).all(1)


def _faces(table: Table, columns: Columns) -> Int64Array | None:
    for column in columns.faces:
        cells = table.texts[column]
        return np.unique(cells, return_inverse=True)[1].astype(np.int64)
    return None


def table_clock(table: Table, columns: Columns, name: str) -> Clock:
    """When the rows were, from the columns of times and frame numbers, whose texts the table
    holds. Raises InputError `motion.times`, `motion.not_a_number`."""
    candidates = (_frame_numbers(table.texts[column]) for column in columns.numbers)
    numbers = next((found for found in candidates if found is not None), None)
    for column, unit_s in columns.times.items():
        cells = table.texts[column]
        if any(cell.count(":") + cell.count(";") > 2 for cell in cells[:8]) and "-" not in cells[0]:
            return Clock(timecodes=read_timecodes(cells, name, partial(table.cell, column=column)))
        seconds = clock_seconds(cells)
        if seconds is not None:
            return Clock(times=seconds, unit_s=1.0, numbers=numbers)
        times = _times(cells, name, partial(table.cell, column=column))
        return Clock(times=times, unit_s=unit_s, numbers=numbers)
    return Clock(numbers=numbers)


def _frame_numbers(cells: list[str]) -> Int64Array | None:
    """Whole numbers of all rows, or None."""
    try:
        values = np.array([float(cell.replace(",", ".")) for cell in cells])
    except ValueError:
        return None
    if not np.isfinite(values).all() or (np.abs(values) > 1e12).any() or (values % 1 != 0).any():
        return None
    if len(values) > 1 and (values == values[0]).all():
        return None
    return values.astype(np.int64)


def _times(cells: list[str], name: str, where: Callable[[int], str]) -> Float64Array:
    times: list[float] = []
    for cell in map(str.strip, cells):
        try:
            times.append(float(cell.replace(",", ".") or "nan"))
        except ValueError as error:
            raise InputError(
                "motion.times",
                f"{name} has a time that is neither a number nor a timecode, '{cell:.40}', in "
                f"{where(len(times))}.",
                "Repair it, or remove that column and say the rate (--fps, or Frame Rate in "
                "Blender).",
            ) from error
    return np.array(times)


def _emotion_note(columns: Columns, name: str) -> tuple[str, ...]:
    if not columns.emotions:
        return ()
    return (
        f"Emotions stand beside the weights: `affekt convert {name} keys.json --to keys` makes "
        "emotion keys of them.",
    )


def _no_weights(columns: Columns, name: str) -> InputError:
    if columns.emotions:
        return InputError(
            "file.wrong_kind",
            f"{name} holds emotions, not motion.",
            "Give it with --emotions, and the take that belongs to it with --motion.",
        )
    return wrong_shape("the header", name, "a list of ARKit's weight names")
