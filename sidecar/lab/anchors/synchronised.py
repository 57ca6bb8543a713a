# SPDX-License-Identifier: GPL-3.0-or-later
"""Synchronised takes: one performance in several emotion programs, frame by frame alike.

As in the Feelings paper these supervise the training: the same person says the same sentence with
the same timing, once in each program.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS
from ....shared.head import HeadModel
from ....shared.motion import Motion
from ...modulation.windows import MODEL_FPS
from .channels import NAMES
from .compose import closure_level
from .identity import make_identity
from .programs import held_program, make_program, pairs_of
from .speech import read_sentences
from .takes import make_performance, perform, track, vary_closing

STRONGEST = 1.3
"""Largest weight in a program; animators go beyond 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Synchronised:
    """One performance of T frames in K programs.

    targets: K takes in exact emotions. sources: K takes of the same programs as a tracker may have
    seen them, with random deviations of the emotion. weights: (K, T, 6). closure: (T,) 0..1, 1 in
    frames in which the lips must meet. kinds: of the programs, "" where unknown, as for the texts.
    """

    name: str
    split: str
    targets: tuple[Motion, ...]
    sources: tuple[Motion, ...]
    weights: Float64Array  # (K, T, 6)
    closure: Float64Array  # (T,)
    kinds: tuple[str, ...]
    identity: str = ""
    manner: str = ""
    sentence: str = ""


def make_synchronised(
    split: str, index: int, kinds: tuple[str, ...], seed: int, head: HeadModel
) -> Synchronised:
    """Makes performance `index` of the split; the same arguments give the same bits.

    kinds: programs of `KINDS`, or an emotion's name for that emotion held at weight 1. The splits
    "train" and "held-out" share no sentence, identity, manner or pair of emotions.
    Raises InputError `option.espeak`.
    """
    sentences = read_sentences()[split]
    rng = np.random.default_rng([seed, 0 if split == "train" else 1, index])
    identity = make_identity(split, index, seed)
    text = sentences[index % len(sentences)]
    performance = make_performance(text, identity.style, rng, identity.shape)
    if rng.random() < 0.6:
        performance = vary_closing(performance, rng)
    frames = len(performance.articulation.channels)
    weights = [_program(kind, frames, split, rng) for kind in kinds]
    return Synchronised(
        name=f"{split}-{index:05d}",
        split=split,
        targets=tuple(perform(performance, w, head) for w in weights),
        sources=tuple(track(performance, w, head, rng) for w in weights),
        weights=np.stack(weights),
        closure=closure_level(performance.articulation),
        kinds=kinds,
        identity=identity.name,
        manner=identity.manner,
        sentence=text,
    )


def vowel_frame(made: Synchronised) -> int:
    """The frame with the widest jaw and open eyes, for pictures."""
    neutral = made.targets[0]
    return int((neutral.jaw[:, 0] - neutral.expression[:, _BLINK]).argmax())


def closure_frame(made: Synchronised) -> int:
    """The middle of the longest closure, if possible one with open eyes, for pictures."""
    edges = np.flatnonzero(np.diff(np.r_[0, made.closure >= 0.95 * made.closure.max(), 0]))
    middles = (edges[::2] + edges[1::2] - 1) // 2
    awake = made.targets[0].expression[middles, _BLINK] < 0.3
    return int(middles[((edges[1::2] - edges[::2]) * (awake + 0.01)).argmax()])


_BLINK = NAMES.index("eyeBlinkLeft")


def _program(kind: str, frames: int, split: str, rng: np.random.Generator) -> Float64Array:
    if kind in EMOTIONS:
        return held_program(EMOTIONS.index(kind), 1.0, frames)
    return make_program(kind, frames, MODEL_FPS, rng, strongest=STRONGEST, pairs=pairs_of(split))
