# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head's sliders and curves say of each frame of its take, and what has changed of that."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from ...shared.arrays import Float32Array
from ...shared.emotion import CONTROLS, EMOTIONS, EVERY_CHANNEL, EmotionTrack, largest_value
from ...shared.units import UNIT_CHANNELS
from .. import compat
from ..emotion.pose import read_pose
from ..emotion.properties import channel_path
from ..emotion.sample import needs_playback, track_of

_LEAST = 1e-4
"""A slider nearer to its curve has not been moved."""

Shifts = tuple[tuple[str, float], ...]
"""How far each moved slider lies from its curve."""


class Emotions:
    """The emotions of one head along its take.

    A slider without keys holds for the whole take. One with keys that is moved and not keyed
    shifts its curve by as much, as long as Blender shows it so: until the frame changes.
    """

    def __init__(self, track: EmotionTrack) -> None:
        self.track = self.shown = track
        """What sliders and curves say; and that as the moved sliders have it now."""
        self.shifts: Shifts = ()
        self.is_outdated = False
        """Whether what only Blender can play has changed, so that it must be read again."""
        self._rows = _rows_of(track)
        self._seen: tuple[float, dict[str, float]] | None = None

    def look(self, head: bpy.types.Object, time: float) -> bool:
        """Takes in the sliders at a curve frame; whether any was moved, or the frame changed."""
        seen = (time, read_pose(head))
        if seen == self._seen:
            return False
        before, self._seen = self._seen, seen
        if needs_playback(head):
            # Whoever moves it, at one and the same frame, is no driver and no strip.
            self.is_outdated = before is not None and before[0] == time
            return True
        curves, held = compat.active_curves(head), {}
        shifts: dict[str, float] = {}
        for name, value in seen[1].items():
            curve = compat.find_curve(curves, channel_path(name))
            if curve is None or curve.mute or (curve.is_empty and not curve.modifiers):
                held[name] = value
            elif abs(shift := value - _in_range(name, curve.evaluate(time))) > _LEAST:
                shifts[name] = shift
        self.shifts = tuple(shifts.items())
        self._hold(held)
        self._shift()
        return True

    def _hold(self, values: Mapping[str, float]) -> None:
        """These channels say the same at every frame."""
        moved = {n: v for n, v in values.items() if (self._rows[n] != np.float32(v)).any()}
        if moved:
            for name, value in moved.items():
                self._rows[name] = np.full(len(self.track), value, np.float32)
            self.track = track_of(self._rows, self.track.fps)

    def follow(self, track: EmotionTrack) -> None:
        """The curves were edited, and this is what they say now."""
        self.track, self._rows, self._seen = track, _rows_of(track), None
        self._shift()

    def _shift(self) -> None:
        if not self.shifts:
            self.shown = self.track
            return
        shifts = dict(self.shifts)
        rows = {name: self._rows[name] + shifts.get(name, 0.0) for name in EVERY_CHANNEL}
        self.shown = track_of(rows, self.track.fps)


def _in_range(name: str, value: float) -> float:
    return min(max(value, 0.0), largest_value(name))


def _rows_of(track: EmotionTrack) -> dict[str, Float32Array]:
    rows = {name: track.weights[:, column].copy() for column, name in enumerate(EMOTIONS)}
    rows |= {name: getattr(track, name) for name in CONTROLS}
    rest = np.zeros(len(track), np.float32)
    return rows | dict.fromkeys(UNIT_CHANNELS, rest) | track.unit_curves()
