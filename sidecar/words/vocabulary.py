# SPDX-License-Identifier: GPL-3.0-or-later
"""The lexicon: which phrases mean what. Read once from `lexicon.toml` and `grammar.toml`."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .tokens import base_forms

Kind = Literal[
    "feeling", "expression", "neutral", "part", "act", "unit", "degree", "amount", "side",
    "deny", "deny_all", "affirm", "cold", "and", "break", "than", "only", "again", "pace",
    "end", "then", "first", "fade", "hold", "brief", "skip", "number", "time", "stop", "unknown",
]  # fmt: skip
_FOLDER = Path(__file__).parent
ARTICLES = ("the", "a", "an", "his", "her", "their", "its", "your", "my", "is", "are", "was")
"""Words inside a phrase that make no difference to it."""
_OVER_AND = ("no", "without", "neither", "lose", "free of", "without any", "devoid of", "nor")
"""Denials that reach over an "and": "without anger and fear", but not "not smiling and angry"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One thing that a phrase may mean. name: of a part, an act, a side, a unit, or an expression's
    group. weights: channels as written, with `_one` and `_lopsided` where the side is open. value:
    a degree's factor, an amount, a pace in seconds."""

    kind: Kind
    phrase: str
    name: str = ""
    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    removes: tuple[str, ...] = ()
    value: float = 0.0
    is_event: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the face. of: the part whose acts hold where it has none. units: all of it."""

    name: str
    of: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Every phrase by its words, the parts, what acts do to them, what feelings show in them.
    pictures: emoji, and their
    words. heads: single words that by themselves say something of a face, for mended spellings."""

    phrases: Mapping[tuple[str, ...], tuple[Meaning, ...]]
    longest: Mapping[str, int]
    parts: Mapping[str, Part]
    acts: Mapping[str, Mapping[str, Mapping[str, float]]]
    shown: Mapping[str, Mapping[str, Mapping[str, float]]]
    heads: tuple[str, ...]
    pictures: Mapping[str, str]

    def find(self, words: list[str], at: int) -> tuple[int, tuple[Meaning, ...]]:
        """The longest phrase that begins at a word, as words taken and its meanings; (0, ()) where
        there is none. A phrase as it was written comes before one by base forms; articles inside
        it do not count."""
        longest = max((self.longest.get(form, 0) for form in base_forms(words[at])), default=0)
        places = [at]
        for place in range(at + 1, min(len(words), at + 2 * longest)):
            if words[place] not in ARTICLES:
                places.append(place)
        for count in range(min(longest, len(places)), 0, -1):
            for phrase in _spellings([words[place] for place in places[:count]]):
                found = self.phrases.get(phrase)
                if found is not None:
                    return places[count - 1] + 1 - at, found
        return 0, ()

    def act_weights(self, part: str, act: str) -> Mapping[str, float] | None:
        """What an act does to a part, its own or that of the part that it belongs to; None where
        the part cannot."""
        name = part
        while name:
            found = self.acts.get(name, {}).get(act)
            if found is not None:
                return found
            name = self.parts[name].of
        return None

    def region(self, part: str) -> str:
        """The region of `shown` in which a part lies."""
        name = part
        while self.parts[name].of:
            name = self.parts[name].of
        return {"lip": "mouth", "teeth": "mouth", "lower_teeth": "mouth", "jaw": "mouth",
                "chin": "mouth", "tongue": "mouth"}.get(name, name)  # fmt: skip


def _spellings(words: list[str]) -> Iterator[tuple[str, ...]]:
    """The words as they are, then by their base forms, one or all of them."""
    forms = [base_forms(word) for word in words]
    yield tuple(words)
    if len(words) > 4:
        yield tuple(form[-1] for form in forms)
        return
    combined: list[tuple[str, ...]] = [()]
    for form in forms:
        combined = [(*before, one) for before in combined for one in form]
    yield from combined[1:]


