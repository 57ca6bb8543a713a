# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to an expression of action units and emotions, and to keys where words speak of time."""

from __future__ import annotations

from dataclasses import dataclass

from ...shared.described import Setting, check_words
from ...shared.emotion import EMOTIONS
from ...shared.errors import InputError
from ...shared.expression import Expression
from .languages import into_english
from .likening import liken
from .marks import read_marks
from .stages import Stage, fill_weights, folded, read_stages
from .timeline import Key, make_keys
from .times import take_times
from .tokens import plain, split
from .vocabulary import vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What words say of a face. expression: the most that each channel does. keys: over time,
    empty where the words do not speak of time. settings: which words set what. unknown: words that
    were not understood. mended: mistyped words and what they were read as.
    likened: words that no list knows, and the one of a list that they are most like."""

    expression: Expression
    keys: tuple[Key, ...]
    settings: tuple[Setting, ...]
    unknown: tuple[str, ...]
    mended: dict[str, str]
    likened: dict[str, str]
    language: str


def describe(text: str, *, fps: float = 24.0, likens: bool = True) -> Description:
    """Reads a description. fps: what a frame in the words is. likens: whether pieces of the text in
    which no list knows a word are compared with what is known. Raises InputError `words.empty`,
    `words.too_long`, `words.language`, `words.no_expression`, `words.contradiction`."""
    text = check_words(text)
    timed, times = take_times(plain(text, vocabulary().pictures), fps)
    words = split(timed)
    language, words = into_english(words)
    reading = read_marks(words, vocabulary())
    likened = liken(reading) if likens else {}
    stages, is_timed = read_stages(reading, times, vocabulary())
    if not stages:
        raise _no_expression(text)
    fill_weights(stages)
    keys = make_keys(stages) if is_timed else []
    return Description(
        expression=_largest(stages),
        keys=tuple(Key(seconds=k.seconds, weights=folded(k.weights)) for k in keys),
        settings=_folded_settings(stages),
        unknown=tuple(dict.fromkeys(reading.unknown)),
        mended=reading.mended,
        likened=likened,
        language=language,
    )


def _no_expression(text: str) -> InputError:
    shown = " ".join(text.split())
    return InputError(
        "words.no_expression",
        f"'{shown:.60}' says nothing of a face that is known here.",
        "Describe an expression, such as: a slight smile, left brow raised.",
    )


def _largest(stages: list[Stage]) -> Expression:
    most: dict[str, float] = {}
    for stage in stages:
        for channel, weight in stage.weights.items():
            most[channel] = max(most.get(channel, 0.0), weight)
    both = folded(most)
    return Expression(
        units={name: weight for name, weight in both.items() if name not in EMOTIONS},
        emotions={name: weight for name, weight in both.items() if name in EMOTIONS},
    )


def _folded_settings(stages: list[Stage]) -> tuple[Setting, ...]:
    """The settings with one line for both sides where they are alike."""
    found: list[Setting] = []
    for stage in stages:
        by_words: dict[str, dict[str, float]] = {}
        for setting in stage.settings:
            by_words.setdefault(setting.words, {})[setting.channel] = setting.weight
        for words, weights in by_words.items():
            for channel, weight in folded(weights).items():
                found.append(Setting(words=words, channel=channel, weight=round(weight, 3)))
    return tuple(found)
