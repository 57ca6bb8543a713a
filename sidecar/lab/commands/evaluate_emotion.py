# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt evaluate emotion`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ....shared.wording import say_count
from .evaluate import parse_against
from .evaluate_pictures import make_reader, take_names

if TYPE_CHECKING:
    from ...modulation.modulator import Modulator
    from ..evaluation.emotion import Cast, Seen, Shown
    from ..evaluation.emotion_states import Take, Version
    from ..evaluation.recognition import Reader

FACE_PIXELS = (64, 2048)
MOST_FRAMES_EACH = 20


@dataclass(frozen=True, kw_only=True)
class Emotion:
    """Show takes in every emotion on heads and avatars: a picture of each face, how strongly it
    moves, what it keeps of the speech, what a reader of action units reads, and a sheet."""

    out: Path
    """Folder for the results; the faces come into OUT/faces/VERSION/SUBJECT/STATE."""
    subjects: tuple[str, ...] = ("open", "open-gaussians")
    """Heads and avatars, as `affekt render --avatar` takes them."""
    motions: tuple[Path, ...] = ()
    """The takes: trackers' files. Two held-out sentences of the anchors if absent."""
    adapter: Path | None = None
    """Adapter for takes and subjects on FLAME (`affekt adapter build`)."""
    modulator: Path | None = None
    """A trained modulator; the one that ships if absent."""
    against: tuple[str, ...] = ()
    """Modulators to show in the same frames, each as NAME=FILE."""
    baselines: bool = False
    """Also show the takes untouched and with the emotions' mean offsets."""
    recipes: bool = False
    """Also show the anchors' recipes straight on each subject's rig, every variant."""
    pairs: bool = False
    """Also show pairs of emotions, both at 1 and at 0.5."""
    frames_each: int = 2
    """Frames of each take: by turns one with lips held shut, one with parted lips."""
    size: int = 384
    """Pixels of each face's edges."""
    measure: bool = True
    """Also measure displacements, landmarks, closures and jitter: a minute for each mesh."""
    reader_python: Path | None = None
    """A Python that has mediapipe 1.2; without it no action units are read."""
    reader_model: Path | None = None
    """MediaPipe's landmark model, face_landmarker.task."""
    named: tuple[Path, ...] = ()
    """Nothing is drawn; strangers' names are counted: KEY.json ANSWERS.json, a pair for each set of
    sheets."""

    def run(self) -> None:
        from ...render.images import make_folder
        from ..evaluation.page import write_page

        if self.named:
            self._count_names()
        else:
            self._check()
            reader = make_reader(self.reader_python, self.reader_model)
            make_folder(self.out)
            self._judge(reader)
        print(f"wrote {write_page(self.out)}")

    def _count_names(self) -> None:
        from ...files import write_whole
        from ...render.images import make_folder
        from ..evaluation.naming import figures_of, read_named
        from ..evaluation.page import markdown_of, write_figures

        figures = figures_of(read_named(self.named))
        make_folder(self.out)
        write_figures(self.out / "named.json", figures)
        table = markdown_of(figures)
        write_whole(self.out / "named.md", table.encode())
        print(table)

    def _check(self) -> None:
        from ....shared.errors import InputError

        low, high = FACE_PIXELS
        if not low <= self.size <= high:
            message = f"A face of {self.size} pixels cannot be judged."
            raise InputError("option.size", message, f"Give a --size from {low} to {high}.")
        if not 1 <= self.frames_each <= MOST_FRAMES_EACH:
            raise InputError(
                "option.frames_each",
                f"{say_count(self.frames_each, 'frame')} of each take cannot be shown.",
                f"Give --frames-each from 1 to {MOST_FRAMES_EACH}.",
            )

    def _judge(self, reader: Reader | None) -> None:
        from ...files import write_whole
        from ...modulation.modulator import load_modulator
        from ..evaluation.emotion import plan_faces, plan_recipes
        from ..evaluation.emotion_measures import check_cast, measure_subjects
        from ..evaluation.emotion_pairs import plan_pairs
        from ..evaluation.page import markdown_of, write_figures

        cast = self._cast()
        check_cast(cast)
        modulator, takes = load_modulator(self.modulator), self._takes(cast)
        states = _states(modulator)
        plan = plan_faces(takes, self._versions(states, cast), cast.head, self.frames_each)
        plan += plan_recipes(cast.head) if self.recipes else []
        mixed = plan_pairs(takes, modulator, cast.head) if self.pairs else []
        figures = self._show([*plan, *mixed], cast, reader)
        if self.measure:
            print("measuring …", flush=True)
            figures |= measure_subjects(takes, cast, modulator, states, mixed)
        write_figures(self.out / "emotion.json", figures)
        write_whole(self.out / "emotion.md", markdown_of(figures).encode())

    def _cast(self) -> Cast:
        from ...head.read import OPEN, read_head
        from ...motion.adapter import read_adapter
        from ...render.shot import read_subject
        from ..evaluation.emotion import Cast

        names = take_names(tuple(Path(name) for name in self.subjects))
        pairs = zip(names, self.subjects, strict=True)
        return Cast(
            subjects={name: read_subject(path) for name, path in pairs},
            head=read_head(OPEN),
            adapter=None if self.adapter is None else read_adapter(self.adapter),
        )

    def _takes(self, cast: Cast) -> list[Take]:
        from ...motion.adapter import to_open
        from ...motion.read import read_motion
        from ..evaluation.emotion_states import Take
        from ..evaluation.performances import speak_held_out

        if not self.motions:
            spoken = speak_held_out(2, 5, cast.head)
            # The first is said calmly, the second in another state, which must be taken out.
            return [
                Take(name=f"sentence_{i + 1}", motion=made.sources[i])
                for i, made in enumerate(spoken)
            ]
        return [
            Take(name=name, motion=to_open(read_motion(path), cast.head, cast.adapter))
            for path, name in zip(self.motions, take_names(self.motions), strict=True)
        ]

    def _versions(self, states: Version, cast: Cast) -> dict[str, Version]:
        from ...modulation.modulator import load_modulator
        from ..evaluation.emotion_states import (
            ITSELF,
            MODEL,
            OFFSET,
            RECIPE,
            UNTOUCHED,
            offset_states,
            offsets_of,
        )

        others = parse_against(self.against, (MODEL, UNTOUCHED, OFFSET, RECIPE))
        versions = {MODEL: states} | {
            name: _states(load_modulator(path)) for name, path in others.items()
        }
        if self.baselines:
            offsets = offsets_of(cast.head)
            versions[UNTOUCHED] = lambda take: {ITSELF: take}
            versions[OFFSET] = lambda take: offset_states(take, offsets)
        return versions

    def _show(self, plan: Sequence[Shown], cast: Cast, reader: Reader | None) -> dict[str, object]:
        from ..evaluation.emotion import show, write_faces
        from ..evaluation.emotion_page import shrink
        from ..evaluation.emotion_reading import Readings, figures_of, read_subject_faces

        seen: list[Seen] = []
        readings: dict[str, Readings] = {}
        for name in cast.subjects:
            print(f"{name}: {say_count(len(plan), 'face')} …", flush=True)
            faces = show(name, cast, plan, self.size)
            write_faces(self.out / "faces", faces)
            seen += [shrink(face) for face in faces]
            if reader is not None:
                readings[name] = read_subject_faces(name, faces, cast, reader, self.size)
        self._write_sheets(seen, plan, cast)
        return figures_of(readings) if readings else {}

    def _write_sheets(self, seen: Sequence[Seen], plan: Sequence[Shown], cast: Cast) -> None:
        from ...render.images import write_png
        from ..evaluation.emotion_measures import distinct_meshes
        from ..evaluation.emotion_page import (
            displacement_sheet,
            emotion_sheet,
            pair_sheet,
            recipe_sheet,
        )
        from ..evaluation.emotion_states import MODEL, OFFSET

        meshes = distinct_meshes(cast.subjects)
        sheets = {
            "emotion_1_states": emotion_sheet(seen, MODEL),
            "emotion_2_offset": emotion_sheet(seen, OFFSET),
            "emotion_3_recipes": recipe_sheet(seen),
            "emotion_4_pairs": pair_sheet(seen),
            "emotion_5_displacement": displacement_sheet(meshes, plan, cast),
        }
        for name, picture in sheets.items():
            if picture is not None:
                write_png(self.out / f"{name}.png", picture)


def _states(modulator: Modulator) -> Version:
    from ..evaluation.emotion_states import states_of

    return cache(partial(states_of, modulator=modulator))
