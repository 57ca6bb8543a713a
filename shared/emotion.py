# SPDX-License-Identifier: GPL-3.0-or-later
"""The emotion track: what the animator keyframed, sampled once per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import limits
from .arrays import Float32Array
from .errors import InputError
from .wording import say_count

EMOTIONS = ("happy", "sad", "angry", "fear", "disgust", "surprise")
"""The six emotions in the order of every (…, 6) array. Neutral is all zeros."""

CONTROLS = ("influence", "upper", "lower", "geometry", "appearance", "keep_closed")
"""The six controls that travel beside the weights, one value per frame; 1 unless keyed."""

CHANNELS = EMOTIONS + CONTROLS
"""Everything that an animator can key."""


def largest_value(channel: str) -> float:
    """Upper end of a channel's range; the lower end is 0."""
    if channel in EMOTIONS:
        return limits.MAX_EMOTION_WEIGHT
    return 1.0 if channel in ("influence", "keep_closed") else limits.MAX_STRENGTH


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmotionTrack:
    """Emotion curves sampled at T frames.

    weights: (T, 6) float32 in `EMOTIONS` order, 0..1, up to 1.5 by hand; neutral is zeros.
    influence: (T,) 0..1, how far the performance's own emotion is replaced; 0 leaves the
        performance untouched, bit for bit.
    upper, lower: (T,) 0..2, strength above and below the nose's tip.
    geometry, appearance: (T,) 0..2, strength of the two branches of the modulation.
    keep_closed: (T,) 0..1, how far lips that the take holds closed through a silence stay closed;
        0 lets the emotion open them.
    fps: frames per second, the take's.

    Raises InputError `emotion.shape`, `emotion.not_finite` or `emotion.range`.
    """

    weights: Float32Array  # (T, 6)
    influence: Float32Array  # (T,)
    upper: Float32Array  # (T,)
    lower: Float32Array  # (T,)
    geometry: Float32Array  # (T,)
    appearance: Float32Array  # (T,)
    keep_closed: Float32Array  # (T,)
    fps: float

    def __post_init__(self) -> None:
        frames = len(self.weights)
        if self.weights.shape != (frames, len(EMOTIONS)):
            raise InputError(
                "emotion.shape",
                f"Emotion weights have the shape {self.weights.shape}, not (frames, 6).",
                "Give one row of six weights for each frame.",
            )
        check_curve("weights", self.weights, limits.MAX_EMOTION_WEIGHT)
        for name in CONTROLS:
            values = getattr(self, name)
            if values.shape != (frames,):
                raise InputError(
                    "emotion.shape",
                    f"The curve {name} has {values.shape} values for {say_count(frames, 'frame')}.",
                    "Give one value for each frame.",
                )
            check_curve(name, values, largest_value(name))
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(
                "emotion.range", f"The frame rate is {self.fps}.", "Give a rate above 0."
            )

    def __len__(self) -> int:
        return len(self.weights)


def check_curve(name: str, values: Float32Array, largest: float) -> None:
    """Checks a curve's values. Raises InputError `emotion.not_finite`, `emotion.range`."""
    if not np.isfinite(values).all():
        frame = int(np.argwhere(~np.isfinite(values))[0][0])
        raise InputError(
            "emotion.not_finite",
            f"The emotion curve {name} is not a number at frame {frame}.",
            "Delete or re-key that frame.",
        )
    if values.size and (values.min() < 0 or values.max() > largest + 1e-6):
        raise InputError(
            "emotion.range",
            f"The emotion curve {name} runs from {values.min():g} to {values.max():g}, "
            f"outside 0 to {largest:g}.",
            "Keep its keys and handles inside that range.",
        )


def check_length(track: EmotionTrack, frames: int) -> None:
    """Checks that the track is as long as the take. Raises InputError `emotion.shape`."""
    if len(track) != frames:
        raise InputError(
            "emotion.shape",
            f"The emotion track has {say_count(len(track), 'frame')} and the take {frames}.",
            "Sample the track at the take's frames.",
        )


def constant_track(
    frames: int, fps: float, *, influence: float = 1.0, keep_closed: float = 1.0, **weights: float
) -> EmotionTrack:
    """A track that holds the named emotions for `frames` frames; unnamed ones are 0.

    Raises InputError `emotion.unknown_name`.
    """
    row = np.zeros(len(EMOTIONS), np.float32)
    for name, value in weights.items():
        if name not in EMOTIONS:
            raise InputError(
                "emotion.unknown_name",
                f"There is no emotion called '{name}'.",
                f"Use one of {', '.join(EMOTIONS)}.",
            )
        row[EMOTIONS.index(name)] = value
    ones = np.ones(frames, np.float32)
    return EmotionTrack(
        weights=np.tile(row, (frames, 1)),
        influence=ones * np.float32(influence),
        upper=ones,
        lower=ones,
        geometry=ones,
        appearance=ones,
        keep_closed=ones * np.float32(keep_closed),
        fps=fps,
    )
