# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for a face become keys at the present frame, among the head's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import bpy
import numpy as np

from ...shared.described import DescribedKeys, Setting, check_words
from ...shared.wording import say_count
from ..head.find import Held, hold, need_editable
from ..link import requests
from ..link.session import session
from ..link.tasks import Progress, Steps
from ..motion.placement import curve_fps, curve_frame, scene_fps
from .action import ensure_action
from .pose import read_pose
from .properties import as_one_move, channel_path


def describe_steps(head: bpy.types.Object, scene: bpy.types.Scene, text: str) -> Steps:
    """Asks the sidecar what the words say, and keys it from the present frame on. Raises InputError
    `words.*`, `head.linked`."""
    need_editable(head)
    return _describe(hold(head, scene), check_words(text), read_pose(head))


def _describe(held: Held, text: str, before: Mapping[str, float]) -> Steps:
    """before: what the sliders are at when it is asked; the animator may go on meanwhile."""
    scene = held.get()[1]
    frame, first = scene.frame_current, curve_frame(scene)
    line = session.need_line()
    yield Progress(fraction=0.0, text="Reading the words")
    said = yield from requests.describe(line, text, scene_fps(scene))
    head, scene = held.get()
    poses, present = _poses(said, before), read_pose(head, said.channels)
    is_there = curve_frame(scene) == first
    _key(head, poses, first + said.seconds * curve_fps(scene), poses[0] if is_there else present)
    head.affekt_emotion.words = text
    head.affekt_emotion.described = _remember(said)
    channels = say_count(len(said.channels), "channel")
    return f"{channels} keyed from frame {frame} on: {', '.join(said.channels)}."


def _poses(said: DescribedKeys, before: Mapping[str, float]) -> list[dict[str, float]]:
    """What each key holds. Where several come, the first has what the sliders were at, from which
    the face then moves."""
    poses = [dict(zip(said.channels, map(float, weights), strict=True)) for weights in said.weights]
    if len(poses) > 1 and not any(poses[0].values()):
        poses[0] = {name: before[name] for name in said.channels}
    return poses


def _key(
    head: bpy.types.Object,
    poses: Sequence[Mapping[str, float]],
    frames: np.ndarray,
    left: Mapping[str, float],
) -> None:
    """Adds the keys; those elsewhere stay. frames: of the curves. left: what the sliders then are
    at."""
    need_editable(head)
    ensure_action(head)
    with as_one_move(head):
        for frame, pose in zip(frames, poses, strict=True):
            for name, value in pose.items():
                setattr(head.affekt_emotion, name, value)
                head.keyframe_insert(channel_path(name), frame=float(frame), group="Emotion")
        for name, value in left.items():
            setattr(head.affekt_emotion, name, value)


def _remember(said: DescribedKeys) -> str:
    settings = [[s.words, s.channel, round(s.weight, 3)] for s in said.settings]
    return json.dumps({"settings": settings, "notes": said.notes}, ensure_ascii=False)


def last_described(head: bpy.types.Object) -> tuple[Sequence[Setting], Sequence[str]]:
    """What the last words set, and the notes on them."""
    try:
        kept = json.loads(head.affekt_emotion.described or "{}")
        settings = [Setting(words=w, channel=c, weight=x) for w, c, x in kept.get("settings", ())]
        return settings, list(kept.get("notes", ()))
    except (ValueError, TypeError, AttributeError):
        return [], []
