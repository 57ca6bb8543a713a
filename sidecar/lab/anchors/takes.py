# SPDX-License-Identifier: GPL-3.0-or-later
"""Performs a sentence as takes: in any emotion, exactly or as a tracker may have seen it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from ....shared.arrays import Float64Array
from ....shared.emotion import USUALLY_CLOSED
from ....shared.head import HeadModel
from ....shared.motion import ARKIT_NAMES, Motion, make_motion
from ...modulation.windows import MODEL_FPS
from .articulation import Silence, articulate
from .channels import EXTRA_NAMES, NAMES, columns_of
from .compose import Performance, closure_level, compose, contact_level, soft_ceiling, style_look
from .emotions import CLOSED, ceilings, expression_table
from .identity import SHAPE_COMPONENTS
from .lips import CLOSERS, close_lips, lips_of
from .nonverbal import make_nonverbal
from .speech import SAMPLE_RATE, Speech, Voice, speak
from .style import Style, random_variants, symmetric

HABITS = (
    "mouthSmile",
    "mouthFrown",
    "browDown",
    "browInnerUp",
    "browOuterUp",
    "eyeSquint",
    "eyeWide",
    "cheekSquint",
    "noseSneer",
    "mouthPress",
    "mouthDimple",
    "mouthStretch",
    "mouthShrugUpper",
)
"""Shapes that real faces hold for long without showing an emotion."""


@lru_cache(maxsize=4096)
def _speech(text: str, rate: int) -> Speech:
    return speak(text, Voice(rate=rate))


def make_performance(
    text: str,
    style: Style,
    rng: np.random.Generator,
    shape: Float64Array | None = None,
    *,
    varied: bool = False,
) -> Performance:
    """A person of `style` says `text`, without emotion yet. shape: (300,) of the identity, the
    head's own face if None. varied: with random silences around the sentence and within. No text
    is two to four seconds of silence. Raises InputError `option.espeak`."""
    if text:
        # Rates in steps of 20, so that spoken sentences are mostly found in the cache.
        speech = _speech(text, 20 * (style.rate // 20))
    else:
        length = int(rng.uniform(1, 3) * SAMPLE_RATE)
        speech = Speech(text="", samples=np.zeros(length, np.int16), phonemes=())
    silence = random_silence(speech, rng) if varied else Silence()
    articulation = articulate(speech, MODEL_FPS, silence)
    nonverbal = make_nonverbal(articulation, style, MODEL_FPS, rng)
    shape = np.zeros(SHAPE_COMPONENTS) if shape is None else shape
    return Performance(
        articulation=articulation, nonverbal=nonverbal, style=style, shape=shape, fps=MODEL_FPS
    )


def random_silence(speech: Speech, rng: np.random.Generator) -> Silence:
    """Silences of 0.2 to 2 s around the speech, and in three of ten sentences one or two pauses of
    0.3 to 1.5 s between words, in which the lips rest."""
    starts = [p.start_s for p in speech.phonemes if p.stressed and p.start_s > 0]
    pauses: list[tuple[float, float]] = []
    if starts and rng.random() < 0.3:
        chosen = rng.choice(starts, min(int(rng.integers(1, 3)), len(starts)), replace=False)
        pauses = [(float(start), float(rng.uniform(0.3, 1.5))) for start in sorted(chosen)]
    lead_s, tail_s = 0.2 + rng.uniform(0, 1.34, 2) ** 2
    return Silence(lead_s=float(lead_s), tail_s=float(tail_s), pauses=tuple(pauses))


def vary_look(style: Style, rng: np.random.Generator) -> Float64Array:
    """(6, 2, 100) the person's look of the emotions with random deviations, for source takes: the
    emotion to be removed is never exactly as the model would add it."""
    look = style_look(style)
    if rng.random() < 0.4:  # another mixture of the variants than this person's own
        look = style_look(replace(style, variants=random_variants(rng)))
    kept = symmetric(rng.random(len(NAMES))) > 0.12
    factors = symmetric(rng.normal(1, 0.2, len(NAMES))) + rng.normal(0, 0.06, len(NAMES))
    strength = rng.uniform(0.5, 1.3, (len(look), 1, 1))
    look = look * kept * factors.clip(0.3, 1.7) * strength
    if rng.random() < 0.5:  # trackers know ARKit's shapes only
        look[..., len(ARKIT_NAMES) :] = 0
    return look


def add_habit(performance: Performance, rng: np.random.Generator) -> Performance:
    """The performance with one to three shapes held throughout that no program explains, such as a
    half smile or a raised brow; a neutral target has none."""
    habit = np.zeros(len(NAMES))
    for name in rng.choice(HABITS, rng.integers(1, 4), replace=False):
        columns = columns_of(str(name))
        habit[columns] = rng.uniform(0.08, 0.5)
        if len(columns) == 2 and rng.random() < 0.3:
            habit[columns[rng.integers(2)]] *= rng.uniform(0.2, 0.8)
    style = replace(performance.style, rest=performance.style.rest + habit)
    return replace(performance, style=style)


def motion_from_weights(weights: Float64Array, performance: Performance, head: HeadModel) -> Motion:
    """The performance's weights (T, 100) of `NAMES` as a take in space "open", without the shapes
    that the head lacks."""
    return replace(
        motion_of_weights(weights, head),
        neck=performance.nonverbal.head.astype(np.float32),
        shape=performance.shape.astype(np.float32),
    )


def motion_of_weights(weights: Float64Array, head: HeadModel) -> Motion:
    """Weights (T, 100) of `NAMES` as a take in space "open" whose head stays still, without the
    shapes that the head lacks."""
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
        fps=MODEL_FPS,
        space="open",
    )


def vary_closing(performance: Performance, rng: np.random.Generator) -> Performance:
    """The performance with closures of another kind: lips pressed and rolled less, or a jaw that
    shuts. Trackers show closures in all these ways."""
    channels = performance.articulation.channels.copy()
    channels[:, [c for name in _PRESSED for c in columns_of(name)]] *= rng.uniform(0, 1)
    if rng.random() < 0.5:
        shut = rng.uniform(0, 1) * closure_level(performance.articulation)
        channels[:, columns_of("jawOpen")] *= 1 - shut[:, None]
    articulation = replace(performance.articulation, channels=channels)
    return replace(performance, articulation=articulation)


_PRESSED = ("mouthPress", "mouthRollLower", "mouthRollUpper")


def still_looks(head: HeadModel) -> Float64Array:
    """(6, 4, 2, 100) weights of every emotion's variants on a still face, in both forms; where a
    form is closed, this head's lips are shut."""
    looks = soft_ceiling(expression_table(), ceilings())
    closed = looks[:, :, CLOSED].reshape(-1, len(NAMES))
    shut = close_lips(closed, np.ones(len(closed)), lips_of(head))
    looks[:, :, CLOSED] = shut.reshape(looks[:, :, CLOSED].shape)
    return looks


