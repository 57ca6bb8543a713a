# SPDX-License-Identifier: GPL-3.0-or-later
"""Held-out people saying held-out sentences in neutral and in each emotion at weight 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...shared.emotion import EMOTIONS, EmotionTrack
from ...shared.head import HeadModel
from ...shared.motion import Motion
from ..anchors.compose import closure_level
from ..anchors.programs import held_program
from ..anchors.sentences import read_sentences
from ..anchors.style import make_style
from ..anchors.takes import make_performance, perform, vary_look

STATES = ("neutral", *EMOTIONS)
"""What a performance is shown in, in the order of every array over states."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spoken:
    """One performance in every state of `STATES`, frame by frame alike.

    truths: as this person shows it. sources: with a look that is a little off. closure: (T,)
    0..1, 1 where the lips must meet.
    """

    truths: tuple[Motion, ...]
    sources: tuple[Motion, ...]
    closure: FloatArray

    def __len__(self) -> int:
        return len(self.closure)


def speak_held_out(count: int, seed: int, head: HeadModel) -> list[Spoken]:
    """`count` performances; the same seed gives the same ones."""
    sentences = read_sentences()["held-out"]
    return [
        _speak(sentences[index % len(sentences)], np.random.default_rng([seed, 1, index]), head)
        for index in range(count)
    ]


def _speak(text: str, rng: np.random.Generator, head: HeadModel) -> Spoken:
    performance = make_performance(text, make_style(rng), rng)
    frames = len(performance.articulation.channels)
    curves = [np.zeros((frames, len(EMOTIONS)))]
    curves += [held_program(emotion, 1.0, frames) for emotion in range(len(EMOTIONS))]
    return Spoken(
        truths=tuple(perform(performance, curve, head) for curve in curves),
        sources=tuple(
            perform(performance, curve, head, vary_look(performance.style, rng)) for curve in curves
        ),
        closure=closure_level(performance.articulation).astype(np.float32),
    )


def vowel_frame(performance: Spoken) -> int:
    """The frame with the jaw widest."""
    return int(performance.truths[0].jaw[:, 0].argmax())


def closure_frame(performance: Spoken) -> int:
    """The middle of the take's longest closure, or its frame nearest to one."""
    level = performance.closure
    edges = np.flatnonzero(np.diff(np.r_[0, level >= 0.95 * level.max(), 0]))
    starts, stops = edges[::2], edges[1::2]
    longest = int((stops - starts).argmax())
    return int(starts[longest] + stops[longest] - 1) // 2


def state_weights(state: str) -> FloatArray:
    """(6,) the emotion weights of a name in `STATES`."""
    return np.array([float(name == state) for name in EMOTIONS], np.float32)


def track_of(
    weights: NDArray[np.floating], fps: float, *, upper: float = 1.0, lower: float = 1.0
) -> EmotionTrack:
    """A track at full influence with the weights (T, 6) and the two regions' strengths."""
    ones = np.ones(len(weights), np.float32)
    return EmotionTrack(
        weights=np.asarray(weights, np.float32), influence=ones, upper=upper * ones,
        lower=lower * ones, geometry=ones, appearance=ones, fps=fps,
    )  # fmt: skip


def held_track(state: str, frames: int, fps: float, **regions: float) -> EmotionTrack:
    """A track that holds a state of `STATES`. regions: `upper` and `lower`."""
    return track_of(np.tile(state_weights(state), (frames, 1)), fps, **regions)
