# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts in place of what no list knows the word that it is most like (see `likeness`)."""

from __future__ import annotations

from dataclasses import replace

from .likeness import likeness
from .marks import Mark, Reading, Segment
from .vocabulary import Kind, vocabulary

_LEAST_LETTERS = 3
_TELLING: tuple[Kind, ...] = ("feeling", "expression", "neutral", "unit", "part", "act")
_KEPT: tuple[Kind, ...] = ("degree", "deny", "deny_all", "affirm", "pace", "time", "side", "number")


def liken(reading: Reading) -> dict[str, str]:
    """Changes the reading, and returns what was likened to what: segments which say nothing of a
    face, and have a word that is not known."""
    found: dict[str, str] = {}
    for number, segment in enumerate(reading.segments):
        if not _is_strange(segment):
            continue
        text = " ".join(mark.text for mark in segment.marks)
        like = likeness().find(text)
        if like is None:
            continue
        found[text] = like
        told = Mark(at=segment.marks[-1].at, text=text, meanings=vocabulary().phrases[(like,)])
        kept = [mark for mark in segment.marks if mark.get(*_KEPT) is not None]
        reading.segments[number] = replace(segment, marks=(*kept, told))
        gone = {mark.text for mark in segment.marks}
        reading.unknown = [word for word in reading.unknown if word not in gone]
    return found


def _is_strange(segment: Segment) -> bool:
    """Whether a segment says nothing of a face and has a word that may."""
    if any(mark.get(*_TELLING) is not None for mark in segment.marks):
        return False
    return any(
        mark.get("unknown") is not None and len(mark.text) >= _LEAST_LETTERS
        for mark in segment.marks
    )
