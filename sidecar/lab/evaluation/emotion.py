# SPDX-License-Identifier: GPL-3.0-or-later
"""Subjects x takes x states: the faces that are judged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....shared.arrays import UInt8Array
from ....shared.head import HeadModel
from ....shared.motion import Motion, cut_motion
from ...motion.adapter import LinearAdapter
from ...render.images import make_folder, write_png
from ...render.shot import Subject
from .emotion_states import RECIPE, Take, Version, frames_of, join, recipe_states
from .faces import draw_faces


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """One frame that every subject is to show. version: such as `MODEL`; state: of `STATES`, or
    `ITSELF`; motion: the one frame, in space "open"."""

    version: str
    state: str
    take: str
    frame: int
    form: str
    motion: Motion

    @property
    def file(self) -> str:
        return f"{_plain(self.take)}_{self.frame:04d}_{_plain(self.form)}.png"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A shown frame on a subject. picture: (H, W, 4) sRGB, straight alpha, or (H, W, 3)."""

    subject: str
    shown: Shown
    picture: UInt8Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cast:
    """The subjects by name, the open head, and the adapter for subjects on FLAME."""

    subjects: Mapping[str, Subject]
    head: HeadModel
    adapter: LinearAdapter | None = None


def plan_faces(
    takes: Sequence[Take], versions: Mapping[str, Version], head: HeadModel, frames_each: int
) -> list[Shown]:
    """The frames to show of each take in each version and state. With one frame a take, lips are
    held shut in every second take and parted in the others."""
    shown = []
    for index, take in enumerate(takes):
        picks = frames_of(take.motion, head, frames_each, first=index)
        for version, make in versions.items():
            shown += [
                _shown(version, state, take.name, motion, *pick)
                for state, motion in make(take.motion).items()
                for pick in picks
            ]
    return shown


def plan_recipes(head: HeadModel) -> list[Shown]:
    """Each emotion's recipes on a still face, one variant a frame."""
    return [
        _shown(RECIPE, state, "still", motion, frame, f"variant_{frame + 1}")
        for state, motion in recipe_states(head).items()
        for frame in range(len(motion))
    ]


def _shown(version: str, state: str, take: str, motion: Motion, frame: int, form: str) -> Shown:
    one = cut_motion(motion, frame, frame + 1)
    return Shown(version=version, state=state, take=take, frame=frame, form=form, motion=one)


def show(name: str, cast: Cast, plan: Sequence[Shown], size: int) -> list[Seen]:
    """Draws the planned frames on one subject."""
    motion = join([shown.motion for shown in plan])
    pictures = draw_faces(cast.subjects[name], motion, cast.head, size, cast.adapter)
    pairs = zip(plan, pictures, strict=True)
    return [Seen(subject=name, shown=shown, picture=picture) for shown, picture in pairs]


def write_faces(out: Path, seen: Sequence[Seen]) -> None:
    """Writes the pictures as OUT/VERSION/SUBJECT/STATE/TAKE_FRAME_FORM.png. Raises InputError
    `file.not_writable`."""
    for face in seen:
        shown = face.shown
        folder = out / _plain(shown.version) / _plain(face.subject) / _plain(shown.state)
        make_folder(folder)
        write_png(folder / shown.file, face.picture)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip(".") or "_"
