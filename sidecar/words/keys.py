# SPDX-License-Identifier: GPL-3.0-or-later
"""A description as emotion keys: what a bake, a rendering and Blender take."""

from __future__ import annotations

import numpy as np

from ...shared.emotion import EMOTIONS
from ...shared.emotion_keys import EmotionKeys
from .describe import Description
from .timeline import Key

INTERPOLATION = "bezier"


def keyed_channels(description: Description) -> tuple[str, ...]:
    """The channels that a description keys: those that it sets, those that it says are not there,
    and of a face that shows nothing the six emotions."""
    named = [*description.expression.channels]
    named += [s.channel for s in description.settings if s.channel not in named]
    return tuple(dict.fromkeys(named)) or EMOTIONS


def to_emotion_keys(description: Description, fps: float) -> EmotionKeys:
    """The keys from frame 0 on, at `fps`; one key where the words say nothing of time."""
    keys = description.keys or (Key(seconds=0.0, weights=dict(description.expression.channels)),)
    frames = np.array([key.seconds * fps for key in keys])
    channels = {
        name: (frames, np.array([key.weights.get(name, 0.0) for key in keys]))
        for name in keyed_channels(description)
    }
    return EmotionKeys(channels=channels, fps=fps, interpolation=INTERPOLATION)
