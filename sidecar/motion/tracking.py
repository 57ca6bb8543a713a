# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which of a frame's faces is which of the frame before's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...shared.arrays import Float64Array, Int64Array
from ...shared.errors import InputError

_NOBODY = -1
REMEDY = "Track the video again for one face, or keep only the rows of one."


def follow(frames: Sequence[int], places: Sequence[Float64Array | None], name: str) -> Int64Array:
    """The face (R,) of each row, -1 for rows without one. frames: (R,) of the rows, ascending.
    places: where each row's face is.

    A face is the one of the frames before that was nearest. Without places the first face of each
    frame is one person's as long as all frames have as many. Raises InputError `motion.faces`.
    """
    groups: dict[int, list[int]] = {}
    for row, frame in enumerate(frames):
        groups.setdefault(frame, []).append(row)
    several = [rows for rows in groups.values() if len(rows) > 1]
    nowhere = any(places[row] is None for rows in several for row in rows)
    if nowhere or _distance(groups, places) == 0:  # one matrix for all is none of a face
        return _by_order(frames, groups, name)
    return _by_place(frames, groups, places)


def _by_order(frames: Sequence[int], groups: dict[int, list[int]], name: str) -> Int64Array:
    counts = {len(rows) for rows in groups.values()}
    if len(counts) > 1:
        raise InputError(
            "motion.faces",
            f"{name} has several faces in some frames and does not say which of them is in the "
            "others.",
            REMEDY,
        )
    out = np.zeros(len(frames), np.int64)
    for rows in groups.values():
        out[rows] = np.arange(len(rows))
    return out


def _by_place(
    frames: Sequence[int], groups: dict[int, list[int]], places: Sequence[Float64Array | None]
) -> Int64Array:
    out = np.full(len(frames), _NOBODY, np.int64)
    last: dict[int, Float64Array] = {}
    apart = _distance(groups, places)
    for rows in groups.values():
        there = {row: place for row in rows if (place := places[row]) is not None}
        pairs = sorted(
            (float(np.linalg.norm(place - at)), row, face)
            for row, place in there.items()
            for face, at in last.items()
            if len(at) == len(place)
        )
        free = set(last)
        for distance, row, face in pairs:
            alone = len(there) == 1  # a face that was lost may come back anywhere
            if out[row] == _NOBODY and face in free and (alone or distance < apart / 2):
                out[row] = face
                free.remove(face)
        for row, place in there.items():
            if out[row] == _NOBODY:
                out[row] = len(last)
            last[int(out[row])] = place
    return out


def _distance(groups: dict[int, list[int]], places: Sequence[Float64Array | None]) -> float:
    """The usual distance of two faces in a frame."""
    apart = []
    for rows in groups.values():
        there = [place for row in rows if (place := places[row]) is not None]
        if len(there) > 1 and len(there[0]) == len(there[1]):
            apart.append(np.linalg.norm(there[0] - there[1]))
    return float(np.median(apart)) if apart else np.inf
