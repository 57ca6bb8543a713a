# SPDX-License-Identifier: GPL-3.0-or-later
"""Records: the named arrays of one tracker's file, of one frame or of many, on their way to a take.

Trackers write a frame's numbers as (n,), (1, n), (T, n) or (T, 1, n); all of them become (T, n).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from ...shared.motion import WIDTHS, Motion, make_motion
from .affekt_npz import to_float32

FPS = 30.0
"""No tracker writes its rate into its parameters; `affekt convert --fps` sets another."""

Record = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFormat:
    """How one tracker names its numbers.

    keys: those that are read. matches: whether a file with these names is of this tracker.
    decode: the record as a take; raises InputError `motion.*`.
    """

    title: str
    keys: tuple[str, ...]
    matches: Callable[[frozenset[str]], bool]
    decode: Callable[[Record, str], Motion]


def rows(record: Record, key: str, name: str) -> Float32Array:
    """(T, n) float32. Raises InputError `motion.shape`, `motion.not_a_number`."""
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
    return to_float32(values)


def pose(record: Record, key: str, width: int, name: str, frames: int) -> Float32Array:
    """(T, width) for T frames; zeros where the record has no such key."""
    if key not in record:
        return np.zeros((frames, width), np.float32)
    values = rows(record, key, name)
    if values.shape != (frames, width):
        raise _wrong(record, key, name, f"{frames} rows of {width} numbers")
    return values


def expression(record: Record, key: str, name: str) -> Float32Array:
    """(T, 100); components that the tracker does not have are zero."""
    values = rows(record, key, name)
    if values.shape[1] > 100:
        raise _wrong(record, key, name, "at most 100 numbers in each frame")
    return np.pad(values, ((0, 0), (0, 100 - values.shape[1])))


def shape(record: Record, key: str, name: str) -> Float32Array:
    """(300,); the mean where the tracker writes an identity for each frame."""
    if key not in record:
        return np.zeros(300, np.float32)
    values = rows(record, key, name)
    if values.shape[1] > 300:
        raise _wrong(record, key, name, "at most 300 numbers")
    return np.pad(mean(values), (0, 300 - values.shape[1]))


def mean(values: Float32Array) -> Float32Array:
    """Over the frames; equal rows keep their bits."""
    if (values == values[0]).all():
        return values[0]
    return to_float32(values.mean(0, dtype=np.float64))


def rate(record: Record, *keys: str) -> float:
    """Frames per second from the first of the keys that the record has, else `FPS`."""
    for key in (k for k in keys if k in record):
        values = record[key]
        if values.size == 1 and values.dtype.kind in "fiu":
            return float(values.reshape(()))
        raise InputError(
            "motion.shape", f"The take's {key} is not one number.", "Export the take again."
        )
    return FPS


def join_motions(motions: list[Motion]) -> Motion:
    """One take after the other; identity is the mean over their frames.

    Raises InputError `motion.mixed` where the parts differ in space or rate.
    """
    first = motions[0]
    if len(motions) == 1:
        return first
    if any((m.space, m.fps, m.eyelids is None) != _kind(first) for m in motions):
        raise InputError(
            "motion.mixed",
            "The folder's files are of different kinds, so they are not one take.",
            "Give a folder that holds the frames of one take from one tracker.",
        )
    arrays = {n: np.concatenate([getattr(m, n) for m in motions]) for n in WIDTHS}
    if first.eyelids is not None:
        arrays["eyelids"] = np.concatenate([m.eyelids for m in motions if m.eyelids is not None])
    arrays["shape"] = mean(np.stack([m.shape for m in motions]))
    return make_motion(**arrays, fps=first.fps, space=first.space)


def _kind(motion: Motion) -> tuple[str, float, bool]:
    return motion.space, motion.fps, motion.eyelids is None


def _wrong(record: Record, key: str, name: str, expected: str) -> InputError:
    return InputError(
        "motion.shape",
        f"In {name}, {key} has the shape {record[key].shape}, not {expected}.",
        "Export the take again.",
    )