@functools.cache
def vocabulary() -> Vocabulary:
    """The vocabulary that ships."""
    lexicon = tomllib.loads((_FOLDER / "lexicon.toml").read_text(encoding="utf-8"))
    grammar = tomllib.loads((_FOLDER / "grammar.toml").read_text(encoding="utf-8"))
    phrases: dict[tuple[str, ...], list[Meaning]] = {}
    for meaning in (*_of_lexicon(lexicon), *_of_grammar(grammar)):
        first, *rest = meaning.phrase.split()
        words = (first, *(word for word in rest if word not in ARTICLES))
        phrases.setdefault(words, []).append(meaning)
    longest: dict[str, int] = {}
    for words in phrases:
        longest[words[0]] = max(longest.get(words[0], 0), len(words))
    heads = ("feeling", "expression", "part", "act", "neutral")
    return Vocabulary(
        phrases={words: tuple(meanings) for words, meanings in phrases.items()},
        longest=longest,
        parts={
            name: Part(name=name, of=part.get("of", ""), units=tuple(part["units"]))
            for name, part in lexicon["part"].items()
        },
        acts=lexicon["acts"],
        shown=lexicon["shown"],
        pictures=grammar["emoji"],
        heads=tuple(
            words[0]
            for words, meanings in phrases.items()
            if len(words) == 1 and len(words[0]) > 4 and any(m.kind in heads for m in meanings)
        ),
    )


def _of_lexicon(lexicon: Mapping[str, object]) -> Iterator[Meaning]:
    for kind in ("feeling", "expression", "neutral"):
        for entry in lexicon[kind]:  # pyright: ignore[reportGeneralTypeIssues]
            for phrase in entry["words"]:
                yield Meaning(
                    kind=kind,
                    phrase=phrase,
                    name=entry.get("group") or " ".join(entry.get("set", [kind])),
                    weights=entry.get("set", {}),
                    removes=tuple(entry.get("removes", ())),
                    is_event=entry.get("event", False),
                )
    for kind in ("part", "act"):
        for name, entry in lexicon[kind].items():  # pyright: ignore[reportAttributeAccessIssue]
            for phrase in entry["words"]:
                yield Meaning(kind=kind, phrase=phrase, name=name)
    for name, names in lexicon["unit"].items():  # pyright: ignore[reportAttributeAccessIssue]
        for phrase in names:
            yield Meaning(kind="unit", phrase=phrase, name=name)


def _of_grammar(grammar: Mapping[str, object]) -> Iterator[Meaning]:
    for entry in grammar["degree"]:  # pyright: ignore[reportGeneralTypeIssues]
        for phrase in entry["words"]:
            yield Meaning(kind="degree", phrase=phrase, value=entry["factor"])
    for kind in ("amount", "pace"):
        for phrase, value in grammar[kind].items():  # pyright: ignore[reportAttributeAccessIssue]
            yield Meaning(kind=kind, phrase=phrase, value=value)
    for name, phrases in grammar["side"].items():  # pyright: ignore[reportAttributeAccessIssue]
        yield from _plain("side", phrases, name)
    for name, phrases in grammar["end"].items():  # pyright: ignore[reportAttributeAccessIssue]
        yield from _plain("end", phrases, name)
    denials: Mapping[str, list[str]] = grammar["deny"]  # pyright: ignore[reportAssignmentType]
    for phrase in denials["words"]:
        yield Meaning(kind="deny_all" if phrase in _OVER_AND else "deny", phrase=phrase)
    yield from _plain("affirm", denials["affirm"])
    yield from _plain("cold", denials["cold"])
    for table in ("join", "time"):
        for kind, phrases in grammar[table].items():  # pyright: ignore[reportAttributeAccessIssue]
            yield from _plain(kind, phrases)
    yield from _plain("skip", grammar["skip"]["words"])  # pyright: ignore[reportIndexIssue]


def _plain(kind: Kind, phrases: Iterable[str], name: str = "") -> Iterator[Meaning]:
    for phrase in phrases:
        yield Meaning(kind=kind, phrase=phrase, name=name)
