# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking: what Blender plays goes out with the emotion, the take's Action with emotion comes
back."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from ...shared.emotion import EmotionTrack
from ...shared.motion import Motion
from ...shared.wording import say_count
from ..emotion.sample import needs_playback, read_track, track_of
from ..head.find import Held, hold, need_movable
from ..link import requests
from ..link.requests import Waiting
from ..link.session import session
from ..link.tasks import Progress, Steps
from ..motion.curves import Rows, channels_of, motion_of, need_actions, read_curves
from ..motion.placement import Placement, describe_speed
from ..motion.playback import (
    need_free_actions,
    play_steps,
    playing_actions,
    top_actions,
    why_played,
)
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import HeldTake, add_take, bake_again, hold_take, source_take
from .cache import check_place
from .frames import Frames, choose_frames
from .options import BakeOptions
from .simplify import every, simplify
from .strips import lay_strips
from .targets import target_of

_DEFAULTS = BakeOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Performance:
    """What is baked: motion and track have a row for each frame that was read. how: a sentence on
    how they were read, if that is worth one."""

    frames: Frames
    motion: Motion
    track: EmotionTrack
    how: str


def bake_steps(
    head: bpy.types.Object, scene: bpy.types.Scene, options: BakeOptions = _DEFAULTS
) -> Steps:
    """Bakes the head's take, as it plays now, with its emotion into an Action of its own and puts
    that to use; the take's Action stays as it is.

    Raises InputError `bake.*`, `motion.*`, `head.*`, `file.*`.
    """
    return _bake(hold(head, scene), options)


def _bake(held: Held, options: BakeOptions) -> Steps:
    line = session.need_line()
    head, _ = held.get()
    need_movable(head)
    source = hold_take(source_take(head))
    if options.cache is not None:
        check_place(options.cache)
    yield Progress(fraction=0.0, text="Reading the curves")
    read = yield from _read(held, source, options)
    frames = read.frames.baked if read.frames.is_part else None
    model = held.get()[0].affekt_head.model
    baked = yield from requests.bake(
        line, read.motion, read.track, model, frames=frames, cache=options.cache
    )
    rows, said = yield from _choose_keys(held, baked, options)
    head, scene = held.get()
    place = Placement(
        first=float(read.frames.read.times[read.frames.baked.start]), fps=read.frames.read.place.fps
    )
    result, what = _write(head, source, baked, place, rows, options)
    if options.as_strip:
        lay_strips(head, result, scene)
    said = [*what, *said, read.how, describe_speed(result, scene)]
    if said[-1]:
        said.append("Fit to Scene Rate, in the panel's Take section, mends that.")
    return " ".join(filter(None, said))


def _read(held: Held, source: HeldTake, options: BakeOptions) -> Waiting[_Performance]:
    """The take and the emotion as Blender plays them: from their curves where nothing else moves
    them, since that is a hundred times faster, else frame by frame."""
    head, scene = held.get()
    take = source.find(head)
    need_actions({"OBJECT": take.rig_action, "KEY": take.keys_action})
    need_free_actions(head)
    actions = playing_actions(head, take)
    why = why_played(head)
    frames = choose_frames(head, take, scene, options, is_played=bool(why))
    times, fps = frames.read.times, frames.read.fps
    if not why and not needs_playback(head):
        motion = read_curves(head, times, fps, actions)
        track = read_track(head, times, fps, scene)
        return _Performance(frames=frames, motion=motion, track=track, how="")
    cause = why or "the emotions' drivers or strips"
    played = yield from play_steps(held, source, times, cause)
    motion = motion_of(played.expression, played.turned, played.places, fps)
    how = f"Blender played it frame by frame, because of {cause}."
    return _Performance(frames=frames, motion=motion, track=track_of(played.emotion, fps), how=how)


def _choose_keys(
    held: Held, baked: Motion, options: BakeOptions
) -> Waiting[tuple[Rows | None, list[str]]]:
    """Which frames get keys, all if None, and what is to be said about that."""
    head, _ = held.get()
    if options.simplify_mm:
        found = yield from simplify(head, baked, options.simplify_mm)
        said = (
            f"Of {say_count(found.of, 'key')} {found.keys:,} were needed: the face is at most "
            f"{found.worst_mm:.3f} mm off."
        )
        return found.rows, [said]
    if options.step == 1:
        return None, []
    return every(options.step, len(baked), [c.path for c in channels_of(head, baked)]), []


def _write(
    head: bpy.types.Object,
    source: HeldTake,
    baked: Motion,
    place: Placement,
    rows: Rows | None,
    options: BakeOptions,
) -> tuple[AFFEKT_PG_take, list[str]]:
    """Writes the bake into the Action that the options mean; the bake, and what was done."""
    name = source.find(head).name
    need_free_actions(head)
    target, kept = target_of(head, name, options)
    top = top_actions(head)
    if target is None:
        title = f"{name} baked"
        target = add_take(head, baked, name=title, place=place, source=name, rows=rows)
        where = "the new Action"
    else:
        bake_again(head, target, baked, place=place, rows=rows)
        where = "the Action"
    target.over_rig, target.over_keys = top["OBJECT"], top["KEY"]
    frames = say_count(target.frames, "frame")
    return target, [kept, f"Baked {frames} into {where} {target.keys_action.name}."]
