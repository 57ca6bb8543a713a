# SPDX-License-Identifier: GPL-3.0-or-later
"""Held-out people saying held-out sentences in neutral and in each emotion at weight 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....shared.arrays import Float32Array, FloatArray
from ....shared.emotion import EMOTIONS, USUALLY_CLOSED, EmotionTrack
from ....shared.head import HeadModel
from ....shared.motion import Motion
from ..anchors.synchronised import Synchronised, make_synchronised

STATES = ("neutral", *EMOTIONS)
"""The states in which a whole take is held; the row and column order of every matrix."""


def speak_held_out(count: int, seed: int, head: HeadModel) -> list[Synchronised]:
    """`count` held-out performances in every state of `STATES`; the same seed gives the same."""
    return [make_synchronised("held-out", index, STATES, seed, head) for index in range(count)]


def state_weights(state: str) -> Float32Array:
    """(6,) the emotion weights of a name in `STATES`."""
    return np.array([float(name == state) for name in EMOTIONS], np.float32)


def track_of(
    weights: FloatArray,
    fps: float,
    *,
    upper: float = 1.0,
    lower: float = 1.0,
    keep_closed: float = USUALLY_CLOSED,
) -> EmotionTrack:
    """A track at full influence with the weights (T, 6), the two regions' strengths, and this
    control of held lips."""
    ones = np.ones(len(weights), np.float32)
    return EmotionTrack(
        weights=np.asarray(weights, np.float32),
        influence=ones,
        upper=upper * ones,
        lower=lower * ones,
        geometry=ones,
        appearance=ones,
        keep_closed=keep_closed * ones,
        fps=fps,
    )


def held_track(state: str, frames: int, fps: float, **regions: float) -> EmotionTrack:
    """A track that holds a state of `STATES`. regions: `upper` and `lower`."""
    return track_of(np.tile(state_weights(state), (frames, 1)), fps, **regions)


def without_turns(motion: Motion) -> Motion:
    """The take with its head and neck held still."""
    still = {name: 0 * getattr(motion, name) for name in ("neck", "rotation", "translation")}
    return replace(motion, **still)
