# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for `training.data.make_groups` until it knows kinds and identities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...shared.emotion import EMOTIONS
from ...shared.head import HeadModel
from ..anchors.compose import closure_level
from ..anchors.programs import KINDS, held_program, make_program
from ..anchors.sentences import read_sentences
from ..anchors.style import make_style
from ..anchors.takes import FPS, add_habit, make_performance, perform, vary_look
from ..training.data import numbers_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    name: str
    kinds: tuple[str, ...]
    targets: NDArray[np.float16]
    sources: NDArray[np.float16]
    weights: NDArray[np.float16]
    closure: NDArray[np.float16]
    shape: NDArray[np.float32]


def make_groups(
    split: str, count: int, kinds: tuple[str, ...], seed: int, head: HeadModel
) -> list[Group]:
    sentences = read_sentences()[split]
    groups = []
    for index in range(count):
        rng = np.random.default_rng([seed, 0 if split == "train" else 1, index])
        text = sentences[index % len(sentences)]
        performance = make_performance(text, make_style(rng), rng)
        frames = len(performance.articulation.channels)
        curves = [_curve(kind, frames, rng) for kind in kinds]
        targets = [numbers_of(perform(performance, c, head)) for c in curves]
        sources = []
        for curve in curves:
            varied = add_habit(performance, rng) if rng.random() < 0.35 else performance
            look = vary_look(performance.style, rng)
            sources.append(numbers_of(perform(varied, curve, head, look)))
        groups.append(
            Group(
                name=f"{split}-{index}",
                kinds=kinds,
                targets=np.stack(targets).astype(np.float16),
                sources=np.stack(sources).astype(np.float16),
                weights=np.stack(curves).astype(np.float16),
                closure=closure_level(performance.articulation).astype(np.float16),
                shape=np.zeros(300, np.float32),
            )
        )
    return groups


def _curve(kind: str, frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    if kind in EMOTIONS:
        return held_program(EMOTIONS.index(kind), 1.0, frames)
    assert kind in KINDS
    return make_program(kind, frames, FPS, rng)
