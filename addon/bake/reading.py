# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake begins with: the take and the emotion as Blender plays them."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from ...shared.arrays import Float64Array
from ...shared.emotion import EmotionTrack
from ...shared.motion import Motion
from ...shared.units import say_unseen_in
from ..character.find import is_character
from ..character.playing import check_own_curves, describe_drivers, describe_units
from ..emotion.sample import needs_playback, read_track, track_of
from ..head.find import Held
from ..link.requests import Waiting
from ..motion.curves import motion_of, need_actions, read_pose
from ..motion.parts import actions_of
from ..motion.playback import need_free_actions, play_steps, playing_actions, why_played
from ..motion.properties import AFFEKT_PG_take
from ..motion.takes import HeldTake, read_take_at
from .frames import Frames, choose_frames
from .options import BakeOptions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Performance:
    """What is baked: motion (in the space of the head's takes) and track have a row for each of T
    frames. quaternions (T, 5, 4): of the joints, as they were read; None of a character, whose
    bones are its own. how: a sentence on how it was read, if that is worth one."""

    frames: Frames
    motion: Motion
    track: EmotionTrack
    quaternions: Float64Array | None
    how: str = ""


def read_steps(held: Held, source: HeldTake, options: BakeOptions) -> Waiting[Performance]:
    """The take and the emotion as Blender plays them: from their curves where nothing else moves
    them, since that is a hundred times faster, else frame by frame.

    Raises InputError `bake.*`, `motion.*`, `head.*`, `character.*`.
    """
    head, scene = held.get()
    take = source.find(head)
    need_actions(actions_of(take))
    need_free_actions(head, take)
    if is_character(head):
        return _read_character(head, take, scene, options)
    why = why_played(head, take)
    frames = choose_frames(head, take, scene, options, is_played=bool(why))
    times, fps = frames.read.times, frames.read.fps
    if not why and not needs_playback(head):
        posed = read_pose(head, times, playing_actions(head, take))
        track, how = read_track(head, times, fps, scene), ""
    else:
        cause = why or "the emotions' drivers or strips"
        played = yield from play_steps(held, source, times, cause)
        head, _ = held.get()
        posed, track = played.posed, track_of(played.emotion, fps)
        how = f"Blender played it frame by frame, because of {cause}."
    motion = motion_of(head, posed, fps)
    return Performance(
        frames=frames,
        motion=motion,
        track=track,
        quaternions=posed.quaternions,
        how=" ".join(filter(None, (how, say_unseen_in(motion.space, track.unit_names)))),
    )


def _read_character(
    head: bpy.types.Object, take: AFFEKT_PG_take, scene: bpy.types.Scene, options: BakeOptions
) -> Performance:
    """Of a character's take the weights are known by its own curves alone."""
    check_own_curves(head, take)
    frames = choose_frames(head, take, scene, options, is_played=False)
    times, fps = frames.read.times, frames.read.fps
    track = read_track(head, times, fps, scene)
    said = (describe_units(head, track), describe_drivers(head, take))
    return Performance(
        frames=frames,
        motion=read_take_at(head, take, times, fps),
        track=track,
        quaternions=None,
        how=" ".join(filter(None, said)),
    )
