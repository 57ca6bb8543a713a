# SPDX-License-Identifier: GPL-3.0-or-later
"""Basic words of other languages: German, French, Spanish, Italian and Portuguese become English
word by word; others are said."""

from __future__ import annotations

import functools
import tomllib
import unicodedata
from pathlib import Path

from ...shared.errors import InputError
from .vocabulary import vocabulary

_FILE = Path(__file__).with_name("languages.toml")
_LEAST_STEM = 3
_MOST_ENDING = 3
"""How many letters an ending may have that a word has behind what the table names."""
_CLEAR = 2


@functools.cache
def _tables() -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def into_english(words: list[str]) -> tuple[str, list[str]]:
    """The language that the words are in, and the same in English. Raises InputError
    `words.language` for one that is not known here."""
    letters = [word for word in words if word[:1].isalpha()]
    _check_script(letters)
    english = sum(_is_english(word) for word in letters)
    tables = _tables()
    hits = {
        name: sum(_translated(word, table) is not None for word in letters)
        for name, table in tables["known"].items()
    }
    others = {
        name: sum(word in said["words"].split() for word in letters)
        + sum(any(mark in word for mark in said["letters"]) for word in letters)
        for name, said in tables["other"].items()
    }
    best, most = max(hits.items(), key=lambda hit: hit[1])
    other, foreign = max(others.items(), key=lambda hit: hit[1])
    if foreign > max(english, most) or (foreign >= _CLEAR and foreign >= max(english, most)):
        raise _unknown_language(other)
    if most <= english or not letters:
        return "English", words
    table = tables["known"][best]
    return best, [new for word in words for new in (_translated(word, table) or word).split()]


def _check_script(words: list[str]) -> None:
    for word in words:
        for letter in word:
            name = unicodedata.name(letter, "").split()[0]
            if letter.isalpha() and name not in ("LATIN", "MASCULINE", "FEMININE", ""):
                raise _unknown_language({"CJK": "Chinese or Japanese"}.get(name, name.title()))


def _unknown_language(name: str) -> InputError:
    return InputError(
        "words.language",
        f"The words look like {name}, which is not understood.",
        f"Describe the face in English, or in basic {', '.join(_tables()['known'])}.",
    )


@functools.lru_cache(4096)
def _is_english(word: str) -> bool:
    return vocabulary().find([word], 0)[0] > 0


def _translated(word: str, table: dict[str, str]) -> str | None:
    """What a word of the table is in English; endings that bend it are left out of account."""
    if word in table:
        return table[word]
    for count in range(1, _MOST_ENDING + 1):
        stem = word[:-count]
        if len(stem) >= _LEAST_STEM and f"{stem}~" in table:
            return table[f"{stem}~"]
    return table.get(f"{word}~")
