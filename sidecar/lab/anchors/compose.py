# SPDX-License-Identifier: GPL-3.0-or-later
"""Combines speech and emotion on one face. They compete instead of adding up.

Lips that must meet do meet. Rounding and smiling share the lip corners. The jaw opens wider with
arousal, but speech and emotion together never open it by their full sum. Brows and lids follow the
emotion, with beats and blinks of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ....shared.arrays import Float64Array
from ....shared.emotion import EMOTIONS
from ...smooth import smoothstep
from .articulation import Articulation
from .channels import CHANNELS, CLOSURE, NAMES, TUCK, columns_of, parts
from .emotions import AROUSAL, ENVELOPE_S, LAG_S, ceilings, expression_table
from .nonverbal import Nonverbal
from .style import Style, asymmetry_gains
from .visemes import GROUPS

_SHAPES = len(NAMES)


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


def compose(
    performance: Performance, emotions: Float64Array, look: Float64Array | None = None
) -> Float64Array:
    """(T, 100) weights of the performance in `emotions` (T, 6). look: (6, 100) replaces the
    person's own look of the six emotions."""
    style = performance.style
    speech = _speech(performance, emotions)
    feeling = _feeling(performance, emotions, style_look(style) if look is None else look)
    weights = _mouth(speech, feeling, performance)
    _upper_face(weights, feeling, performance)
    weights += performance.nonverbal.gaze + style.rest
    return _soft_ceiling(weights, ceilings())


def style_look(style: Style) -> Float64Array:
    """(6, 100) weights by which this person shows each emotion at weight 1."""
    mixed = np.einsum("kv,kvs->ks", style.variants, expression_table())
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


def _feeling(performance: Performance, emotions: Float64Array, look: Float64Array) -> Float64Array:
    """(T, 100) weights of the emotion alone; each part of the face follows with its own lag."""
    feeling = np.zeros((len(emotions), _SHAPES))
    names = np.array(parts())
    for part, lag_s in LAG_S.items():
        curve = gaussian_filter1d(
            emotions, ENVELOPE_S[part] * performance.fps, axis=0, mode="nearest"
        )
        columns = np.flatnonzero(names == part)
        feeling[:, columns] = _shift(curve, lag_s * performance.fps) @ look[:, columns]
    swell = 1 + performance.style.stress_gain * (performance.articulation.stress - 0.4)
    return feeling * swell[:, None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cues:
    """(T,) each, 0..1: how far the mouth does each thing. shut: closed, or nearly so for f and v;
    talking, jaw: how far speech opens the jaw."""

    closed: Float64Array
    tucked: Float64Array
    shut: Float64Array
    rounded: Float64Array
    talking: Float64Array
    jaw: Float64Array
    smiling: Float64Array


def _cues(speech: Float64Array, feeling: Float64Array, performance: Performance) -> _Cues:
    closed = closure_level(performance.articulation)
    tucked = tuck_level(performance.articulation)
    jaw = _of(speech, "jawOpen")
    return _Cues(
        closed=closed,
        tucked=tucked,
        shut=np.maximum(closed, 0.75 * tucked),
        rounded=np.clip(_of(speech, "mouthPucker") + 0.7 * _of(speech, "mouthFunnel"), 0, 1),
        talking=np.clip(2.2 * jaw, 0, 1),
        jaw=np.clip(1.5 * jaw, 0, 1),
        smiling=np.clip(_of(feeling, "mouthSmile"), 0, 1),
    )


def _mouth(speech: Float64Array, feeling: Float64Array, performance: Performance) -> Float64Array:
    """(T, 100) weights of speech and emotion together."""
    cues = _cues(speech, feeling, performance)
    weights = _scaled(feeling, _shares_of_feeling(cues)) + _scaled(speech, _shares_of_speech(cues))
    jaw = NAMES.index("jawOpen")
    # Lips cannot close over a wide open jaw, so a closure keeps the jaw up.
    weights[:, jaw] *= 1 - 0.5 * cues.closed * np.clip(2 * (weights[:, jaw] - 0.15), 0, 1)
    weights[:, NAMES.index("mouthClose")] = cues.closed * weights[:, jaw]
    return weights


def _shares_of_feeling(cues: _Cues) -> dict[str, Float64Array]:
    """Shape -> factor (T,) on its weight from the emotion: what speech leaves of it."""
    closed, rounded, talking, shut = cues.closed, cues.rounded, cues.talking, cues.shut
    return {
        "mouthSmile": (1 - 0.45 * rounded) * (1 - 0.12 * closed),
        "mouthDimple": (1 - 0.5 * rounded) * (1 - 0.2 * closed),
        "mouthStretch": (1 - 0.6 * rounded) * (1 - 0.45 * closed),
        "mouthFrown": 1 - 0.25 * rounded,
        "mouthUpperUp": (1 - closed) * (1 - 0.4 * rounded) * (1 - 0.3 * cues.tucked),
        "mouthLowerDown": (1 - closed) * (1 - cues.tucked) * (1 - 0.3 * rounded),
        "mouthPress": 1 - 0.75 * talking,
        "mouthRollUpper": 1 - 0.8 * talking,
        "mouthRollLower": 1 - 0.8 * talking,
        "mouthShrugLower": (1 - 0.75 * talking) * (1 - 0.7 * closed),
        "mouthFunnel": 1 - closed,
        "mouthCornerPuller": (1 - 0.5 * rounded) * (1 - 0.2 * closed),
        "mouthRetraction": (1 - 0.6 * rounded) * (1 - 0.4 * closed),
        "mouthDepression": (1 - 0.25 * rounded) * (1 - 0.2 * closed),
        "mouthUpwardRetraction": (1 - 0.85 * shut) * (1 - 0.45 * rounded),
        "mouthDepressionRetraction": (1 - 0.9 * shut) * (1 - 0.4 * rounded),
        "mouthPartLater": (1 - 0.9 * shut) * (1 - 0.4 * rounded),
        "mouthElevation": (1 - 0.8 * closed) * (1 - 0.3 * rounded),
        "jawOpen": (1 - 0.85 * shut) * (1 - 0.55 * cues.jaw),
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


def _soft_ceiling(weights: Float64Array, ceiling: Float64Array) -> Float64Array:
    """Weights kept as they are up to 0.75 of the ceiling and bent above, so that they stay under it
    (soft clipping by tanh)."""
    knee = 0.75 * ceiling
    room = ceiling - knee
    above = np.maximum(weights - knee, 0)
    return np.maximum(np.minimum(weights, knee) + room * np.tanh(above / room), 0)
