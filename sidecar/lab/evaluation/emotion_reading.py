# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader of action units reads in the faces that are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....shared.arrays import UInt8Array
from ....shared.errors import JobError
from ....shared.motion import Motion
from .emotion import Cast, Seen, Shown
from .emotion_pairs import VERSION as MIXED
from .emotion_states import ITSELF, MODEL, OFFSET, RECIPE, UNTOUCHED
from .faces import draw_faces, on_paper
from .performances import STATES
from .recognition import (
    Calibration,
    Confusion,
    Reader,
    calibrate,
    empty_confusion,
    read_emotions,
    recognised,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """One subject's. unseen: action units that the reader does not see on it, None if it sees no
    face at all. confusions: by version."""

    unseen: tuple[int, ...] | None
    confusions: dict[str, Confusion]


def read_subject_faces(
    name: str, seen: Sequence[Seen], cast: Cast, reader: Reader, size: int
) -> Readings:
    """Shows the reader the action units on a subject, and then its faces, but for mixed ones."""

    def draw(motion: Motion) -> list[UInt8Array]:
        pictures = draw_faces(cast.subjects[name], motion, cast.head, size, cast.adapter)
        return [on_paper(picture) for picture in pictures]

    try:
        calibration = calibrate(cast.head, reader, draw)
    except JobError:  # the reader finds no face on this subject
        return Readings(unseen=None, confusions={})
    plain = [face for face in seen if face.shown.version != MIXED]
    return Readings(unseen=calibration.unseen, confusions=read_faces(plain, reader, calibration))


def read_faces(
    seen: Sequence[Seen], reader: Reader, calibration: Calibration
) -> dict[str, Confusion]:
    """What the reader reads in one subject's faces, by version. Each face is held against the
    same frame of its version's neutral state, of the model's for the take itself and for the
    offset. The take itself counts in every state's row: it is what one sees if nothing is done.
    """
    scores = reader([on_paper(face.picture) for face in seen])
    row_of = {
        _place(face.shown, face.shown.version, face.shown.state): i for i, face in enumerate(seen)
    }
    references = [row_of[_place(f.shown, _reference(f.shown.version), "neutral")] for f in seen]
    names = read_emotions(scores, scores[references], calibration)
    versions = dict.fromkeys(face.shown.version for face in seen)
    out = {version: empty_confusion() for version in versions}
    for face, name in zip(seen, names, strict=True):
        rows = STATES if face.shown.state == ITSELF else (face.shown.state,)
        for state in rows:
            out[face.shown.version][state][name] += 1
    return out


def _place(shown: Shown, version: str, state: str) -> tuple[str, str, str, int]:
    # A recipe has its own still face, whose only frame is the first.
    return (
        version,
        state,
        shown.take,
        0 if state == "neutral" and version == RECIPE else shown.frame,
    )


def _reference(version: str) -> str:
    return MODEL if version in (UNTOUCHED, OFFSET) else version


def figures_of(readings: Mapping[str, Readings]) -> dict[str, object]:
    """The subjects' readings as JSON and tables have them: "read right", the shares by subject and
    version; "units not seen"; and the counts, but for those of the takes themselves."""
    rows = [(name, v, table) for name, r in readings.items() for v, table in r.confusions.items()]
    return {
        "read right": {f"{name}, {version}": recognised(table) for name, version, table in rows},
        "units not seen": {name: {"units": _units(r)} for name, r in readings.items()},
        "read": {f"{name}, {v}": table for name, v, table in rows if v != UNTOUCHED},
    }


def _units(readings: Readings) -> str:
    unseen = readings.unseen
    return "no face" if unseen is None else ", ".join(str(unit) for unit in unseen)
