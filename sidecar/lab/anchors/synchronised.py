# SPDX-License-Identifier: GPL-3.0-or-later
"""Synchronised takes: one performance in several emotion programs, frame by frame alike.

As in the Feelings paper these supervise the training: the same person says the same sentence with
the same timing, once in each program.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS, USUALLY_CLOSED
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
SILENT = 0.12
"""Share of training performances in which nobody speaks."""
KEPT = (0.0, 0.5, 0.5, 1.0, 1.0)
"""`keep_closed` of a program is one of these by chance."""
NAMED = ("neutral", *EMOTIONS)
"""Kinds that stand for one state throughout; measurements compare them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Synchronised:
    """One performance of T frames in K programs.

    targets: K takes in exact emotions. sources: K takes of the same programs as a tracker may have
    seen them, with random deviations of the emotion. weights: (K, T, 6). closure: (T,) 0..1, 1 in
    frames in which the lips must meet. held: (T,) 0..1, 1 where they rest on each other in silence.
    keep_closed: (K,) the control of each program; see `kept_level`.
    variants: (6, 4) the person's shares of each emotion's variants, None where unknown. kinds: of
    the programs, "" where unknown, as for the texts.
    """

    name: str
    split: str
    targets: tuple[Motion, ...]
    sources: tuple[Motion, ...]
    weights: Float64Array  # (K, T, 6)
    closure: Float64Array  # (T,)
    held: Float64Array  # (T,)
    keep_closed: Float64Array  # (K,)
    kinds: tuple[str, ...]
    variants: Float64Array | None = None  # (6, 4)
    identity: str = ""
    manner: str = ""
    sentence: str = ""


def make_synchronised(
    split: str, index: int, kinds: tuple[str, ...], seed: int, head: HeadModel
) -> Synchronised:
    """Makes performance `index` of the split; the same arguments give the same bits.

    kinds: programs of `KINDS`, or an emotion's name for that emotion held at weight 1 with the
    usual `keep_closed`. The splits "train" and "held-out" share
    no sentence, identity, manner or pair of emotions; in "train" one performance of eight is
    silent.
    Raises InputError `option.espeak`.
    """
    sentences = read_sentences()[split]
    rng = np.random.default_rng([seed, 0 if split == "train" else 1, index])
    identity = make_identity(split, index, seed)
    silent = split == "train" and rng.random() < SILENT
    text = "" if silent else sentences[index % len(sentences)]
    performance = make_performance(text, identity.style, rng, identity.shape, varied=True)
    if rng.random() < 0.6:
        performance = vary_closing(performance, rng)
    frames = len(performance.articulation.channels)
    weights = [_as_kept(_program(kind, frames, split, rng)) for kind in kinds]
    keep = [USUALLY_CLOSED if kind in NAMED else float(rng.choice(KEPT)) for kind in kinds]
    return Synchronised(
        name=f"{split}-{index:05d}",
        split=split,
        targets=tuple(
            perform(performance, w, head, keep_closed=k) for w, k in zip(weights, keep, strict=True)
        ),
        sources=tuple(
            track(performance, w, head, rng, keep_closed=k)
            for w, k in zip(weights, keep, strict=True)
        ),
        weights=np.stack(weights),
        closure=_as_kept(closure_level(performance.articulation)),
        held=_as_kept(performance.articulation.held),
        keep_closed=np.array(keep),
        kinds=kinds,
        variants=identity.style.variants,
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


def _as_kept(values: Float64Array) -> Float64Array:
    """Values as a file keeps them, in single precision, so that training from files is the same."""
    return values.astype(np.float32).astype(np.float64)


def _program(kind: str, frames: int, split: str, rng: np.random.Generator) -> Float64Array:
    if kind in EMOTIONS:
        return held_program(EMOTIONS.index(kind), 1.0, frames)
    return make_program(kind, frames, MODEL_FPS, rng, strongest=STRONGEST, pairs=pairs_of(split))