def perform(
    performance: Performance,
    emotions: Float64Array,
    head: HeadModel,
    look: Float64Array | None = None,
    *,
    keep_closed: float = USUALLY_CLOSED,
) -> Motion:
    """The performance in `emotions` (T, 6) as a take in space "open", with this head's lips closed
    where they must meet. look: (6, 2, 100) replaces the person's own. keep_closed: see
    `compose`."""
    weights = compose(performance, emotions, look, keep_closed=keep_closed)
    lips = lips_of(head, performance.shape)
    shut = contact_level(performance.articulation, emotions, keep_closed)
    weights = close_lips(weights, shut, lips)
    return motion_from_weights(weights, performance, head)


def track(
    performance: Performance,
    emotions: Float64Array,
    head: HeadModel,
    rng: np.random.Generator,
    *,
    keep_closed: float = USUALLY_CLOSED,
) -> Motion:
    """The performance in `emotions` (T, 6) as a tracker may have seen it: with deviations of the
    look, habits, incomplete closures, and in half of the takes ARKit's shapes alone."""
    look = vary_look(performance.style, rng)
    by_arkit = not look[..., len(ARKIT_NAMES) :].any()
    varied = add_habit(performance, rng) if rng.random() < 0.35 else performance
    weights = compose(varied, emotions, look, keep_closed=keep_closed)
    shut = contact_level(performance.articulation, emotions, keep_closed)
    if rng.random() < 0.4:
        shut = shut * rng.uniform(0.6, 1)
    closers = ("mouthClose",) if by_arkit else tuple(CLOSERS)
    weights = close_lips(weights, shut, lips_of(head, performance.shape), closers)
    return motion_from_weights(weights, performance, head)
