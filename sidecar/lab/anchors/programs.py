# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion programs: curves of the six emotion weights over a take."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS
from ...smooth import smoothstep

KINDS = ("neutral", "held", "rise", "pulse", "transition", "blend", "pair", "alternation")
"""neutral; one emotion held; one rising or falling once; one with onset, apex and decay; a change
from one to another; two that share weight 1; two, each in full; one and the other by turns."""

TRAINING_KINDS = (
    *("neutral", "held", "transition", "held", "pulse", "transition", "rise", "blend"),
    *("pair", "alternation"),
)
"""The programs of a performance for training, in order."""

HELD_OUT_PAIRS = (("happy", "fear"), ("sad", "disgust"), ("angry", "surprise"))
"""Pairs of emotions that meet in held-out performances, and in no others."""


def make_program(
    kind: str,
    frames: int,
    fps: float,
    rng: np.random.Generator,
    *,
    strongest: float = 1.2,
    pairs: Sequence[tuple[int, int]] | None = None,
) -> Float64Array:
    """(frames, 6) weights 0..strongest of a random program of `kind`. pairs: indices of emotions
    that may meet, any two if None."""
    weights = np.zeros((frames, len(EMOTIONS)))
    pairs = pairs_of(None) if pairs is None else pairs
    first, second = rng.permutation(pairs[int(rng.integers(len(pairs)))])
    # Weight 1 is what animators key most, so it is seen most.
    high = 1.0 if rng.random() < 0.4 else rng.uniform(0.35, strongest)
    other = 1.0 if rng.random() < 0.4 else rng.uniform(0.35, strongest)
    if kind == "held":
        weights[:, first] = high * _wander(frames, fps, rng)
    elif kind == "rise":
        ramp = _ramp(frames, rng.uniform(0.15, 0.85) * frames, rng.uniform(0.15, 0.9) * fps)
        weights[:, first] = high * (ramp if rng.random() < 0.5 else 1 - ramp)
    elif kind == "pulse":
        onset = rng.uniform(0.05, 0.45) * frames
        decay = rng.uniform(0.55, 0.95) * frames
        up = _ramp(frames, onset, rng.uniform(0.15, 0.7) * fps)
        down = _ramp(frames, decay, rng.uniform(0.3, 1.2) * fps)
        weights[:, first] = high * up * (1 - down)
    elif kind == "transition":
        ramp = _ramp(frames, rng.uniform(0.2, 0.8) * frames, rng.uniform(0.2, 1.6) * fps)
        weights[:, first], weights[:, second] = high * (1 - ramp), other * ramp
    elif kind == "blend":
        share = rng.uniform(0.25, 0.75)
        weights[:, first], weights[:, second] = high * share, other * (1 - share)
    elif kind == "pair":
        for emotion in (first, second):
            weights[:, emotion] = rng.uniform(0.6, strongest) * _wander(frames, fps, rng)
    elif kind == "alternation":
        turn = _turns(frames, fps, rng)
        weights[:, first], weights[:, second] = high * (1 - turn), other * turn
    return weights.clip(0, strongest)


def pairs_of(split: str | None) -> tuple[tuple[int, int], ...]:
    """Pairs of emotions, by index, that the split may join; all fifteen for None."""
    kept_back = {frozenset(EMOTIONS.index(name) for name in pair) for pair in HELD_OUT_PAIRS}
    every = tuple(combinations(range(len(EMOTIONS)), 2))
    if split is None:
        return every
    return tuple(p for p in every if (frozenset(p) in kept_back) == (split == "held-out"))


def held_program(emotion: int, weight: float, frames: int) -> Float64Array:
    """(frames, 6) weights that hold one emotion."""
    weights = np.zeros((frames, len(EMOTIONS)))
    weights[:, emotion] = weight
    return weights


def _ramp(frames: int, centre: float, width: float) -> Float64Array:
    """(frames,) 0 before, 1 after, smooth within `width` frames around frame `centre`."""
    position = (np.arange(frames, dtype=np.float64) - centre) / max(width, 1) + 0.5
    return smoothstep(position, 0.0, 1.0)


def _wander(frames: int, fps: float, rng: np.random.Generator) -> Float64Array:
    """(frames,) constant 1, or drifting slowly between 0.6 and 1."""
    if rng.random() < 0.5:
        return np.ones(frames)
    rate, phase = rng.uniform(0.1, 0.6), rng.uniform(0, 2 * np.pi)
    return 0.8 + 0.2 * np.sin(2 * np.pi * rate * np.arange(frames) / fps + phase)


def _turns(frames: int, fps: float, rng: np.random.Generator) -> Float64Array:
    """(frames,) 0 and 1 by turns of 0.4 to 1.2 s, with soft changes between."""
    turn, now, sign = np.zeros(frames), 0.0, 1.0
    while now < frames:
        now += rng.uniform(0.4, 1.2) * fps
        turn += sign * _ramp(frames, now, rng.uniform(0.2, 0.35) * fps)
        sign = -sign
    return turn.clip(0, 1)
