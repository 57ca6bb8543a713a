# SPDX-License-Identifier: GPL-3.0-or-later
"""At which frames of its curves a take's frames lie, and how fast a scene plays them.

A curve's frames are the timeline's, unless the scene stretches time (Output > Frame Range > Time
Stretching): then Blender evaluates curves at the timeline's frame times old / new.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...shared.arrays import Float64Array
from .. import compat
from .properties import AFFEKT_PG_take

_SAME = 1e-4
"""Rates that differ by a smaller share are one rate; 24 and 23.976 are two."""
_ROUNDING = 2 * float(np.finfo(np.float32).eps)
"""Keys lie at float32 frames, which are off by a smaller share."""
_SLACK = 2 * _ROUNDING
"""So is the distance of two keys, as a share of where they lie."""
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


def curve_frame(scene: bpy.types.Scene) -> float:
    """The curves' frame that is shown."""
    return (scene.frame_current + scene.frame_subframe) * stretch(scene)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Frames of a take, `fps` in its second: `rows` counts them from the one at `place.first`."""

    place: Placement
    fps: float
    rows: range

    @property
    def times(self) -> Float64Array:
        """Curve frames (T,) of the rows."""
        rows = np.arange(self.rows.start, self.rows.stop, dtype=np.float64)
        return frame_times(rows, self.fps, self.place)

    @property
    def step(self) -> float:
        """Curve frames from one row to the next."""
        return self.place.fps / self.fps


Actions = dict[compat.Part, bpy.types.Action | None]


def grid_of(take: AFFEKT_PG_take, scene: bpy.types.Scene, actions: Actions | None = None) -> Grid:
    """Which frames the take's keys span now: as they were placed where they still lie so; moved,
    stretched or trimmed as most of them were, and as far as the others go; where few curves have
    a key for each frame, all its frames from where most curves begin. A take of an older file
    does not know for which rate it was placed, and its keys tell; without any it is the scene's.
    actions: of which the keys are, its own if None."""
    place = Placement(first=take.first_frame, fps=take.placed_fps or curve_fps(scene))
    whole = Grid(place=place, fps=take.fps, rows=range(take.frames))
    told = _Keys(actions or {"KEY": take.keys_action, "OBJECT": take.rig_action})
    span = None if take.frames < 2 else told.even_span(take.frames, whole.step)
    if span is None:
        return _moved(whole, *told.ends())
    ends = np.array([span.first, span.last])
    rows = np.round((ends - place.first) / whole.step)
    placed, frames = frame_times(rows, take.fps, place), range(span.keys)
    is_placed = np.allclose(ends, placed, rtol=_ROUNDING, atol=_ROUNDING)
    if is_placed and int(rows[1] - rows[0]) + 1 == span.keys:
        place = replace(place, first=float(placed[0]))
    else:
        fps = _known_rate(take.fps * (span.last - span.first) / (span.keys - 1))
        place = Placement(first=span.first, fps=fps)
    return _widened(replace(whole, place=place, rows=frames), *told.dense_ends(span, take.frames))


def _widened(grid: Grid, low: float, high: float) -> Grid:
    """The grid with as many frames more as lie between its ends and curve frames around it."""
    first, last = grid.times[[0, -1]]
    before = max(0, math.floor((first - low) / grid.step + _FRACTION))
    after = max(0, math.floor((high - last) / grid.step + _FRACTION))
    if not before and not after:
        return grid
    start = float(frame_times(np.array([-float(before)]), grid.fps, grid.place)[0])
    rows = range(len(grid.rows) + before + after)
    return replace(grid, place=replace(grid.place, first=start), rows=rows)


def _moved(whole: Grid, first: float, last: float) -> Grid:
    """All frames of the take from `first` on, as far apart as they were, and to `last` if that
    is later; where it was if those are NaN."""
    if math.isnan(first):
        return whole
    frames = max(len(whole.rows), math.floor((last - first) / whole.step + _FRACTION) + 1)
    if math.isclose(first, whole.place.first, rel_tol=_ROUNDING, abs_tol=_ROUNDING):
        first = whole.place.first
    return replace(whole, place=replace(whole.place, first=first), rows=range(frames))


def place_of(take: AFFEKT_PG_take, scene: bpy.types.Scene) -> Placement:
    """Where the take's keys lie: see `grid_of`."""
    return grid_of(take, scene).place


