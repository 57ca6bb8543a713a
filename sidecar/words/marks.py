# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to marks (a phrase and what it may mean), and marks to segments: the pieces of a text
inside which an act finds its part, and a word like "slightly" what it belongs to."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from ...shared.units import check_unit
from .vocabulary import Kind, Meaning, Vocabulary

_STOPS = ".;!?\n"
_SUBJECTS = ("he", "she", "they", "i", "you", "we")
_SOFT = ",:()/"
_FACS = re.compile(r"au(\d+)(?:_([lr]))?([a-e])?")
_INTENSITIES = {"a": 0.15, "b": 0.3, "c": 0.5, "d": 0.75, "e": 1.0}
_HEADS = ("feeling", "expression", "neutral", "act", "part", "unit")
_LIKE = 0.87
"""How alike a mistyped word is to the one that is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A phrase in a text. at: the number of its first word. meanings: what it may mean."""

    at: int
    text: str
    meanings: tuple[Meaning, ...]

    def get(self, *kinds: Kind) -> Meaning | None:
        """The first meaning of one of these kinds."""
        return next((m for kind in kinds for m in self.meanings if m.kind == kind), None)

    def acts(self) -> tuple[str, ...]:
        """The acts that it may be."""
        return tuple(m.name for m in self.meanings if m.kind == "act")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Marks without a comma or the like between them. begins: "start" of the text, "stop" of a
    sentence, "comma", "break" (but, while), "then"."""

    marks: tuple[Mark, ...]
    begins: str = "start"
    sentence: int = 0


@dataclass(slots=True)
class Reading:
    """What came of reading the words. unknown: words that mean nothing here. mended: mistyped
    words, and as what they were read."""

    segments: list[Segment] = field(default_factory=list[Segment])
    unknown: list[str] = field(default_factory=list[str])
    mended: dict[str, str] = field(default_factory=dict[str, str])


def read_marks(words: list[str], vocabulary: Vocabulary) -> Reading:
    """The segments of the words."""
    reading = Reading()
    words = _said_from_to(words, vocabulary)
    marks: list[Mark] = []
    at = 0
    while at < len(words):
        count, mark = _mark_at(words, at, vocabulary, reading)
        marks.append(mark)
        at += count
    reading.segments = _segments(marks)
    return reading


def _said_from_to(words: list[str], vocabulary: Vocabulary) -> list[str]:
    """Of "from sad to happy" the "to" becomes "then"."""
    words = list(words)
    for at, word in enumerate(words[:-1]):
        _, meanings = vocabulary.find(words, at + 1)
        if word == "from" and any(m.kind in ("feeling", "expression", "neutral") for m in meanings):
            reach = words[at + 2 : at + 7]
            for joint in ("to", "into"):
                if joint in reach:
                    words[at + 2 + reach.index(joint)] = "then"
                    break
    return words


def _mark_at(
    words: list[str], at: int, vocabulary: Vocabulary, reading: Reading
) -> tuple[int, Mark]:
    word = words[at]
    meanings = _fixed_meanings(word)
    if meanings:
        return 1, Mark(at=at, text=word, meanings=meanings)
    count, meanings = vocabulary.find(words, at)
    if not count:
        count, meanings = 1, _mended(word, vocabulary, reading)
    return count, Mark(at=at, text=" ".join(words[at : at + count]), meanings=meanings)


def _fixed_meanings(word: str) -> tuple[Meaning, ...]:
    """What stops, numbers, times and units by number mean."""
    if word in _STOPS or word in _SOFT:
        return (Meaning(kind="stop", phrase=word),)
    if word.startswith("@"):
        return (Meaning(kind="time", phrase=word, value=float(word[1:])),)
    found = _FACS.fullmatch(word)
    if found is not None:
        side = f"_{found[2].upper()}" if found[2] else ""
        check_unit(f"AU{int(found[1])}{side}" if int(found[1]) != 30 or side else "AU30_L")
        value = _INTENSITIES.get(found[3] or "", 0.0)
        return (Meaning(kind="unit", phrase=word, name=f"AU{int(found[1])}{side}", value=value),)
    number = word.rstrip("%")
    if number.replace(".", "", 1).isdigit():
        value = float(number) / (100 if word.endswith("%") else 1)
        return (Meaning(kind="number", phrase=word, value=value),)
    return ()


def _mended(word: str, vocabulary: Vocabulary, reading: Reading) -> tuple[Meaning, ...]:
    """What a word means that is in no list: what one means that it is a misspelling of."""
    if len(word) > 4:
        near = [w for w in vocabulary.heads if w[0] == word[0] and abs(len(w) - len(word)) < 3]
        found = difflib.get_close_matches(word, near, 1, _LIKE)
        if found:
            reading.mended[word] = found[0]
            return vocabulary.phrases[(found[0],)]
    if len(word) > 1:
        reading.unknown.append(word)
    return (Meaning(kind="unknown", phrase=word),)


def _segments(marks: list[Mark]) -> list[Segment]:
    """Cuts at stops, at words such as "but" and "then", and at an "and" between two thoughts that
    are whole without each other."""
    segments: list[Segment] = []
    current: list[Mark] = []
    begins, sentence = "start", 0

    def close(next_begins: str) -> None:
        nonlocal begins, current
        if current:
            segments.append(Segment(marks=tuple(current), begins=begins, sentence=sentence))
            begins = next_begins
        elif begins in ("comma", "start") or next_begins == "then":
            begins = next_begins if begins != "then" else begins
        current = []

    for number, mark in enumerate(marks):
        stop = mark.get("stop")
        if stop is not None:
            close("stop" if stop.phrase in _STOPS else "comma")
            sentence += stop.phrase in _STOPS
        elif mark.get("then") is not None and not _is_act_for(mark, current):
            close("then")
        elif mark.get("break") is not None or (mark.text in _SUBJECTS and _is_whole(current)):
            close("break")
        elif mark.get("and") is not None and _ends_a_thought(current, marks[number + 1 :]):
            close("and")
        else:
            current.append(mark)
    close("")
    return segments


def _is_act_for(mark: Mark, before: list[Mark]) -> bool:
    return mark.get("act") is not None and any(m.get("part") for m in before)


def _ends_a_thought(before: list[Mark], after: list[Mark]) -> bool:
    """Whether an "and" stands between two wholes: each side has a head that is no lone part."""
    rest: list[Mark] = []
    for mark in after:
        if mark.get("stop", "and", "break", "then") is not None:
            break
        rest.append(mark)
    if any(mark.get("deny_all") for mark in before):
        return False
    whole_before = _is_whole(before)
    return whole_before and _is_whole(rest)


def _is_whole(marks: list[Mark]) -> bool:
    has_part = any(mark.get("part") for mark in marks)
    has_act = any(mark.get("act") for mark in marks)
    return (has_part and has_act) or any(
        mark.get("feeling", "expression", "unit", "neutral", "fade") for mark in marks
    )
