# SPDX-License-Identifier: GPL-3.0-or-later
"""A description as keys: what a bake, a rendering and Blender take."""

from __future__ import annotations

import numpy as np

from ...shared.described import DescribedKeys
from ...shared.emotion import EMOTIONS
from ...shared.emotion_keys import EmotionKeys
from .describe import Description
from .listing import say_remarks
from .timeline import Key

INTERPOLATION = "bezier"


def to_keys(description: Description) -> DescribedKeys:
    """The keys over time; one where the words say nothing of it."""
    keys = description.keys or (Key(seconds=0.0, weights=dict(description.expression.channels)),)
    channels = _channels(description)
    weights = [[key.weights.get(name, 0.0) for name in channels] for key in keys]
    return DescribedKeys(
        channels=channels,
        seconds=np.array([key.seconds for key in keys]),
        weights=np.array(weights, np.float32),
        settings=description.settings,
        notes=tuple(say_remarks(description)),
    )


def to_emotion_keys(description: Description, fps: float) -> EmotionKeys:
    """The same from frame 0 on, at `fps`."""
    keys = to_keys(description)
    frames, weights = keys.seconds * fps, keys.weights.astype(np.float64).round(6)
    channels = {name: (frames, weights[:, n]) for n, name in enumerate(keys.channels)}
    return EmotionKeys(channels=channels, fps=fps, interpolation=INTERPOLATION)


def _channels(description: Description) -> tuple[str, ...]:
    """The channels that a description keys: those that it sets at any time, those that it says are
    not there, and of a face that shows nothing the six emotions."""
    named = [*description.expression.channels]
    named += [name for key in description.keys for name in key.weights]
    named += [setting.channel for setting in description.settings]
    return tuple(dict.fromkeys(named)) or EMOTIONS
