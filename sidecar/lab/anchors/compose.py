# SPDX-License-Identifier: GPL-3.0-or-later
"""Combines speech and emotion on one face. They compete instead of adding up.

Lips that must meet do meet. Rounding and smiling share the lip corners. The jaw opens wider with
arousal, but speech and emotion together never open it by their full sum. What an emotion itself
opens yields to whole words, not to single sounds, or the lips would flutter. Where several emotions
meet, each part of the face follows its owner. Brows and lids follow the emotion, with beats and
blinks of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS, USUALLY_CLOSED, kept_level
from ...smooth import smoothstep
from .articulation import Articulation
from .channels import CHANNELS, CLOSURE, NAMES, TUCK, columns_of, feeling_columns
from .compounds import part_weights
from .emotions import AROUSAL, CLOSED, ENVELOPE_S, LAG_S, OPEN, ceilings, expression_table
from .nonverbal import Nonverbal
from .style import Style, asymmetry_gains
from .visemes import GROUPS

_SHAPES = len(NAMES)
_WORD_S = (0.2, 0.12)
_CLOSURE_S = (0.05, 0.05)
_REST_S = (0.1, 0.07)
"""What an emotion opens yields to words, to a closure, and to lips that come to rest: so many
seconds before and after, softly by a Gaussian of this standard deviation. Faster, and the gap
between the lips jitters; slower, and the jaw no longer follows speech."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Performance:
    """All that one take has in every emotion alike. shape: (300,) the identity's coefficients."""

    articulation: Articulation
    nonverbal: Nonverbal
    style: Style
    shape: Float64Array  # (300,)
    fps: float


def closure_level(articulation: Articulation) -> Float64Array:
    """(T,) 0..1, 1 in frames in which m, b or p closes the lips."""
    return smoothstep(articulation.channels[:, CHANNELS.index(CLOSURE)], 0.0, 0.9)


def tuck_level(articulation: Articulation) -> Float64Array:
    """(T,) 0..1, 1 in frames in which f or v brings the lower lip to the teeth."""
    return smoothstep(articulation.channels[:, CHANNELS.index(TUCK)], 0.0, 1.0)


def contact_level(
    articulation: Articulation, emotions: Float64Array, keep_closed: float
) -> Float64Array:
    """(T,) 0..1, 1 in frames in which the lips must meet: in closures, and as far as emotions
    (T, 6) leave them so, where they are held together in silence. keep_closed: see `kept_level`."""
    kept = _kept(emotions, keep_closed)
    return np.maximum(closure_level(articulation), kept * articulation.held)


def _kept(emotions: Float64Array, keep_closed: float) -> Float64Array:
    kept = kept_level(emotions, np.full(len(emotions), keep_closed, np.float32))
    return kept.astype(np.float64)


def compose(
    performance: Performance,
    emotions: Float64Array,
    look: Float64Array | None = None,
    *,
    keep_closed: float = USUALLY_CLOSED,
) -> Float64Array:
    """(T, 100) weights of the performance in `emotions` (T, 6). look: (6, 2, 100) replaces the
    person's own look of the six emotions in both forms. keep_closed: as far as the
    emotions leave held lips closed (`kept_level`), their closed form is shown there, else the open
    one."""
    style = performance.style
    look = style_look(style) if look is None else look
    speech = _speech(performance, emotions)
    held = _slow(performance.articulation.held, _REST_S, performance.fps)
    resting = _kept(emotions, keep_closed) * held
    feeling = _feeling(performance, emotions, look, resting)
    contact = contact_level(performance.articulation, emotions, keep_closed)
    weights = _mouth(speech, feeling, performance, contact)
    _upper_face(weights, feeling, performance)
    weights += performance.nonverbal.gaze + style.rest
    return soft_ceiling(weights, ceilings())


def style_look(style: Style) -> Float64Array:
    """(6, 2, 100) weights by which this person shows each emotion at weight 1, with open and with
    closed lips."""
    mixed = np.einsum("kv,kvfs->kfs", style.variants, expression_table())
    return mixed * style.gains * asymmetry_gains(style.asymmetry)


