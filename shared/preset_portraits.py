# SPDX-License-Identifier: GPL-3.0-or-later
"""What a preset's picture shows: the open head, silent, from the front, its lips free to open. The
same for those that ship and for an animator's own."""

from __future__ import annotations

import numpy as np

from .camera import Camera, look_at
from .emotion import EMOTIONS, EmotionTrack
from .motion import Motion, make_motion
from .presets import Preset

EDGE = 128
"""Pixels; as large as Blender draws them at twice the usual size of its interface."""
HELD = 15
"""The frame that is shown. It is the middle of a second: nothing is said before and after it."""
_FRAMES, _FPS = 2 * HELD + 1, 30.0


def still_take() -> Motion:
    """A second of silence, in space "open"."""
    return make_motion(expression=np.zeros((_FRAMES, 100), np.float32), fps=_FPS, space="open")


def hold_preset(preset: Preset) -> EmotionTrack:
    """The preset throughout that second."""
    pose, ones = preset.pose, np.ones(_FRAMES, np.float32)
    weights = np.array([pose[name] for name in EMOTIONS], np.float32)
    return EmotionTrack(
        weights=np.tile(weights, (_FRAMES, 1)),
        influence=ones,
        upper=ones * np.float32(pose["upper"]),
        lower=ones * np.float32(pose["lower"]),
        geometry=ones,
        appearance=ones,
        keep_closed=0 * ones,
        fps=_FPS,
    )


def portrait_camera() -> Camera:
    """A camera that sees the face from the hairline to the throat."""
    return look_at(
        target=np.array([0.0, -0.018, 0.0]), distance=0.85, width=EDGE, height=EDGE, fov_y_rad=0.235
    )
