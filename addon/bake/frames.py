# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames are read for a bake, and which of them are baked."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import bpy

from ...shared import limits
from ...shared.errors import InputError
from ...shared.wording import say_count
from ..character.find import is_character
from ..motion.placement import Grid, Placement, curve_fps, grid_of, is_same_rate, stretch
from ..motion.playback import playing_actions, playing_strips
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import owners_of
from .options import BakeOptions

_FRACTION = 1e-4
"""Of a frame: rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The frames that are read, and which of their rows are baked: what lies around those is read
    too, since speech is understood from what surrounds it."""

    read: Grid
    baked: range

    @property
    def is_part(self) -> bool:
        return len(self.baked) < len(self.read.rows)


def choose_frames(
    head: bpy.types.Object,
    take: AFFEKT_PG_take,
    scene: bpy.types.Scene,
    options: BakeOptions,
    *,
    is_played: bool,
) -> Frames:
    """The take's own frames, or frames as far apart in another range. is_played: whether Blender
    has to play each of them, which is slow, so that those around are not read.

    Raises InputError `bake.range`.
    """
    own = _in_strips(head, take, scene) or grid_of(take, scene, playing_actions(head, take))
    if options.frame_range == "TAKE":
        return Frames(read=own, baked=range(len(own.rows)))
    low, high = _bounds(scene, options)
    first, scale = own.place.first, stretch(scene)
    start = math.ceil((low * scale - first) / own.step - _FRACTION)
    stop = math.floor((high * scale - first) / own.step + _FRACTION) + 1
    if not 0 < stop - start <= limits.MAX_FRAMES:
        raise InputError(
            "bake.range",
            f"Frames {low} to {high} hold {say_count(max(stop - start, 0), 'frame')} of "
            f"{take.name}; 1 to {limits.MAX_FRAMES:,} can be baked.",
            "Choose another frame range.",
        )
    rows = range(min(start, own.rows.start), max(stop, own.rows.stop))
    is_near = start < own.rows.stop and stop > own.rows.start and len(rows) <= limits.MAX_FRAMES
    if is_played or not is_near:
        rows = range(start, stop)
    return Frames(read=replace(own, rows=rows), baked=range(start - rows.start, stop - rows.start))


def _bounds(scene: bpy.types.Scene, options: BakeOptions) -> tuple[int, int]:
    """First and last frame of the timeline. Raises InputError `bake.range`."""
    if options.frame_range == "OWN":
        return options.first, options.last
    if options.frame_range == "SCENE":
        return scene.frame_start, scene.frame_end
    if not scene.use_preview_range:
        raise InputError(
            "bake.range",
            "The scene has no preview range.",
            "Set one in the timeline (P), or choose another frame range.",
        )
    return scene.frame_preview_start, scene.frame_preview_end


def _in_strips(head: bpy.types.Object, take: AFFEKT_PG_take, scene: bpy.types.Scene) -> Grid | None:
    """The frames at which NLA strips play the take, no farther apart than the timeline's; None
    where its Action plays by itself, as a character's always does."""
    if is_character(head):
        return None
    actions, strips = playing_actions(head, take), []
    for part, owner in owners_of(head, take).items():
        found = [strip for strip in playing_strips(owner) if strip.action == actions[part]]
        if found and owner.animation_data.action == actions[part]:
            return None
        strips += found
    if not strips:
        return None
    own, first = grid_of(take, scene, actions), min(strip.frame_start for strip in strips)
    last = max(strip.frame_end for strip in strips)
    step = min(stretch(scene), own.step * min(strip.scale for strip in strips))
    frames = math.ceil((last - first) / step - _FRACTION) + 1
    if frames > limits.MAX_FRAMES:
        raise InputError(
            "bake.range",
            f"The strips of {take.name} hold {say_count(frames, 'frame')}; at most "
            f"{limits.MAX_FRAMES:,} can be baked.",
            "Choose another frame range.",
        )
    fps, rate = curve_fps(scene), curve_fps(scene) / step
    if is_same_rate(rate, own.fps):
        fps, rate = own.place.fps, own.fps
    return Grid(place=Placement(first=first, fps=fps), fps=rate, rows=range(frames))
