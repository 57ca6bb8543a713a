# SPDX-License-Identifier: GPL-3.0-or-later
"""What words for a face become: keys of emotions and action units, and lines that say which words
set what; and the messages by which Blender asks for it (3.12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from . import limits
from .arrays import Float32Array, Float64Array
from .emotion import EMOTIONS
from .errors import InputError
from .message import Message
from .schema import Array, Choice, Number, Several, Text
from .units import UNIT_CHANNELS
from .wording import say_count

_CHANNELS = (*EMOTIONS, *UNIT_CHANNELS)
_CHANNEL = Choice(values=_CHANNELS)
_SAID = 80
_NOTE = 200
_NOTES = 8
_LINES = Several(item=Text(longest=_SAID), most=limits.MAX_DESCRIBED_LINES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Which words set which channel. weight: 0 where they say that it is not there."""

    words: str
    channel: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DescribedKeys:
    """channels: that words set, or say are not there. seconds: (n,) of the keys, ascending, the
    first of which has the face at rest if there are several; one at 0 where words say nothing of
    time. weights: (n, channels). settings: which words set what. notes: sentences on words that
    were not understood, or taken for others."""

    channels: tuple[str, ...]
    seconds: Float64Array  # (n,)
    weights: Float32Array  # (n, channels)
    settings: tuple[Setting, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Described(Message):
    """The fields of `DescribedKeys`; see there (3.12). said, sets, by: the settings, as words,
    channels and (n,) weights."""

    TYPE: ClassVar[str] = "described"
    channels: Annotated[tuple[str, ...], Several(item=_CHANNEL, least=1, most=len(_CHANNELS))]
    seconds: Annotated[Float64Array, Array(dtype="<f8", shape=(None,))]
    weights: Annotated[Float32Array, Array(dtype="<f4", shape=(None, None))]
    said: Annotated[tuple[str, ...], _LINES]
    sets: Annotated[tuple[str, ...], Several(item=_CHANNEL, most=limits.MAX_DESCRIBED_LINES)]
    by: Annotated[Float32Array, Array(dtype="<f4", shape=(None,))]
    notes: Annotated[tuple[str, ...], Several(item=Text(longest=_NOTE), most=_NOTES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe(Message):
    """Asks for the keys of a description. fps: what a frame in the words is (3.12)."""

    TYPE: ClassVar[str] = "describe"
    ANSWER: ClassVar[type[Message] | None] = Described
    text: Annotated[str, Text(longest=limits.MAX_WORDS_CHARACTERS)]
    fps: Annotated[float, Number(low=limits.LEAST_KEY_FPS, high=limits.MOST_FPS)]


def check_words(text: str) -> str:
    """The text in one line. Raises InputError `words.empty`, `words.too_long`."""
    line = " ".join(text.split())
    if not line:
        raise InputError(
            "words.empty", "There are no words.", "Describe a face, such as: a slight smile."
        )
    if len(text) > limits.MAX_WORDS_CHARACTERS:
        raise InputError(
            "words.too_long",
            f"The description has {len(text):,} characters.",
            f"Describe one face in at most {limits.MAX_WORDS_CHARACTERS:,}.",
        )
    return line


def described_message(keys: DescribedKeys) -> Described:
    """The answer that tells of these keys. Of more settings than a message holds the first are
    told, and how many are not."""
    settings = keys.settings[: limits.MAX_DESCRIBED_LINES]
    untold = len(keys.settings) - len(settings)
    notes = [*keys.notes[: _NOTES - 1]]
    if untold:
        notes.append(f"{say_count(untold, 'further setting')} of these words are not listed.")
    return Described(
        channels=keys.channels,
        seconds=keys.seconds,
        weights=keys.weights,
        said=tuple(setting.words[:_SAID] for setting in settings),
        sets=tuple(setting.channel for setting in settings),
        by=np.array([setting.weight for setting in settings], np.float32),
        notes=tuple(note[:_NOTE] for note in notes),
    )


def to_described_keys(said: Described) -> DescribedKeys:
    """The keys that an answer tells of."""
    lengths = {len(said.said), len(said.sets), len(said.by)}
    if said.weights.shape != (len(said.seconds), len(said.channels)) or len(lengths) > 1:
        raise ValueError("the keys of a description are not all of one length")
    return DescribedKeys(
        channels=said.channels,
        seconds=said.seconds,
        weights=said.weights,
        settings=tuple(
            Setting(words=words, channel=channel, weight=float(weight))
            for words, channel, weight in zip(said.said, said.sets, said.by, strict=True)
        ),
        notes=said.notes,
    )
