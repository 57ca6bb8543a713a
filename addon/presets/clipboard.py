# SPDX-License-Identifier: GPL-3.0-or-later
"""An emotion pose as text on the clipboard, in the JSON of emotion keys, so that it goes from head
to head, from file to file, and into a mail."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
import numpy as np

from ...shared.emotion_keys import EmotionKeys, decode_keys, encode_keys
from ...shared.errors import InputError

_FPS = 30.0
_text = ""  # a Blender without a window has no clipboard


def copy_text(text: str, context: bpy.types.Context) -> None:
    """Puts the text on the clipboard."""
    global _text
    if bpy.app.background:
        _text = text
    else:
        context.window_manager.clipboard = text


def paste_text(context: bpy.types.Context) -> str:
    """What lies on the clipboard."""
    return _text if bpy.app.background else context.window_manager.clipboard


def encode_pose(pose: Mapping[str, float]) -> str:
    """The pose as one emotion key at frame 0."""
    at = np.zeros(1)
    channels = {name: (at, np.array([round(value, 6)])) for name, value in pose.items()}
    keys = EmotionKeys(channels=channels, fps=_FPS, interpolation="linear")
    return encode_keys(keys).decode()


def decode_pose(text: str) -> dict[str, float]:
    """The channels that the text sets. Raises InputError `emotion.clipboard` for anything but the
    keys of one frame."""
    try:
        channels = decode_keys(text.encode(), _FPS).channels
    except InputError as error:
        raise _no_pose(f"{error.message}") from error
    frames = {float(frame) for places, _ in channels.values() for frame in places}
    if not channels:
        raise _no_pose("It has no emotion keys.")
    if len(frames) > 1:
        raise _no_pose(f"It has emotion keys at {len(frames)} different frames.")
    return {name: float(levels[0]) for name, (_, levels) in channels.items()}


def _no_pose(why: str) -> InputError:
    return InputError(
        "emotion.clipboard",
        f"What lies on the clipboard is no emotion pose. {why}",
        "Press Copy Pose first; a file of keys comes in by Import Emotions.",
    )
