# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking: the take's curves and the emotion's curves go out, a new Action comes back."""

from __future__ import annotations

import bpy

from ...shared.wording import say_count
from ..emotion.sample import read_track
from ..flame.source import ready_head
from ..head.find import Held, hold, need_movable
from ..link import requests
from ..link.session import session
from ..link.tasks import Progress, Steps
from ..motion.placement import describe_speed, place_of, take_times
from ..motion.takes import add_take, hold_take, read_take, source_take
from .unchanged import Sent, keep_unchanged


def bake_steps(head: bpy.types.Object, scene: bpy.types.Scene) -> Steps:
    """Bakes the head's take with its emotion into a new Action and puts that to use. The take is
    read from its curves, so an animator's edits count; its own Action stays as it is."""
    return _bake(hold(head, scene))


def _bake(held: Held) -> Steps:
    line = session.need_line()
    head, scene = held.get()
    need_movable(head)
    take = source_take(head)
    source = hold_take(take)
    yield Progress(fraction=0.0, text="Reading the curves")
    head, scene = held.get()
    take = source.find(head)
    motion = read_take(head, take, scene)
    track = read_track(head, take_times(take, scene), take.fps, scene)
    named = yield from ready_head(line, head)
    baked = yield from requests.bake(line, motion, track, named)
    head, scene = held.get()
    take = source.find(head)
    place, name = place_of(take, scene), take.name
    result = add_take(head, baked, name=f"{name} baked", place=place, source=name)
    take = source.find(head)  # adding to the list may have moved it
    sent = Sent(rig_action=take.rig_action, times=take_times(take, scene), motion=motion)
    keep_unchanged(head, sent, result, baked, scene)
    said = [
        f"Baked {say_count(result.frames, 'frame')} into the new Action {result.keys_action.name}."
    ]
    if warning := describe_speed(result, scene):
        said += [warning, "Fit to Scene Rate, in the panel's Take section, mends that."]
    return " ".join(said)
