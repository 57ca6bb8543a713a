# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets of judged faces, for the eye. Every face comes in as `shrink` makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from ....shared.arrays import UInt8Array
from ....shared.emotion import EMOTIONS
from ...render.sheets import contact_sheet
from ...render.shot import motion_for
from .emotion import Cast, Seen, Shown
from .emotion_pairs import PAIR_WEIGHTS, PAIRS, VERSION, combinations
from .emotion_states import FORMS, MODEL, RECIPE, join
from .faces import displacement_map, on_paper
from .performances import STATES

CELL = 208
"""Pixels of a face on a sheet."""


def emotion_sheet(seen: Sequence[Seen], version: str = MODEL) -> UInt8Array | None:
    """Rows: each subject with its lips shut and parted in the take, each subject another take;
    columns: `STATES`. None without faces of the version."""
    rows: list[list[Seen]] = []
    subjects = list(dict.fromkeys(face.subject for face in seen))
    for number, subject in enumerate(subjects):
        for form in FORMS:
            faces = [
                f
                for f in seen
                if (f.subject, f.shown.version, f.shown.form) == (subject, version, form)
            ]
            takes = list(dict.fromkeys(face.shown.take for face in faces))
            if takes:
                take = takes[number % len(takes)]
                rows.append([_first(faces, take, state) for state in STATES])
    if not rows:
        return None
    labels = [f"{f.shown.state}, {f.subject}, lips {f.shown.form}" for row in rows for f in row]
    pictures = [face.picture for row in rows for face in row]
    return contact_sheet(pictures, labels, len(STATES), title=version)


def _first(faces: Sequence[Seen], take: str, state: str) -> Seen:
    return next(f for f in faces if f.shown.take == take and f.shown.state == state)


def recipe_sheet(seen: Sequence[Seen]) -> UInt8Array | None:
    """Rows: each subject's emotions; columns: the recipes. None without faces of recipes."""
    rows = [
        [f for f in seen if (f.subject, f.shown.state, f.shown.version) == (subject, state, RECIPE)]
        for subject in dict.fromkeys(face.subject for face in seen)
        for state in EMOTIONS
    ]
    columns = max((len(row) for row in rows), default=0)
    if not columns:
        return None
    blank = np.full((CELL, CELL, 3), 245, np.uint8)
    pictures, labels = [], []
    for row in rows:
        spare = columns - len(row)
        pictures += [*(face.picture for face in row), *[blank] * spare]
        labels += [
            *(f"{f.shown.state} {f.shown.frame + 1}, {f.subject}" for f in row),
            *[""] * spare,
        ]
    return contact_sheet(pictures, labels, columns, title="recipes straight on the rig")


def pair_sheet(seen: Sequence[Seen]) -> UInt8Array | None:
    """Rows: each subject with each of `PAIRS`, a subject's takes by turns; columns: one emotion,
    the other, both at 1, both at .5. None without mixed faces."""
    pictures, labels = [], []
    for subject in dict.fromkeys(face.subject for face in seen):
        faces = [f for f in seen if (f.subject, f.shown.version) == (subject, VERSION)]
        takes = list(dict.fromkeys(face.shown.take for face in faces))
        for number, pair in enumerate(PAIRS):
            if takes:
                take = takes[number % len(takes)]
                row = [_first(faces, take, state) for state in combinations(pair)]
                pictures += [face.picture for face in row]
                labels += [f"{f.shown.state}, {f.subject}" for f in row]
    return contact_sheet(pictures, labels, 2 + len(PAIR_WEIGHTS)) if pictures else None


def displacement_sheet(
    meshes: Mapping[str, Sequence[str]], plan: Sequence[Shown], cast: Cast
) -> UInt8Array:
    """Rows: each mesh; columns: each emotion, at the plan's first frame of the model: how far the
    skin moved from the same frame in neutral."""
    first = next(shown for shown in plan if shown.version == MODEL)
    frames = {
        shown.state: shown.motion
        for shown in plan
        if (shown.version, shown.take, shown.frame) == (MODEL, first.take, first.frame)
    }
    pictures, labels = [], []
    for name in meshes:
        subject = cast.subjects[name]
        for emotion in EMOTIONS:
            both = join([frames["neutral"], frames[emotion]])
            pair = motion_for(subject, both, cast.adapter)
            pictures.append(on_paper(displacement_map(subject, pair, cast.head, CELL)))
            labels.append(f"{emotion}, {name}")
    return contact_sheet(
        pictures, labels, len(EMOTIONS), title="displacement from neutral, 0 to 15 mm"
    )


def shrink(face: Seen) -> Seen:
    """The face as a sheet shows it, on paper and `CELL` pixels large; its picture takes far less
    memory."""
    laid = on_paper(face.picture)
    small = cv2.resize(laid, (CELL, CELL), interpolation=cv2.INTER_AREA)
    return replace(face, picture=np.asarray(small, np.uint8))
