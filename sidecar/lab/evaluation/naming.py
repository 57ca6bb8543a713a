# SPDX-License-Identifier: GPL-3.0-or-later
"""What strangers called the faces of blind sheets, as a confusion matrix.

A key says what each cell of each sheet shows, answers say what somebody called it:

    {"s1": {"1": ["open", "fear", "take_0012_closed.png"], ...}, ...}
    {"s1": {"1": "scared", ...}, ...}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ....shared.errors import InputError
from ....shared.wording import say_count
from .page import read_figures
from .performances import STATES
from .recognition import Confusion, empty_confusion

OTHER = "other"
"""A word that is none of the states'."""
WORDS: dict[str, tuple[str, ...]] = {
    "neutral": ("none", "calm", "no emotion", "nothing"),
    "happy": ("happiness", "joy", "joyful", "smiling"),
    "sad": ("sadness", "unhappy", "grief"),
    "angry": ("anger", "furious", "mad"),
    "fear": ("afraid", "scared", "fearful", "frightened", "terror"),
    "disgust": ("disgusted",),
    "surprise": ("surprised", "astonished", "amazed"),
}
"""Other words that say the same, decided before any sheet was named."""
_STATE_OF = {word: state for state, words in WORDS.items() for word in (state, *words)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One face that was named: whose it is, its state, its picture, and the state or `OTHER`
    that it was called."""

    subject: str
    state: str
    picture: str
    called: str


def read_named(paths: tuple[Path, ...]) -> list[Named]:
    """Reads pairs of files, a key and its answers, one after the other.

    Raises InputError `option.named` for half a pair and for answers that do not fit their key,
    `file.damaged` for a file that is no JSON.
    """
    if not paths or len(paths) % 2:
        raise _bad("the files do not come in pairs")
    pairs = zip(paths[::2], paths[1::2], strict=True)
    return [
        named for key, answers in pairs for named in match(read_figures(key), read_figures(answers))
    ]


def match(key: Mapping[str, object], answers: Mapping[str, object]) -> list[Named]:
    """The faces of a key as the answers call them. Raises InputError `option.named` unless the
    answers name each cell of each sheet that they speak of, and no other."""
    named = []
    for sheet, words in answers.items():
        cells = key.get(sheet)
        if not isinstance(cells, Mapping) or not isinstance(words, Mapping):
            raise _bad(f"the key has no sheet '{sheet:.40}'")
        if cells.keys() != words.keys():
            raise _bad(
                f"sheet '{sheet:.40}' has {say_count(len(cells), 'face')} and {len(words)} names"
            )
        named += [_named(cells[cell], words[cell], f"{sheet:.40}, {cell:.40}") for cell in cells]
    if not named:
        raise _bad("nothing is named")
    return named


def _named(face: object, word: object, where: str) -> Named:
    if not (isinstance(face, list) and len(face) >= 3 and all(isinstance(v, str) for v in face)):
        raise _bad(f"the key does not say what {where} shows")
    if face[1] not in STATES or not isinstance(word, str):
        raise _bad(f"the face {where} has no state or no name")
    called = _STATE_OF.get(word.strip().lower(), OTHER)
    return Named(subject=face[0], state=face[1], picture=face[2], called=called)


def confusion_of(named: list[Named]) -> Confusion:
    """[state shown][state called] -> count."""
    counts = empty_confusion(OTHER)
    for face in named:
        counts[face.state][face.called] += 1
    return counts


def share_right(named: list[Named]) -> float:
    """The share of faces that were called what they show."""
    return sum(face.called == face.state for face in named) / max(len(named), 1)


def figures_of(named: list[Named]) -> dict[str, object]:
    """Counts and shares as the page and JSON have them: all faces' confusion and each subject's;
    shares by subject, by state, and by what the lips do where the pictures' names say it."""
    subjects = list(dict.fromkeys(face.subject for face in named))
    forms = [form for form in ("closed", "open") if any(_is_form(face, form) for face in named)]
    groups = {"all": named} | {s: [face for face in named if face.subject == s] for s in subjects}
    groups |= {f"lips {form}": [face for face in named if _is_form(face, form)] for form in forms}
    return {
        "named right": {name: _shares(faces) for name, faces in groups.items()},
        "called": {name: confusion_of(groups[name]) for name in ("all", *subjects)},
    }


def _shares(faces: list[Named]) -> dict[str, object]:
    states = {state: [face for face in faces if face.state == state] for state in STATES}
    shares = {state: share_right(rows) if rows else "" for state, rows in states.items()}
    return {"faces": len(faces), "all": share_right(faces), **shares}


def _is_form(face: Named, form: str) -> bool:
    return face.picture.removesuffix(".png").endswith(f"_{form}")


def _bad(why: str) -> InputError:
    return InputError(
        "option.named",
        f"The names of the faces cannot be counted: {why}.",
        "Give --named KEY.json ANSWERS.json, the key as the sheets were made with it and the "
        'answers as {"sheet": {"cell": "word"}}.',
    )
