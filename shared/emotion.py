# SPDX-License-Identifier: GPL-3.0-or-later
"""The emotion track: what the animator keyframed, sampled once per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import limits
from .arrays import Float32Array, FloatArray
from .errors import InputError
from .units import UNIT_CHANNELS, UNIT_OF, check_unit
from .wording import say_count

EMOTIONS = ("happy", "sad", "angry", "fear", "disgust", "surprise")
"""The six emotions in the order of every (…, 6) array. Neutral is all zeros."""

CONTROLS = ("influence", "upper", "lower", "geometry", "appearance", "keep_closed")
"""The six controls that travel beside the weights, one value per frame."""

OPENERS = ("surprise",)
"""Emotions that open the mouth by nature."""

CHANNELS = EMOTIONS + CONTROLS
"""What every head shows, and an animator can key."""

EVERY_CHANNEL = CHANNELS + UNIT_CHANNELS
"""Those and the channels of action units."""

USUALLY_CLOSED = 0.5
"""`keep_closed` where nobody keys it: held lips stay closed, but for `OPENERS`."""
SKIN_MEMORY_S = 3.0
"""For so long an emotion is seen in the skin that has flushed with it."""
_WHOLLY_OPENER = 0.1
"""From this weight on, all that an opener alone opens may be open; below, softly less."""


def largest_value(channel: str) -> float:
    """Upper end of a channel's range, a unit's too; the lower end is 0."""
    if channel in UNIT_OF:
        return limits.MAX_UNIT_WEIGHT
    if channel in EMOTIONS:
        return limits.MAX_EMOTION_WEIGHT
    return 1.0 if channel in ("influence", "keep_closed") else limits.MAX_STRENGTH


def usual_value(channel: str) -> float:
    """What a channel is where nobody keys it."""
    if channel in EMOTIONS or channel in UNIT_OF:
        return 0.0
    return USUALLY_CLOSED if channel == "keep_closed" else 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmotionTrack:
    """Emotion curves sampled at T frames.

    weights: (T, 6) float32 in `EMOTIONS` order, 0..1, up to 1.5 by hand; neutral is zeros.
    influence: (T,) 0..1, how far the performance's own emotion is replaced; 0 leaves the
        performance untouched, bit for bit.
    upper, lower: (T,) 0..2, strength above and below the nose's tip.
    geometry, appearance: (T,) 0..2, strength of the two branches of the modulation.
    keep_closed: (T,) 0..1, how far lips that the take holds closed through a silence stay closed:
        0 lets every emotion open them, 0.5 only those of `OPENERS`, 1 none. See `kept_shares`.
    fps: frames per second, the take's.
    unit_names: channels of action units that act somewhere, in `UNIT_CHANNELS` order. units: (T, n)
        their weights, 0..1.5, whatever `influence` is; None where there are none.

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
    unit_names: tuple[str, ...] = ()
    units: Float32Array | None = None  # (T, n)

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
                    f"The curve {name} has the shape {values.shape} for "
                    f"{say_count(frames, 'frame')}.",
                    "Give one value for each frame.",
                )
            check_curve(name, values, largest_value(name))
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise InputError(
                "emotion.range", f"The frame rate is {self.fps}.", "Give a rate above 0."
            )
        self._check_units(frames)

    def _check_units(self, frames: int) -> None:
        for name in self.unit_names:
            check_unit(name)
        if self.unit_names != tuple(name for name in UNIT_CHANNELS if name in self.unit_names):
            raise InputError(
                "emotion.shape",
                "The action units of the track are not in order, or one is there twice.",
                "Report this.",
            )
        shape = None if self.units is None else self.units.shape
        if shape != ((frames, len(self.unit_names)) if self.unit_names else None):
            raise InputError(
                "emotion.shape",
                f"The weights of {say_count(len(self.unit_names), 'action unit')} have the shape "
                f"{shape} for {say_count(frames, 'frame')}.",
                "Give one row for each frame, with a weight for each unit.",
            )
        for column, name in enumerate(self.unit_names):
            assert self.units is not None
            check_curve(name, self.units[:, column], limits.MAX_UNIT_WEIGHT)

    def __len__(self) -> int:
        return len(self.weights)

    def unit_curves(self) -> dict[str, Float32Array]:
        """(T,) of each channel of an action unit that acts somewhere."""
        if self.units is None:
            return {}
        return dict(zip(self.unit_names, self.units.T, strict=True))

    def shown_weights(self) -> Float32Array:
        """(T, 6) the weights as far as the motion shows them: where nothing is replaced, the
        performance's own emotion is seen, which is none of these."""
        return self.weights * np.minimum(self.influence * self.geometry, 1)[:, None]


def kept_shares(keep_closed: Float32Array) -> Float32Array:
    """(…, 6) how far each emotion leaves held lips closed, 0..1, for a control of (…)."""
    kept = np.minimum(2 * keep_closed, 1)
    opened = opened_level(keep_closed)
    return np.stack([opened if name in OPENERS else kept for name in EMOTIONS], -1)


def opened_level(keep_closed: Float32Array) -> Float32Array:
    """(…,) how far what opens the mouth by nature leaves held lips closed, for a control of (…)."""
    return np.maximum(2 * keep_closed - 1, 0)


def kept_level(weights: FloatArray, keep_closed: Float32Array) -> FloatArray:
    """(…,) how far held lips stay closed under weights (…, 6): what the emotions leave, by weight;
    without emotion, what those leave that are no openers."""
    opener = [name in OPENERS for name in EMOTIONS]
    share = weights[..., opener].sum(-1) / np.maximum(weights.sum(-1), _WHOLLY_OPENER)
    kept = kept_shares(keep_closed)
    opened, others = kept[..., opener].mean(-1), kept[..., np.logical_not(opener)].mean(-1)
    return others + share * (opened - others)


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
    frames: int,
    fps: float,
    *,
    influence: float = 1.0,
    keep_closed: float = USUALLY_CLOSED,
    **weights: float,
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
