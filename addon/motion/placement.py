# SPDX-License-Identifier: GPL-3.0-or-later
"""At which frames of its curves a take's frames lie, and how fast a scene plays them.

A curve's frames are the timeline's, unless the scene stretches time (Output > Frame Range > Time
Stretching): then Blender evaluates curves at the timeline's frame times old / new.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import bpy
import numpy as np

from ...shared.arrays import Float64Array
from .. import compat
from .properties import AFFEKT_PG_take

_SAME = 1e-4
"""Rates that differ by a smaller share are one rate; 24 and 23.976 are two."""
_ROUNDING = 2 * float(np.finfo(np.float32).eps)
"""Keys lie at float32 frames, which are off by a smaller share."""
_BENT = 1e-5
"""So a rate that two keys tell is off by a smaller share."""

_FRACTION = 1e-3
"""Of a frame: rounding, not one more frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a take's keys lie: its first frame is at the curve frame `first`, and `fps` frames of
    the curves are one second of the take."""

    first: float
    fps: float


def scene_fps(scene: bpy.types.Scene) -> float:
    """The scene's frames per second."""
    return scene.render.fps / scene.render.fps_base


def stretch(scene: bpy.types.Scene) -> float:
    """How many frames of curves the scene plays in one frame of the timeline."""
    return scene.render.frame_map_old / scene.render.frame_map_new


def curve_fps(scene: bpy.types.Scene) -> float:
    """Frames of curves that the scene plays in a second."""
    return scene_fps(scene) * stretch(scene)


def frame_times(rows: Float64Array, fps: float, place: Placement) -> Float64Array:
    """Curve frames (n,) of the rows (n,) of a take of `fps` frames per second; rows may lie
    between two frames of the take."""
    return place.first + rows * (place.fps / fps)


def all_times(frames: int, fps: float, place: Placement) -> Float64Array:
    """Curve frames (T,) of a whole take of so many frames, `fps` in a second."""
    return frame_times(np.arange(frames, dtype=np.float64), fps, place)


def is_same_rate(one: float, other: float) -> bool:
    """Whether the two rates are one, but for rounding."""
    return math.isclose(one, other, rel_tol=_SAME)


def place_of(take: AFFEKT_PG_take, scene: bpy.types.Scene) -> Placement:
    """Where the take's keys lie: as they were placed, unless most of the curves that still have
    a key for each frame were moved or stretched since. A take of an older file does not know for
    which rate it was placed, and its keys tell; without any it is the scene's."""
    place = Placement(first=take.first_frame, fps=take.placed_fps or curve_fps(scene))
    span = _span_of_keys(take)
    if span is None or span[0] >= span[1]:
        return place
    times = all_times(take.frames, take.fps, place)
    if np.allclose(span, times[[0, -1]], rtol=_ROUNDING, atol=0):
        return place
    step = (span[1] - span[0]) / (take.frames - 1)
    return Placement(first=span[0], fps=_known_rate(step * take.fps))


def take_times(take: AFFEKT_PG_take, scene: bpy.types.Scene) -> Float64Array:
    """Curve frames (T,) of the take's frames."""
    return all_times(take.frames, take.fps, place_of(take, scene))


def last_frame(take: AFFEKT_PG_take, scene: bpy.types.Scene) -> int:
    """The timeline's frame at which the take has ended."""
    return math.ceil(take_times(take, scene)[-1] / stretch(scene) - _FRACTION)


def describe_speed(take: AFFEKT_PG_take, scene: bpy.types.Scene) -> str:
    """A sentence on a take that the scene plays too fast or too slowly; empty for any other."""
    placed, played = place_of(take, scene).fps, curve_fps(scene)
    if is_same_rate(placed, played):
        return ""
    change = 100 * (played / placed - 1)
    return (
        f"{take.name} plays {abs(change):.3g} % too {'fast' if change > 0 else 'slow'}: its keys "
        f"are spaced for {placed:.5g} fps, and the scene runs at {played:.5g}."
    )


def _span_of_keys(take: AFFEKT_PG_take) -> tuple[float, float] | None:
    """Curve frames of the first and the last key of most curves that have a key for each frame of
    the take; None where there is no such curve."""
    if take.keys_action is None or take.rig_action is None or take.frames < 2:
        return None
    spans: Counter[tuple[float, float]] = Counter()
    for action, part in ((take.keys_action, "KEY"), (take.rig_action, "OBJECT")):
        for curve in compat.curves_of(action, part):
            points = curve.keyframe_points
            if len(points) == take.frames:
                spans[points[0].co[0], points[-1].co[0]] += 1
    return spans.most_common(1)[0][0] if spans else None


def _known_rate(rate: float) -> float:
    """The rate without the rounding of its keys, where it is a usual one."""
    for base in (1.0, 1.001):
        whole = round(rate * base)
        if math.isclose(rate * base, whole, rel_tol=_BENT):
            return whole / base
    return rate
