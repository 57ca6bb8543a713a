# SPDX-License-Identifier: GPL-3.0-or-later
"""From a head's emotion curves to an `EmotionTrack`, one value for each frame of a take."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import bpy
import numpy as np

from ...shared.arrays import Float32Array, Float64Array
from ...shared.emotion import CONTROLS, EMOTIONS, EVERY_CHANNEL, EmotionTrack, largest_value
from ...shared.units import UNIT_CHANNELS
from .. import compat
from ..motion.keys import sample
from ..motion.placement import stretch
from .properties import channel_path


def read_track(
    head: bpy.types.Object, times: Float64Array, fps: float, scene: bpy.types.Scene
) -> EmotionTrack:
    """The head's emotion at curve frames `times` (T,), as Blender shows it there.

    Curves are read directly. Drivers and NLA strips can only be read by going to each frame,
    which is slower; the scene's frame is put back.
    """
    if needs_playback(head):
        values = _play(head, times, scene)
    else:
        curves = compat.active_curves(head)
        values = {
            name: sample(curves, channel_path(name), 0, times, getattr(head.affekt_emotion, name))
            for name in EVERY_CHANNEL
        }
    return track_of(values, fps)


def track_of(values: Mapping[str, Float32Array], fps: float) -> EmotionTrack:
    """The track of values (T,) of each channel; curves that overshoot are held in range."""
    held = {name: np.clip(values[name], 0, largest_value(name)) for name in EVERY_CHANNEL}
    weights = np.stack([held[name] for name in EMOTIONS], 1)
    units = tuple(name for name in UNIT_CHANNELS if held[name].any())
    return EmotionTrack(
        weights=weights,
        fps=fps,
        unit_names=units,
        units=np.stack([held[name] for name in units], 1) if units else None,
        **{name: held[name] for name in CONTROLS},
    )


def needs_playback(head: bpy.types.Object) -> bool:
    """Whether the head's emotions move by more than curves."""
    data = head.animation_data
    if data is None:
        return False
    driven = any(curve.data_path.startswith("affekt_emotion.") for curve in data.drivers)
    strips = data.use_nla and any(track.strips and not track.mute for track in data.nla_tracks)
    return driven or strips


def _play(
    head: bpy.types.Object, times: Float64Array, scene: bpy.types.Scene
) -> dict[str, Float32Array]:
    values = {name: np.empty(len(times), np.float32) for name in EVERY_CHANNEL}
    with frame_restored(scene):
        for row, frame in enumerate(times / stretch(scene)):
            whole = int(np.floor(frame))
            scene.frame_set(whole, subframe=float(frame) - whole)
            for name in EVERY_CHANNEL:
                values[name][row] = getattr(head.affekt_emotion, name)
    return values


@contextmanager
def frame_restored(scene: bpy.types.Scene) -> Generator[None]:
    """The scene is afterwards at the frame where it was."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)
