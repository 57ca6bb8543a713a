# SPDX-License-Identifier: GPL-3.0-or-later
"""Synchronised takes: one sentence and person, as many emotions as wanted, frame by frame alike."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...shared.head import HeadModel
from ...shared.motion import ARKIT_NAMES, Motion, make_motion
from .articulation import articulate
from .channels import EXTRA_NAMES
from .compose import Performance, closure_level, compose, style_look
from .lips import close_lips, lips_of
from .rhythm import make_rhythm
from .speech import Speech, Voice, speak
from .style import Style

FPS = 30.0
"""Frames a second of every anchor; the model's own grid."""

FloatArray = NDArray[np.float64]


@lru_cache(maxsize=4096)
def _speech(text: str, rate: int) -> Speech:
    return speak(text, Voice(rate=rate))


def make_performance(text: str, style: Style, rng: np.random.Generator) -> Performance:
    """One person says `text`: everything but the emotion. Raises InputError `option.espeak`."""
    # Few distinct rates, so that the cache of spoken sentences serves most calls.
    articulation = articulate(_speech(text, 20 * (style.rate // 20)), FPS)
    rhythm = make_rhythm(articulation, style, FPS, rng)
    return Performance(articulation=articulation, rhythm=rhythm, style=style, fps=FPS)


def vary_look(style: Style, rng: np.random.Generator) -> FloatArray:
    """(6, 100): the style's look of the emotions, off by what nobody could foresee. For source
    takes: what must be taken out is never quite what the model would put in."""
    look = style_look(style)
    factors = rng.normal(1, 0.18, look.shape[1]).clip(0.5, 1.5)
    strength = rng.uniform(0.75, 1.15, (len(look), 1))
    return look * factors * strength


def motion_from_weights(
    weights: FloatArray, head: HeadModel, neck: FloatArray | None = None
) -> Motion:
    """Weights (T, 52) of ARKit or (T, 100) of `NAMES` as a take in space "open"; channels that
    the head has not are dropped."""
    arkit, extra = weights[:, : len(ARKIT_NAMES)], weights[:, len(ARKIT_NAMES) :]
    expression = np.zeros((len(weights), 100))
    expression[:, : len(head.arkit_expression)] = arkit @ head.arkit_expression.T
    for name, column in zip(EXTRA_NAMES, extra.T, strict=False):
        if name in head.expression_names:
            expression[:, head.expression_names.index(name)] += column
    return make_motion(
        expression=expression.astype(np.float32),
        jaw=(arkit @ head.arkit_jaw.T).astype(np.float32),
        eyes=(arkit @ head.arkit_eyes.T).astype(np.float32),
        neck=np.zeros((len(weights), 3)) if neck is None else neck,
        fps=FPS,
        space="open",
    )


def perform(
    performance: Performance,
    emotions: FloatArray,
    head: HeadModel,
    look: FloatArray | None = None,
) -> Motion:
    """The performance in `emotions` (T, 6), as a take in space "open" whose lips meet on this
    head where they must. look: (6, 100) instead of the style's own."""
    weights = compose(performance, emotions, look)
    weights = close_lips(weights, closure_level(performance.articulation), lips_of(head))
    return motion_from_weights(weights, head, performance.rhythm.head)
