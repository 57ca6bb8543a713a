# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake as a strip in the NLA editor."""

from __future__ import annotations

import bpy

from .. import compat
from ..motion.parts import actions_of
from ..motion.placement import take_times
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import owners_of


def lay_strips(head: bpy.types.Object, bake: AFFEKT_PG_take, scene: bpy.types.Scene) -> None:
    """Lets a strip on top of all others play the bake, where its keys lie; no Action is active
    then. A strip that plays it already stays where the animator put it, and as long as its keys
    are now."""
    first, last = map(float, take_times(bake, scene)[[0, -1]])
    actions = actions_of(bake)
    for part, owner in owners_of(head, bake).items():
        data, action = owner.animation_data, actions[part]
        data.action = None
        strips = [s for track in data.nla_tracks for s in track.strips if s.action == action]
        if not strips:
            track = data.nla_tracks.new()
            track.name = bake.name
            strips = [compat.new_strip(track, bake.name, action, part, first)]
        for strip in strips:
            # In this order: the first frame may not lie behind the last.
            strip.action_frame_start = min(first, strip.action_frame_start)
            strip.action_frame_end = max(last, first + 1)
            strip.action_frame_start = first
