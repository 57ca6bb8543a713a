# SPDX-License-Identifier: GPL-3.0-or-later
"""A take's numbers with emotion in them, as far as the sidecar has told them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...shared.arrays import BoolArray, Float32Array
from ...shared.conversions import preview_reach
from ...shared.emotion import CONTROLS, EmotionTrack

if TYPE_CHECKING:
    from ..motion.placement import Grid

_BETWEEN = 1e-3
"""Of a frame: what lies nearer to one is on it."""
_TOLD = ("weights", *(name for name in CONTROLS if name != "appearance"))
"""What of a track moves the face; the appearance is an avatar's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a moment lies among a take's frames: `part` of the way from `low` to `high`."""

    low: int
    high: int
    part: float

    @property
    def frames(self) -> int:
        """How many frames from `low` on show it."""
        return self.high - self.low + 1


def place_at(time: float, grid: Grid) -> Place:
    """Where a curve frame lies in the take; before it on its first frame, behind it on its last, as
    a bake holds them there."""
    last = len(grid.rows) - 1
    at = min(max((time - grid.place.first) / grid.step - grid.rows.start, 0.0), float(last))
    low = math.floor(at + _BETWEEN)
    part = at - low
    if part < _BETWEEN:
        return Place(low=low, high=low, part=0.0)
    return Place(low=low, high=low + 1, part=part)


class Numbers:
    """The numbers (T, 103), expression and jaw, of a take in its own space under one track.

    A track that changes makes unknown what depends on it, and nothing else; answers to what was
    asked before the change count where it made no difference.
    """

    def __init__(self, take: Float32Array, track: EmotionTrack) -> None:
        self.take = take
        self.track = track
        self.known: BoolArray = np.zeros(len(take), bool)
        self.revision = 0
        """Rises with each change of the track."""
        self._values = take.copy()
        self._changed = np.zeros(len(take), np.int64)

    def __len__(self) -> int:
        return len(self.take)

    def follow(self, track: EmotionTrack) -> bool:
        """From now on it is this track; whether that changes anything."""
        rows = np.zeros(len(track), bool)
        for name in _TOLD:
            new, old = getattr(track, name), getattr(self.track, name)
            rows |= (new != old).reshape(len(track), -1).any(1)
        units, before = track.unit_curves(), self.track.unit_curves()
        rest = np.zeros(len(track), np.float32)
        for name in units.keys() | before.keys():
            rows |= units.get(name, rest) != before.get(name, rest)
        self.track = track
        if not rows.any():
            return False
        self.revision += 1
        touched = _widened(rows, preview_reach(track.fps))
        self.known &= ~touched
        self._changed[touched] = self.revision
        return True

    def put(self, first: int, numbers: Float32Array, revision: int) -> None:
        """Keeps what was told of the frames from `first` on, asked for at that revision."""
        span = slice(first, first + len(numbers))
        still = self._changed[span] <= revision
        self._values[span][still] = numbers[still]
        self.known[span] |= still

    def is_known(self, place: Place) -> bool:
        """Whether that moment's numbers are there."""
        return bool(self.known[place.low : place.high + 1].all())

    def at(self, row: int) -> Float32Array:
        """(103,) of a frame."""
        return self._values[row]

    def next_piece(self, row: int, wanted: range, most: int) -> range | None:
        """The next unknown frames among those wanted, at most so many, from `row` on and then from
        the start; None if all are known."""
        unknown = np.flatnonzero(~self.known[wanted.start : wanted.stop]) + wanted.start
        if not len(unknown):
            return None
        ahead = unknown[unknown >= row]
        first = int(ahead[0] if len(ahead) else unknown[0])
        stop = min(first + most, wanted.stop)
        return range(first, int(unknown[unknown < stop][-1]) + 1)

    def share(self, wanted: range) -> float:
        """How much of the frames wanted is known, 0 to 1."""
        return float(self.known[wanted.start : wanted.stop].mean()) if wanted else 1.0


def _widened(rows: BoolArray, reach: int) -> BoolArray:
    """(T,) the rows and as many around each."""
    found = np.flatnonzero(rows)
    edges = np.zeros(len(rows) + 1, np.int64)
    np.add.at(edges, np.maximum(found - reach, 0), 1)
    np.add.at(edges, np.minimum(found + reach + 1, len(rows)), -1)
    return np.cumsum(edges[:-1]) > 0
