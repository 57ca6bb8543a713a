# SPDX-License-Identifier: GPL-3.0-or-later
"""Which emotion rules a head at which frames of the scene."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ...shared.arrays import Float32Array, Float64Array, IndexArray
from ...shared.emotion import CHANNELS, EMOTIONS, EmotionTrack
from .. import compat
from ..motion.keys import encode_keys
from ..motion.placement import scene_fps, stretch
from .properties import channel_path
from .sample import needs_playback, read_track

NEUTRAL, UNTOUCHED = "neutral", ""
"""Where the take's own emotion is taken out and none put in; where the take is left as it is."""
_RULERS = (*EMOTIONS, NEUTRAL, UNTOUCHED)
_LEAST = 0.03
"""Weights and influences below it do not show on a face."""
_MOST_FRAMES = 4000
"""A longer scene is looked at in steps: no screen has more columns."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reign:
    """frames (N,) of the timeline, `step` apart, and what rules at each: rulers (N,) counts in
    `EMOTIONS`, then neutral, then untouched; strengths (N,) are 0..1."""

    frames: Float64Array
    step: int
    rulers: IndexArray
    strengths: Float32Array

    def spans(self) -> list[tuple[str, float, float]]:
        """Each ruler with the first and the last frame of its reign, in order."""
        changes = np.flatnonzero(np.diff(self.rulers)) + 1
        starts, ends = [0, *changes], [*(changes - 1), len(self.rulers) - 1]
        return [
            (_RULERS[self.rulers[a]], float(self.frames[a]), float(self.frames[b]))
            for a, b in zip(starts, ends, strict=True)
        ]


def read_reign(head: bpy.types.Object, scene: bpy.types.Scene) -> Reign | None:
    """Who rules the head in the scene's frame range. None where drivers or NLA strips move the
    emotions: to know those Blender would have to play the scene."""
    if needs_playback(head):
        return None
    step = 1 + (scene.frame_end - scene.frame_start) // _MOST_FRAMES
    frames = np.arange(scene.frame_start, scene.frame_end + 1, step, dtype=np.float64)
    return judge(read_track(head, frames * stretch(scene), scene_fps(scene), scene), frames, step)


def judge(track: EmotionTrack, frames: Float64Array, step: int) -> Reign:
    """Who rules at each frame (N,) of the track: the emotion that is put in most strongly."""
    change = np.minimum(track.influence * track.geometry, 1)
    largest = track.weights.max(1)
    rulers = track.weights.argmax(1)
    rulers[largest < _LEAST] = _RULERS.index(NEUTRAL)
    rulers[change < _LEAST] = _RULERS.index(UNTOUCHED)
    strengths = np.where(largest < _LEAST, change, change * np.minimum(largest, 1))
    return Reign(frames=frames, step=step, rulers=rulers, strengths=strengths.astype(np.float32))


def stamp_of(head: bpy.types.Object, scene: bpy.types.Scene) -> bytes:
    """The same as before as long as `read_reign` would say the same."""
    curves = compat.active_curves(head)
    told = [repr((head.session_uid, scene.frame_start, scene.frame_end, stretch(scene))).encode()]
    for name in CHANNELS:
        curve = compat.find_curve(curves, channel_path(name))
        if curve is None or curve.mute:
            told.append(repr(getattr(head.affekt_emotion, name)).encode())
        else:
            told.append(encode_keys(curve))
    return b"|".join(told)