def take_times(take: AFFEKT_PG_take, scene: bpy.types.Scene) -> Float64Array:
    """Curve frames (T,) of the take's frames, as its keys span them."""
    return grid_of(take, scene).times


def last_frame(take: AFFEKT_PG_take, scene: bpy.types.Scene) -> int:
    """The timeline's frame at which the take has ended."""
    return math.ceil(take_times(take, scene)[-1] / stretch(scene) - _FRACTION)


def describe_end(take: AFFEKT_PG_take, scene: bpy.types.Scene) -> str:
    """A sentence on a take that goes on when the scene has ended; empty for any other."""
    last = last_frame(take, scene)
    if last <= scene.frame_end:
        return ""
    return f"It ends at frame {last}, after the scene does, at {scene.frame_end}."


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """So many keys at even distances, from one curve frame to another."""

    first: float
    last: float
    keys: int


class _Keys:
    """What the keys of Actions say of where they lie. Each key has a vote, for its curve's span."""

    def __init__(self, actions: Actions) -> None:
        self._even: Counter[_Span] = Counter()
        self._spans: Counter[tuple[float, float]] = Counter()
        self._begins: Counter[float] = Counter()  # a vote a curve: one that never moves has one key
        for part, action in actions.items():
            for curve in () if action is None else compat.curves_of(action, part):
                if len(curve.keyframe_points):
                    self._count(curve.keyframe_points)

    def _count(self, points: bpy.types.FCurveKeyframePoints) -> None:
        keys, first, last = len(points), points[0].co[0], points[-1].co[0]
        self._begins[first] += 1
        if keys < 2:
            return
        self._spans[first, last] += keys
        step, slack = (last - first) / (keys - 1), _SLACK * max(abs(first), abs(last), 1)
        if all(abs(points[k].co[0] - first - k * step) <= slack for k in (1, keys // 2)):
            self._even[_Span(first=first, last=last, keys=keys)] += keys

    def even_span(self, frames: int, step: float) -> _Span | None:
        """Where a take of so many frames, once so far apart, lies now; None where the keys that
        are at even distances are too few to tell."""
        if not self._even:
            return None
        span, weight = self._even.most_common(1)[0]
        if span.keys == frames:
            return span
        is_as_dense = math.isclose((span.last - span.first) / (span.keys - 1), step, rel_tol=_SAME)
        is_told = span.keys > 2 and (is_as_dense or 2 * span.keys >= frames)
        return span if is_told and 2 * weight >= self._spans.total() else None

    def dense_ends(self, span: _Span, frames: int) -> tuple[float, float]:
        """Where the first curve begins and the last one ends, of those of that span and those that
        have at least half as many keys as a take of so many frames: bones may have been moved
        without the shape keys."""
        dense = [span, *(other for other in self._even if 2 * other.keys >= frames)]
        return min(one.first for one in dense), max(one.last for one in dense)

    def ends(self) -> tuple[float, float]:
        """Where most curves begin, and where most keys of those that begin there end; NaN where
        there are no keys."""
        if not self._begins:
            return math.nan, math.nan
        first = self._begins.most_common(1)[0][0]
        lasts = [last for (begin, last), _ in self._spans.most_common() if begin == first]
        return first, lasts[0] if lasts else first


def _known_rate(rate: float) -> float:
    """The rate without the rounding of its keys, where it is a usual one."""
    for base in (1.0, 1.001):
        whole = round(rate * base)
        if math.isclose(rate * base, whole, rel_tol=_BENT):
            return whole / base
    return rate
