# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes records, the named arrays of a tracker's file, into a `Motion`.

A record holds one frame or many. Trackers write its arrays as (n,), (1, n), (T, n) or (T, 1, n);
all of them become (T, n).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array, FloatArray
from ...shared.errors import InputError
from ...shared.motion import WIDTHS
from . import npz
from .raw_take import RawTake

FPS = 30.0
"""The rate of takes whose file names none, as trackers' files do not (LAM's clips have it, compared
with their sound); `--fps` sets another."""

Record = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFormat:
    """The format of one tracker's files.

    keys: names of the arrays that are read. matches: whether a file with these names has this
    format. decode: makes a take of a record and the file's name; raises InputError `motion.*`.
    """

    keys: tuple[str, ...]
    matches: Callable[[frozenset[str]], bool]
    decode: Callable[[Record, str], RawTake]


def decode_flame(
    record: Record,
    name: str,
    space: str,
    keys: Mapping[str, str],
    *,
    fps: float | None = None,
    **computed: FloatArray,
) -> RawTake:
    """A take in a FLAME space. `keys` maps fields of `Motion` to names in the record, of which
    only the expression's must be there; `computed` holds fields that the caller has decoded.

    Raises InputError `motion.*`.
    """
    fields: dict[str, FloatArray] = {"expression": expression(record, keys["expression"], name)}
    frames = len(fields["expression"])
    for field, key in keys.items():
        if field == "eyelids" and key in record:
            fields[field] = np.clip(pose(record, key, 2, name, frames), 0, 1)
        elif field not in ("expression", "eyelids", "shape"):
            fields[field] = pose(record, key, WIDTHS[field], name, frames)
    return RawTake(
        rows=fields | computed,
        shape=shape(record, keys["shape"], name) if "shape" in keys else None,
        fps=rate(record, "fps") if fps is None else fps,
        space=space,
    )


def rows(record: Record, key: str, name: str) -> Float32Array:
    """An array of the record as (T, n) float32.

    Raises InputError `motion.shape`, `motion.not_a_number`.
    """
    values = record[key]
    if values.dtype.kind not in "fiu":
        raise InputError(
            "motion.not_a_number",
            f"In {name}, {key} holds something that is not a number.",
            "Repair that value or export the take again.",
        )
    if values.ndim == 1:
        values = values[None]
    elif values.ndim == 3 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 2 or not values.size:
        raise _wrong(record, key, name, "one row of numbers for each frame")
    return npz.to_float32(values)


def pose(record: Record, key: str, width: int, name: str, frames: int) -> Float32Array:
    """An array of the record as (T, width) for T frames; zeros if the record has no such key."""
    if key not in record:
        return np.zeros((frames, width), np.float32)
    values = rows(record, key, name)
    if values.shape != (frames, width):
        raise _wrong(record, key, name, f"{frames} rows of {width} numbers")
    return values


def expression(record: Record, key: str, name: str) -> Float32Array:
    """The expression (T, 100); components that the tracker does not have are zero."""
    values = rows(record, key, name)
    if values.shape[1] > 100:
        raise _wrong(record, key, name, "at most 100 numbers in each frame")
    return np.pad(values, ((0, 0), (0, 100 - values.shape[1])))


def shape(record: Record, key: str, name: str) -> Float32Array:
    """The identity (300,); the mean if the tracker writes one for each frame."""
    if key not in record:
        return np.zeros(300, np.float32)
    values = rows(record, key, name)
    if values.shape[1] > 300:
        raise _wrong(record, key, name, "at most 300 numbers")
    return np.pad(_mean(values), (0, 300 - values.shape[1]))


def _mean(values: Float32Array) -> Float32Array:
    """The mean over the frames; the mean of equal rows is that row, bit for bit."""
    if (values == values[0]).all():
        return values[0]
    return npz.to_float32(values.mean(0, dtype=np.float64))


def rate(record: Record, *keys: str) -> float | None:
    """Frames per second under the first of these keys that the record has, or None."""
    for key in (k for k in keys if k in record):
        values = record[key]
        if values.size == 1 and values.dtype.kind in "fiu":
            return float(values.reshape(()))
        raise InputError(
            "motion.shape", f"The take's {key} is not one number.", "Export the take again."
        )
    return None


def join_takes(takes: list[RawTake]) -> RawTake:
    """Joins takes one after the other; the identity is the mean of theirs.

    Raises InputError `motion.mixed` if they differ in space, rate, or in what they hold.
    """
    first = takes[0]
    if len(takes) == 1:
        return first
    if any(_kind(take) != _kind(first) for take in takes):
        raise InputError(
            "motion.mixed",
            "The folder's files are of different kinds, so they are not one take.",
            "Give a folder that holds the frames of one take from one tracker.",
        )
    shapes = [take.shape for take in takes if take.shape is not None]
    return replace(
        first,
        rows={key: np.concatenate([take.rows[key] for take in takes]) for key in first.rows},
        shape=_mean(np.stack(shapes)) if shapes else None,
    )


def _kind(take: RawTake) -> tuple[str, float | None, frozenset[str]]:
    return take.space, take.fps, frozenset(take.rows)


def _wrong(record: Record, key: str, name: str, expected: str) -> InputError:
    return InputError(
        "motion.shape",
        f"In {name}, {key} has the shape {record[key].shape}, not {expected}.",
        "Export the take again.",
    )
