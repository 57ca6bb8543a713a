# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes records, the named arrays of a tracker's file, into a `Motion`.

A record holds one frame or many. Trackers write its arrays as (n,), (1, n), (T, n), (T, 1, n) or
(1, T, n); all of them become (T, n). A row of expressions that is all NaN is a frame without a
face.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import BoolArray, Float32Array, FloatArray
from ...shared.errors import InputError
from ...shared.motion import WIDTHS
from ...shared.wording import say_count
from . import npz
from .raw_take import RawTake

Record = Mapping[str, NDArray[np.generic]]

_MOST_FACES = 16  # side by side in one array
_LEAST = 10


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
        seen=_seen(fields["expression"]),
        space=space,
    )


def _seen(expression: FloatArray) -> BoolArray | None:
    """Which rows (T,) have a face, if some have and some have not; no tracker has fewer than
    `_LEAST` expressions."""
    lost = np.logical_and.reduce(np.isnan(expression[:, :_LEAST]), axis=1)
    return ~lost if lost.any() and not lost.all() else None


def rows(record: Record, key: str, name: str) -> Float32Array:
    """An array of the record as (T, n) float32.

    Raises InputError `motion.shape`, `motion.not_a_number`, `motion.several`.
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
    elif values.ndim == 3 and 1 in values.shape[:2]:
        values = values[:, 0] if values.shape[1] == 1 else values[0]
    elif values.ndim == 3 and values.size and min(values.shape[:2]) <= _MOST_FACES:
        raise several(name, [f"{key} has the shape {values.shape}"])
    if values.ndim != 2 or not values.size:
        raise _wrong(record, key, name, "one row of numbers for each frame")
    return npz.to_float32(values)


def pose(record: Record, key: str, width: int, name: str, frames: int) -> Float32Array:
    """An array of the record as (T, width) for T frames; zeros if the record has no such key."""
    if key not in record:
        return np.zeros((frames, width), np.float32)
    if record[key].ndim == 3 and record[key].shape == (frames, width // 3, 3):
        record = {key: record[key].reshape(frames, width)}  # joint by joint
    values = rows(record, key, name)
    if values.shape != (frames, width):
        raise _wrong(record, key, name, f"{say_count(frames, 'row')} of {width} numbers")
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


def several(label: str, names: Sequence[str]) -> InputError:
    """The error for a file or folder in which more than one take or face is."""
    shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    return InputError(
        "motion.several",
        f"{label} holds more than one take or face: {shown}.",
        "Give one of them alone, as a file or folder of its own.",
    )


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
    joined = {key: np.concatenate([take.rows[key] for take in takes]) for key in first.rows}
    return replace(
        first,
        rows=joined,
        seen=_seen(joined["expression"]),
        shape=_mean(np.stack(shapes)) if shapes else None,
    )


def with_faceless(frames: list[RawTake | None], name: str) -> list[RawTake]:
    """The frames with NaN in place of those that are None, which had no face.

    Raises InputError `motion.no_face` if none has one.
    """
    whole = [frame for frame in frames if frame is not None]
    if not whole:
        raise InputError(
            "motion.no_face", f"No frame of {name} has a face.", "Track the video again."
        )
    lost = {key: np.full_like(values, np.nan) for key, values in whole[0].rows.items()}
    faceless = replace(whole[0], rows=lost, shape=None)
    return [faceless if frame is None else frame for frame in frames]


def _kind(take: RawTake) -> tuple[str, float | None, frozenset[str]]:
    return take.space, take.fps, frozenset(take.rows)


def _wrong(record: Record, key: str, name: str, expected: str) -> InputError:
    return InputError(
        "motion.shape",
        f"In {name}, {key} has the shape {record[key].shape}, not {expected}.",
        "Export the take again.",
    )
