# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets: emotions that people really show, by name, as values of the emotion channels; and the
file that keeps an animator's own.

    {"version": 1, "presets": [{"name": "Shy", "happy": 0.4, "fear": 0.2, "lower": 0.8}]}

A channel that an entry leaves out is neutral: 0 for an emotion, 1 for a strength.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from . import limits
from .emotion import EMOTIONS, largest_value
from .errors import InputError

POSE = (*EMOTIONS, "upper", "lower")
"""The channels that a preset sets, all of them: what the one before has set never shines through.
How far the take's own emotion is replaced is the shot's matter, not a preset's."""

VERSION = 1
MOST_NAME = 40
_REMEDY = "Move it away, or put the copy of before in its place."


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A name, and the values of the channels that are not neutral. Raises InputError
    `preset.name`, `preset.values`."""

    name: str
    values: dict[str, float]

    def __post_init__(self) -> None:
        if self.name != self.name.strip() or not self.name.isprintable() or not self.name:
            raise InputError(
                "preset.name",
                f"'{self.name:.40}' cannot be a preset's name.",
                "Use letters, digits and words, with nothing before and behind them.",
            )
        if len(self.name) > MOST_NAME:
            raise InputError(
                "preset.name",
                f"The preset's name '{self.name:.40}...' is too long.",
                f"Use at most {MOST_NAME} letters.",
            )
        for channel, value in self.values.items():
            if channel not in POSE or not 0 <= value <= largest_value(channel):
                raise InputError(
                    "preset.values",
                    f"The preset '{self.name}' sets {channel:.40} to {value:g}.",
                    f"A preset sets {', '.join(POSE)}, each from 0 to at most "
                    f"{limits.MAX_EMOTION_WEIGHT:g}, the last two to {limits.MAX_STRENGTH:g}.",
                )

    @property
    def pose(self) -> dict[str, float]:
        """The value of every channel of `POSE`."""
        return {name: self.values.get(name, _neutral(name)) for name in POSE}


def picture_name(name: str) -> str:
    """The file name of a built-in preset's picture."""
    return f"{name.lower().replace(' ', '_')}.png"


def preset_of(name: str, pose: dict[str, float]) -> Preset:
    """A preset of these values of `POSE`."""
    values = {channel: round(value, 4) for channel, value in pose.items()}
    return Preset(name=name, values={c: v for c, v in values.items() if v != _neutral(c)})


def _neutral(channel: str) -> float:
    return 0.0 if channel in EMOTIONS else 1.0


def _table(**presets: dict[str, float]) -> tuple[Preset, ...]:
    return tuple(
        Preset(name=name.replace("_", " "), values=values) for name, values in presets.items()
    )


# Pairs are those that people produce and tell apart (Du, Tao and Martinez 2014, "Compound facial
# expressions of emotion"); strengths were chosen by eye, from the pictures.
BUILT_IN = _table(
    Happy={"happy": 1.0},
    Sad={"sad": 1.0},
    Angry={"angry": 1.0},
    Fear={"fear": 1.0},
    Disgust={"disgust": 1.0},
    Surprise={"surprise": 1.0},
    Gentle_Smile={"happy": 0.25},
    Forced_Smile={"happy": 0.9, "upper": 0.1},
    Delight={"happy": 1.0, "surprise": 0.9},
    Nervous_Laughter={"happy": 1.0, "fear": 0.8},
    Bittersweet={"happy": 0.7, "sad": 0.8},
    Gloating={"happy": 0.8, "angry": 0.8},
    Melancholy={"sad": 0.35},
    Grief={"sad": 1.5, "fear": 0.5, "lower": 1.3},
    Hurt={"sad": 0.9, "angry": 0.6},
    Irritation={"angry": 0.15},
    Held_Anger={"angry": 1.0, "lower": 0.25},
    Outrage={"angry": 1.0, "surprise": 0.9},
    Rage={"angry": 1.5, "fear": 0.5, "lower": 1.4},
    Hatred={"angry": 1.0, "disgust": 0.9},
    Contempt={"happy": 0.35, "angry": 0.3, "lower": 0.6},
    Appalled={"disgust": 0.9, "surprise": 0.8},
    Worry={"fear": 0.25, "sad": 0.35},
    Anguish={"sad": 1.0, "fear": 0.9},
    Terror={"fear": 1.4, "surprise": 0.7},
    Awe={"surprise": 0.6, "happy": 0.1},
    Curiosity={"surprise": 0.15, "lower": 0.5},
    Disbelief={"surprise": 0.7, "disgust": 0.3, "lower": 0.6},
)
"""The six emotions, then what people show of several at once."""


def encode_presets(presets: tuple[Preset, ...]) -> bytes:
    """The file's text."""
    listed = [{"name": preset.name, **preset.values} for preset in presets]
    content = {"version": VERSION, "presets": listed}
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def decode_presets(data: bytes) -> tuple[Preset, ...]:
    """The presets of the file's text. Raises InputError `preset.file`, `preset.name`,
    `preset.values`."""
    try:
        if len(data) > limits.MAX_TRACK_BYTES:
            raise ValueError
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged("it is not whole JSON") from error
    if not isinstance(content, dict) or not isinstance(content.get("presets"), list):
        raise _damaged("it has no list called 'presets'")
    if content.get("version") != VERSION:
        raise _damaged("another version of Affekt has written it")
    presets = tuple(_preset(entry) for entry in content["presets"])
    names = [preset.name for preset in presets]
    if len(set(names)) < len(names):
        raise _damaged("two of them have the same name")
    return presets


def _preset(entry: object) -> Preset:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise _damaged("one of them has no name")
    values = {channel: value for channel, value in entry.items() if channel != "name"}
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in values.values()):
        raise _damaged(f"a value of '{entry['name']:.40}' is not a number")
    return Preset(name=entry["name"], values={c: float(v) for c, v in values.items()})


def _damaged(why: str) -> InputError:
    return InputError("preset.file", f"The file of your presets cannot be read: {why}.", _REMEDY)