def _speech(performance: Performance, emotions: Float64Array) -> Float64Array:
    """(T, 100) weights of the speech alone; arousal makes its movements larger."""
    style = performance.style
    arousal = emotions @ np.array([AROUSAL[name] for name in EMOTIONS])
    size = np.clip(1 + gaussian_filter1d(arousal, 3, mode="nearest"), 0.6, 1.5)[:, None]
    speech = performance.articulation.channels[:, :_SHAPES] * style.speech_asymmetry
    speech = speech * style.speech_gain
    for name, gain in (("jaw", style.jaw_gain), ("round", style.round_gain)):
        columns = [c for shape in GROUPS[name] for c in columns_of(shape)]
        speech[:, columns] *= gain
    bigger = [c for name in ("jaw", "open", "spread") for s in GROUPS[name] for c in columns_of(s)]
    speech[:, bigger] *= size
    return speech


def _feeling(
    performance: Performance, emotions: Float64Array, look: Float64Array, shut: Float64Array
) -> Float64Array:
    """(T, 100) weights of the emotion alone, in its closed form as far as shut (T,) is 1; each part
    of the face follows with its own lag, and its owner where emotions meet."""
    feeling = np.zeros((len(emotions), _SHAPES))
    for part, lag_s in LAG_S.items():
        curve = gaussian_filter1d(
            emotions, ENVELOPE_S[part] * performance.fps, axis=0, mode="nearest"
        )
        weights = part_weights(_shift(curve, lag_s * performance.fps), part)
        columns = feeling_columns(part)
        opened, closed = (weights @ look[:, form][:, columns] for form in (OPEN, CLOSED))
        feeling[:, columns] = opened + shut[:, None] * (closed - opened)
    swell = 1 + performance.style.stress_gain * (performance.articulation.stress - 0.4)
    return feeling * swell[:, None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cues:
    """(T,) each, 0..1: how far the mouth does each thing. spoken: whether there are words, and
    nearby: whether there is a closure, both slowly; talking: how far speech opens the jaw."""

    closed: Float64Array
    tucked: Float64Array
    closing: Float64Array
    nearby: Float64Array
    spoken: Float64Array
    rounded: Float64Array
    talking: Float64Array
    smiling: Float64Array


def _cues(speech: Float64Array, feeling: Float64Array, performance: Performance) -> _Cues:
    closed = closure_level(performance.articulation)
    tucked = tuck_level(performance.articulation)
    fps, shut = performance.fps, np.maximum(closed, 0.75 * tucked)
    talking = np.clip(2.2 * _of(speech, "jawOpen"), 0, 1)
    return _Cues(
        closed=closed,
        tucked=tucked,
        closing=_slow(shut, _CLOSURE_S, fps),
        nearby=_slow(shut, _WORD_S, fps),
        spoken=_slow(np.maximum(shut, np.minimum(2 * talking, 1)), _WORD_S, fps),
        rounded=np.clip(_of(speech, "mouthPucker") + 0.7 * _of(speech, "mouthFunnel"), 0, 1),
        talking=talking,
        smiling=np.clip(_of(feeling, "mouthSmile"), 0, 1),
    )


def _slow(values: Float64Array, seconds: tuple[float, float], fps: float) -> Float64Array:
    """(T,) the largest of values (T,) within the first of the seconds, smoothed by a Gaussian of
    the second."""
    reach_s, sigma_s = seconds
    widest = maximum_filter1d(values, 2 * round(reach_s * fps) + 1, mode="nearest")
    return gaussian_filter1d(widest, sigma_s * fps, mode="nearest")


def _mouth(
    speech: Float64Array, feeling: Float64Array, performance: Performance, contact: Float64Array
) -> Float64Array:
    """(T, 100) weights of speech and emotion together. contact: (T,) of `contact_level`."""
    cues = _cues(speech, feeling, performance)
    weights = _scaled(feeling, _shares_of_feeling(cues)) + _scaled(speech, _shares_of_speech(cues))
    jaw = NAMES.index("jawOpen")
    # Lips cannot close over a wide open jaw, so a closure keeps the jaw up.
    weights[:, jaw] *= 1 - 0.3 * cues.closing * np.clip(2 * (weights[:, jaw] - 0.15), 0, 1)
    weights[:, NAMES.index("mouthClose")] = contact * weights[:, jaw]
    return weights


def _shares_of_feeling(cues: _Cues) -> dict[str, Float64Array]:
    """Shape -> factor (T,) on its weight from the emotion: what speech leaves of it."""
    closed, rounded, talking = cues.closed, cues.rounded, cues.talking
    opening = (1 - 0.35 * cues.nearby) * (1 - 0.95 * cues.closing)
    return {
        "mouthSmile": (1 - 0.45 * rounded) * (1 - 0.12 * closed),
        "mouthDimple": (1 - 0.5 * rounded) * (1 - 0.2 * closed),
        "mouthStretch": (1 - 0.4 * rounded) * (1 - 0.2 * closed),
        "mouthFrown": 1 - 0.25 * rounded,
        "mouthUpperUp": opening,
        "mouthLowerDown": opening,
        "mouthParling": opening,
        "mouthUpwardRetraction": opening,
        "mouthDepressionRetraction": opening,
        "mouthPartLater": opening,
        "mouthFunnel": 1 - cues.nearby,
        "mouthPress": 1 - 0.75 * talking,
        "mouthRollUpper": 1 - 0.8 * talking,
        "mouthRollLower": 1 - 0.8 * talking,
        "mouthShrugLower": (1 - 0.75 * talking) * (1 - 0.7 * closed),
        "mouthCornerPuller": (1 - 0.5 * rounded) * (1 - 0.2 * closed),
        "mouthRetraction": (1 - 0.4 * rounded) * (1 - 0.2 * closed),
        "mouthDepression": (1 - 0.25 * rounded) * (1 - 0.2 * closed),
        "mouthElevation": (1 - 0.3 * rounded) * (1 - 0.7 * cues.closing),
        "tongueOut": 1 - cues.spoken,
        "jawOpen": (1 - 0.1 * cues.spoken) * (1 - 0.65 * cues.closing),
    }


def _shares_of_speech(cues: _Cues) -> dict[str, Float64Array]:
    """Shape -> factor (T,) on its weight from speech: what emotion and closures leave of it."""
    return {
        "mouthPucker": (1 - 0.3 * cues.smiling) * (1 - 0.35 * cues.closed),
        "mouthFunnel": (1 - 0.45 * cues.smiling) * (1 - cues.closed),
        "mouthUpperUp": 1 - cues.closed,
        "mouthLowerDown": (1 - cues.closed) * (1 - cues.tucked),
        "mouthSmile": 1 - 0.6 * cues.smiling,
    }


def _scaled(weights: Float64Array, shares: dict[str, Float64Array]) -> Float64Array:
    """A copy of weights (T, 100) with the named shapes, left and right, times their shares (T,)."""
    scaled = weights.copy()
    for name, share in shares.items():
        scaled[:, columns_of(name)] *= share[:, None]
    return scaled


def _upper_face(weights: Float64Array, feeling: Float64Array, performance: Performance) -> None:
    """Adds beats to the brows and blinks to the lids of `weights` (T, 100), in place."""
    beat = performance.nonverbal.beat * performance.style.brow_beat
    lowered = np.clip(_of(feeling, "browDown"), 0, 1.2)
    raised = np.clip(_of(feeling, "browInnerUp"), 0, 1.2)
    free = (1 - 0.5 * lowered) * (1 - 0.35 * raised)
    weights[:, columns_of("browInnerUp")] += (beat * free)[:, None]
    weights[:, columns_of("browOuterUp")] += (beat * free * performance.style.brow_outer)[:, None]
    blink = performance.nonverbal.blink
    drooped = np.clip(_of(feeling, "eyeBlink"), 0, 0.9)
    weights[:, columns_of("eyeBlink")] = (1 - (1 - blink) * (1 - drooped))[:, None]
    for name in ("eyeWide", "eyeOpenedUp"):
        weights[:, columns_of(name)] *= ((1 - blink) * (1 - 0.5 * drooped))[:, None]
    weights[:, columns_of("eyeSquint")] *= (1 - 0.7 * blink)[:, None]


def _of(weights: Float64Array, name: str) -> Float64Array:
    """(T,) weight of a shape, the mean of left and right."""
    return weights[:, columns_of(name)].mean(1)


def _shift(curve: Float64Array, frames: float) -> Float64Array:
    """The curve (T, C) delayed by `frames`, its ends held."""
    times = np.arange(len(curve))
    return np.stack([np.interp(times - frames, times, column) for column in curve.T], 1)


def soft_ceiling(weights: Float64Array, ceiling: Float64Array) -> Float64Array:
    """Weights kept as they are up to 0.75 of the ceiling and bent above, so that they stay under it
    (soft clipping by tanh)."""
    knee = 0.75 * ceiling
    room = ceiling - knee
    above = np.maximum(weights - knee, 0)
    return np.maximum(np.minimum(weights, knee) + room * np.tanh(above / room), 0)
