# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in frames of which a take has no values.

Up to a second it is a straight line between the neighbours. Over a longer gap the last face is
held and goes over to the next within the last half second, so that a face does not drift slowly
through something that nobody did. At the ends of a take the nearest face is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...shared.arrays import BoolArray, Float64Array, FloatArray
from ...shared.errors import InputError
from .raw_take import RawTake

LINE_S = 1.0
"""The longest gap that is filled in a straight line."""
BLEND_S = 0.5
_TURNS = ("rotation", "neck", "jaw", "eyes")
_MOST_RANGES = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """Rows of a take and whether each has a face. missing: single values that are NaN in rows with
    a face."""

    take: RawTake
    faces: BoolArray  # (R,)
    missing: int


def find_faces(take: RawTake, name: str) -> Seen:
    """Which rows have a face: those that the file says to have one and that are not all NaN.

    Raises InputError `motion.no_face`, or `motion.not_finite` for a column without any number.
    """
    faces = np.array((~np.isnan(take.rows["expression"])).any(1), bool)
    if take.seen is not None:
        faces = faces & take.seen
    if not faces.any() and len(take):
        raise InputError(
            "motion.no_face", f"No frame of {name} has a face.", "Record or track the face again."
        )
    missing = 0
    for key, values in take.rows.items():
        holes = np.isnan(values[faces])
        missing += int(holes.sum())
        if len(take) and holes.all(0).any():
            raise InputError(
                "motion.not_finite",
                f"In {name}, {key} has a column without a single number.",
                "Repair it in the tracker and export again.",
            )
    return Seen(take=take, faces=faces, missing=missing)


def fill_values(seen: Seen, places: Float64Array, fps: float) -> RawTake:
    """The rows with a face, in which each missing value is filled from the rows around it. places:
    (R,) of the rows, in frames."""
    rows: dict[str, FloatArray] = {}
    at = places[seen.faces]
    for key, values in seen.take.rows.items():
        rows[key] = values[seen.faces]  # a copy, for the faces are marked one by one
        for column in np.flatnonzero(np.isnan(rows[key]).any(0)):
            column_values = rows[key][:, [column]].astype(np.float64)
            there = ~np.isnan(column_values[:, 0])
            filled = interpolate(at[there], column_values[there], at[~there], fps)
            column_values[~there] = filled
            rows[key][:, column] = column_values[:, 0]
    return replace(seen.take, rows=rows)


def fill_frames(
    rows: Mapping[str, FloatArray], places: Float64Array, frames: int, fps: float
) -> dict[str, FloatArray]:
    """Values (T, width) of frames 0 to T-1 from rows at `places` (R,), ascending, in frames."""
    if len(places) == frames and (places == np.arange(frames)).all():
        return dict(rows)
    at = np.arange(frames, dtype=np.float64)
    return {
        key: interpolate(places, values, at, fps, turns=key in _TURNS)
        for key, values in rows.items()
    }


def interpolate(
    places: Float64Array, values: FloatArray, at: Float64Array, fps: float, *, turns: bool = False
) -> FloatArray:
    """Values (N, width) at `at` (N,) from those (R, width) at `places` (R,), ascending; both in
    frames. turns: whether the values are axis-angle vectors, which go the short way round."""
    after = np.searchsorted(places, at)
    before = np.clip(after - 1, 0, None)
    after = np.clip(after, None, len(places) - 1)
    exact = places[after] == at
    before[exact] = after[exact]
    span = places[after] - places[before]
    blend = np.where(span <= LINE_S * fps + 1e-6, span, BLEND_S * fps)
    start = places[after] - blend
    part = np.clip((at - start) / np.maximum(blend, 1e-12), 0, 1)[:, None]
    part[before == after] = 0
    first, second = values[before], values[after]
    if turns:
        second = _nearest_turn(first, second)
    return np.where(part == 0, first, first * (1 - part) + second * part)


def _nearest_turn(first: FloatArray, second: FloatArray) -> FloatArray:
    """Of the two axis-angle vectors that mean the same turn as `second` (N, 3 k), the one that is
    nearer to `first`."""
    there = second.reshape(len(second), -1, 3)
    angle = np.linalg.norm(there, axis=2, keepdims=True)
    other = there * (1 - 2 * np.pi / np.maximum(angle, 1e-6))
    start = first.reshape(there.shape)
    nearer = ((other - start) ** 2).sum(2) < ((there - start) ** 2).sum(2)
    return np.where(nearer[:, :, None] & (angle > 1e-3), other, there).reshape(second.shape)


def describe(frames: BoolArray) -> str:
    """The marked frames (T,) as ranges, such as "3, 20-24"; only some of many."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], frames, [False]]).astype(np.int8)))
    ranges = [
        f"{start}" if stop - start == 1 else f"{start}-{stop - 1}"
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]
    if len(ranges) > _MOST_RANGES:
        return ", ".join(ranges[:_MOST_RANGES]) + ", ..."
    return ", ".join(ranges)
