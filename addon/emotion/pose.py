# SPDX-License-Identifier: GPL-3.0-or-later
"""The emotions of a head at one moment: reading them, setting them, keying them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import bpy

from ...shared.emotion import CHANNELS, EVERY_CHANNEL
from ..head.find import need_editable
from ..motion.placement import curve_frame
from .action import ensure_action
from .properties import as_one_move, channel_path


def read_pose(head: bpy.types.Object, channels: Iterable[str] = EVERY_CHANNEL) -> dict[str, float]:
    """The present value of each channel."""
    return {name: getattr(head.affekt_emotion, name) for name in channels}


def set_pose(head: bpy.types.Object, pose: Mapping[str, float]) -> None:
    """Sets those channels; their keys stay. Raises InputError `head.linked`."""
    need_editable(head)
    with as_one_move(head):
        for name, value in pose.items():
            setattr(head.affekt_emotion, name, value)


def strike_pose(
    head: bpy.types.Object, pose: Mapping[str, float], scene: bpy.types.Scene, *, key: bool
) -> None:
    """Sets those channels, and keys them at the present frame if `key` says so or Auto Keying is
    on. Raises InputError `head.linked`."""
    set_pose(head, pose)
    if key or scene.tool_settings.use_keyframe_insert_auto:
        key_channels(head, curve_frame(scene), pose)


def key_channels(head: bpy.types.Object, frame: float, channels: Iterable[str] = CHANNELS) -> None:
    """Keys emotion channels of the head at their present values, in the head's own Action. frame:
    of its curves.

    Raises InputError `head.linked`.
    """
    need_editable(head)
    ensure_action(head)
    for name in channels:
        head.keyframe_insert(channel_path(name), frame=frame, group="Emotion")
