# SPDX-License-Identifier: GPL-3.0-or-later
"""Text to words: one spelling for each, and the base forms that a word may come from."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping

_SHORT = {
    "n't": " not", "'s": " 's", "'re": " are", "'ve": " have", "'ll": " will", "'d": " would",
    "'m": " am",
}  # fmt: skip
_WHOLE = {
    "can't": "cannot", "won't": "will not", "ain't": "is not", "cant": "cannot", "dont": "do not",
    "doesnt": "does not", "isnt": "is not", "didnt": "did not", "wont": "will not",
    "can not": "cannot", "gonna": "going to", "wanna": "want to", "per cent": "%", "percent": "%",
    "pct": "%", "let's": "let us", "o'clock": "", "w/o": "without", "w/": "with",
    "and/or": "and", "&": "and",
}  # fmt: skip
_TOKEN = re.compile(
    r"@\d+|au\d+(?:_[lr])?[a-e]?\b|\d*\.?\d+\s*%?|[^\W\d_]+(?:'s\b|')?|[.,;:!?()\n/]"
)
_UNITS = re.compile(r"\baus?\s*(\d+)((?:\s*[+,&/]\s*(?:au\s*)?\d+)+)\b(?!\s*%|\.\d)")
_UNIT = re.compile(r"\bau\s*(\d+)(?:\s*_\s*([lr]))?([a-e])?\b")
_MARKS = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "`": "'", "\u00b4": "'", "\u201c": " ", "\u201d": " ",
        '"': " ", "\u00ab": " ", "\u00bb": " ", "*": " ", "#": " ", "\u2013": " - ",
        "\u2014": " - ", "\u2026": " , ",
    }
)  # fmt: skip
"""Quotation marks, dashes and the like, of which there are several, as one."""
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")
_IRREGULAR = {
    "drew": "draw", "drawn": "draw", "shot": "shoot", "fell": "fall", "fallen": "fall",
    "flew": "fly", "flown": "fly", "rose": "rise", "risen": "rise", "shook": "shake",
    "shaken": "shake", "shown": "show", "threw": "throw", "thrown": "throw", "held": "hold",
    "kept": "keep", "caught": "catch", "hung": "hang", "bit": "bite", "bitten": "bite",
    "wore": "wear", "worn": "wear", "went": "go", "gone": "go", "came": "come", "became": "become",
    "saw": "see", "seen": "see", "stuck": "stick", "swung": "swing", "slid": "slide",
    "sank": "sink", "sunk": "sink", "blew": "blow", "blown": "blow", "thought": "think",
    "wept": "weep", "slept": "sleep", "lit": "light", "left": "left", "felt": "feel",
    "spread": "spread", "began": "begin", "begun": "begin", "grew": "grow", "grown": "grow",
    "stretched": "stretch", "eyes": "eye", "teeth": "teeth", "lost": "lose", "sprang": "spring",
    "sprung": "spring", "dying": "die", "dies": "die", "died": "die", "tears": "tear",
    "broke": "break", "broken": "break", "tore": "tear", "ground": "grind", "lips": "lip",
    "crept": "creep", "leapt": "leap", "bared": "bare", "baring": "bare", "gave": "give",
    "gotten": "get", "burned": "burn", "ate": "eat", "does": "do", "did": "do", "was": "be",
    "were": "be", "smelt": "smell", "hid": "hide", "hidden": "hide", "shone": "shine",
    "whites": "whites", "less": "less", "fought": "fight", "bottom": "bottom",
}  # fmt: skip
_DOUBLED = re.compile(r"(.)\1$")


def plain(text: str, pictures: Mapping[str, str]) -> str:
    """The text in small letters, with one kind of quotation mark, no stretched letters ("soooo"),
    units of FACS as au12_l, percentages as %, and contractions written out. pictures: emoji and
    the like, and what they say."""
    text = unicodedata.normalize("NFKC", text).lower()
    for picture, words in pictures.items():
        if picture in text:
            text = re.sub(rf"(?<![a-z]){re.escape(picture)}(?![a-z])", f" , {words} , ", text)
    text = text.translate(_MARKS)
    text = re.sub(r"(\d)\s*-\s*(\d)", r"\1 to \2", text)
    text = re.sub(r"--+|\.\.\.| - ", " , ", text)
    text = text.replace("-", " ")
    text = re.sub(r"\beye ?(brow|lid)", r"\1", text)
    text = _UNITS.sub(_each_unit, text)
    text = _UNIT.sub(_one_unit, text)
    for short, whole in _WHOLE.items():
        text = re.sub(rf"(?<![\w']){re.escape(short)}(?!\w)", whole, text)
    for short, whole in _SHORT.items():
        text = re.sub(rf"(?<=\w){re.escape(short)}\b", whole if short != "'s" else short, text)
    return _STRETCHED.sub(r"\1", text)


def _each_unit(found: re.Match[str]) -> str:
    numbers = [found[1], *re.findall(r"\d+", found[2])]
    return " and ".join(f"au{number}" for number in numbers)


def _one_unit(found: re.Match[str]) -> str:
    side = f"_{found[2]}" if found[2] else ""
    return f"au{found[1]}{side}{found[3] or ''}"


def split(text: str) -> list[str]:
    """The words, numbers and stops of a `plain` text."""
    return [token.replace(" ", "").strip() or "." for token in _TOKEN.findall(text)]


@functools.lru_cache(4096)
def base_forms(word: str) -> tuple[str, ...]:
    """The word itself, then what it may be a form of: "raised" is also "rais" and "raise"."""
    forms = [word]
    if word in _IRREGULAR:
        forms.append(_IRREGULAR[word])
    if word.endswith(("'s", "'")):
        bare = word.rstrip("'s") if word.endswith("'") else word[:-2]
        forms.append(bare)
        word = bare
    for ending, others in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 2:
            stem = word[: -len(ending)]
            forms += [stem + other for other in others]
            if ending in ("ed", "ing", "er", "est") and _DOUBLED.search(stem):
                forms.append(stem[:-1])
    return tuple(dict.fromkeys(forms))


_ENDINGS = (
    ("ies", ("y",)), ("ied", ("y",)), ("ier", ("y",)), ("iest", ("y",)), ("ily", ("y",)),
    ("s", ("",)), ("es", ("",)), ("ed", ("e", "")), ("ing", ("e", "")), ("er", ("e", "")),
    ("est", ("e", "")), ("ly", ("", "le")), ("ingly", ("", "e")), ("edly", ("", "e")),
    ("y", ("",)), ("ness", ("",)), ("ful", ("",)),
)  # fmt: skip
