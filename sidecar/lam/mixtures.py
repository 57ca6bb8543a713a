# SPDX-License-Identifier: GPL-3.0-or-later
"""The mixtures of emotions that a timeline's keys hold, for which the network can be run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...shared.arrays import Float32Array
from ...shared.emotion import EMOTIONS
from ...shared.emotion_keys import sample_at
from ...shared.errors import InputError
from ..avatar.emotion_looks import MOST_LOOKS, shown_strengths
from ..motion.emotions import decode_emotion_keys

_SHOWING = (*EMOTIONS, "influence", "geometry", "appearance")
"""Channels that change how far an avatar shows emotions."""
_FPS = 30.0
"""Of files that name no rate: it moves keys, and changes no value at them."""
_APART = 1e-6


def key_mixtures(files: Sequence[tuple[bytes, str]]) -> tuple[tuple[float, ...], ...]:
    """The weights (6,) that are shown at the keys, each once, without neutral and without those of
    one emotion at 1. files: emotion files' bytes and names. Raises InputError `emotion.*`,
    `motion.*`."""
    known = [np.zeros(len(EMOTIONS), np.float32), *np.eye(len(EMOTIONS), dtype=np.float32)]
    begun = len(known)
    for data, name in files:
        for row in _rows_at_keys(data, name):
            if min(np.abs(row - other).max() for other in known) > _APART:
                known.append(row)
        if len(known) - 1 > MOST_LOOKS:
            raise InputError(
                "emotion.keys",
                f"At the keys of {name} are more than {MOST_LOOKS - len(EMOTIONS)} mixtures of "
                "emotions, for each of which the network would be run.",
                "Give keys where the emotions turn, not one for each frame.",
            )
    return tuple(tuple(row.tolist()) for row in known[begun:])


def _rows_at_keys(data: bytes, name: str) -> Float32Array:
    """(n, 6) what an avatar shows at each frame that has a key."""
    keys, _ = decode_emotion_keys(data, name, _FPS)
    frames = [places for channel, (places, _) in keys.channels.items() if channel in _SHOWING]
    at = np.unique(np.concatenate(frames)) if frames else np.zeros(0)
    track = sample_at(keys, at, keys.fps)
    return shown_strengths(track.shown_weights(), track.appearance, len(at))
