# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the take in a folder: one file of it, or the files in which a tracker wrote a frame each.

VHAP's export (`flame_param/00000.npz`), metrical-tracker's `checkpoint/00000.frame`, EMOCA's and
inferno's folder of arrays for each frame, DECA's folder with a .mat for each, and VHAP's own
output, of which the last epoch is taken. Around them lie pictures, cameras and earlier stages. The
folder nearest to the top in which there is a take has it; more than one take there is an error that
names them. Endings only say what is worth a look; the content tells what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ...shared import limits
from ...shared.errors import InputError
from ...shared.wording import say_count
from ..files import too_large
from .numbering import frame_numbers, numbered, pattern
from .raw_take import RawTake
from .records import join_takes, several
from .shelf import Folder, Listing, Shelf, join

_EPOCHS = "tracked_flame_params"
_NO_TAKES = ("canonical",)  # VHAP's face with an open mouth, which is no frame
_EARLIER = {"optim.pkl": "smoothed.pkl", "code.json": "flame_params.json"}
"""Files of an earlier stage -> the later one, which is taken if both are there."""
ARRAYS = ("exp", "pose", "shape", "jawpose", "globalpose")
"""EMOCA's and inferno's npy files of one frame."""
_FRAMES = (".npz", ".frame", ".npy", ".pkl", ".pickle", ".pt", ".pth", ".mat", ".json")
_TAKES = (*_FRAMES, ".csv", ".tsv", ".jsonl", ".ndjson", ".gesichter")
TAKE_ENDINGS = (*_TAKES, ".zip", ".txt")
"""Of files that may hold a take by themselves."""
_MOST_DEPTH = 5
_MOST_FOLDERS = limits.MAX_FRAMES
_MOST_TRIED = 64  # files that may be a take; a data set's folder has ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What may be a take. name: what notes call it. parts: its files in frame order. names: of the
    frames, which have their numbers. arrays: the parts are EMOCA's folders of arrays."""

    name: str
    parts: list[str]
    names: list[str]
    arrays: bool = False


Decode = Callable[[Shelf, Source], list[RawTake]]
"""Decodes the parts of a source, each by itself."""


def read_folder(shelf: Shelf, decode: Decode) -> RawTake:
    """Reads the one take in a folder.

    Raises InputError `file.folder` (`file.wrong_kind` of an archive) if there is none,
    `motion.several` if there is more than one, `motion.mixed`, `motion.too_long`, `file.*`.
    """
    faults: list[InputError] = []
    tried = 0
    for level in _levels(shelf):
        sources = _later(level)[:_MOST_TRIED]
        found: list[tuple[Source, RawTake]] = []
        for source in sources:
            try:
                found.append((source, _read_source(shelf, source, decode)))
            except InputError as error:
                faults.append(error)
        tried += len(sources)
        if found:
            return _only(shelf, found)
        serious = [fault for fault in faults if fault.code != "file.wrong_kind"]
        if serious:
            raise serious[0]
    if tried == 1:
        raise faults[0]
    raise shelf.without_take(f": {faults[0].message}" if faults else ".")


def siblings(path: Path) -> int:
    """How many files beside this one have its name with another number, itself included."""
    own = _pattern(path.name)
    try:
        return sum(_pattern(name) == own for name in Folder(path.parent).listing("").files)
    except InputError:
        return 1


def _only(shelf: Shelf, found: list[tuple[Source, RawTake]]) -> RawTake:
    """The one take; single frames count only if there is nothing else."""
    longer = [(source, raw) for source, raw in found if len(raw) > 1] or found
    if len(longer) > 1:
        raise several(shelf.label, [source.name for source, _ in longer])
    source, raw = longer[0]
    if source.name in ("", shelf.label):
        return raw
    return replace(raw, notes=(f"Read {source.name}, the take in {shelf.label}.", *raw.notes))


def _read_source(shelf: Shelf, source: Source, decode: Decode) -> RawTake:
    if len(source.parts) > limits.MAX_FRAMES:
        raise InputError(
            "motion.too_long",
            f"{shelf.label} has {say_count(len(source.parts), 'frame')}; {limits.MAX_FRAMES} are "
            "allowed.",
            "Cut the take into parts.",
        )
    takes = decode(shelf, source)
    if len(takes) == 1:
        return takes[0]
    numbers = frame_numbers(source.names, shelf.label)
    if any(len(take) != 1 for take in takes):
        raise several(shelf.label, source.names)
    return numbered(join_takes(takes), numbers, "files")


def _levels(shelf: Shelf) -> Iterator[list[Source]]:
    """What may be takes, folder by folder from the top down."""
    places = [""]
    for _ in range(_MOST_DEPTH):
        listings = {place: shelf.listing(place) for place in places}
        yield [s for place, inside in listings.items() for s in _sources(shelf, place, inside)]
        places = [join(p, name) for p, inside in listings.items() for name in inside.folders]
        places.sort(key=_order)
        if not places or len(places) > _MOST_FOLDERS:
            return


def _sources(shelf: Shelf, place: str, inside: Listing) -> list[Source]:
    """What may be takes in one folder."""
    names = [name for name in inside.files if not name.startswith(_NO_TAKES)]
    epochs = [name for name in names if name.startswith(_EPOCHS) and name.endswith(".npz")]
    if epochs:
        return [_single(join(place, max(epochs, key=_order)))]
    if "exp.npy" in inside.files:
        return [Source(name=place, parts=[place], names=[place], arrays=True)]
    sources = _frame_folders(shelf, place, inside)
    series: dict[str, list[str]] = {}
    for name in names:
        series.setdefault(_pattern(name), []).append(name)
    for alike, members in series.items():
        ending = Path(alike).suffix.lower()
        if len(members) > 1 and "#" in Path(alike).stem and ending in _FRAMES:
            sources.append(_series(place, sorted(members, key=_order), inside))
        elif ending in _TAKES:
            sources += [_single(join(place, name)) for name in members]
    return sources


def _series(place: str, members: list[str], inside: Listing) -> Source:
    size = sum(inside.files[name] for name in members)
    if size > limits.MAX_MOTION_BYTES:
        raise too_large(place or members[0], size, limits.MAX_MOTION_BYTES, "take")
    stems = [name.rsplit(".", 1)[0] for name in members]
    return Source(name=place, parts=[join(place, name) for name in members], names=stems)


def _single(path: str) -> Source:
    return Source(name=path, parts=[path], names=[path])


def _frame_folders(shelf: Shelf, place: str, inside: Listing) -> list[Source]:
    """Folders of one frame each: EMOCA's with arrays, DECA's with a .mat."""
    arrays: list[str] = []
    matrices: dict[str, str] = {}
    for name in sorted(inside.folders, key=_order)[:_MOST_FOLDERS]:
        inner = shelf.listing(join(place, name)).files
        mats = [file for file in inner if file.lower().endswith(".mat")]
        if "exp.npy" in inner:
            arrays.append(name)
        elif len(mats) == 1:
            matrices[name] = join(name, mats[0])
    sources = []
    for names, parts in ((arrays, arrays), (list(matrices), list(matrices.values()))):
        if len(names) > 1:
            whole = [join(place, part) for part in parts]
            arrays_too = parts is arrays
            sources.append(Source(name=place, parts=whole, names=names, arrays=arrays_too))
    return sources


def _later(level: list[Source]) -> list[Source]:
    """The sources without those of an earlier stage."""
    names = {source.name for source in level}

    def superseded(source: Source) -> bool:
        folder, _, name = source.name.rpartition("/")
        later = _EARLIER.get(name) or name.replace("_raw.", "_cal.")  # Live Link's calibrated take
        return later != name and join(folder, later) in names

    return [source for source in level if not superseded(source)]


def _pattern(name: str) -> str:
    """A file's name with "#" for each number in its stem."""
    stem, dot, ending = name.rpartition(".")
    return pattern(stem or ending) + dot + (ending if stem else "")


def _order(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key that compares numbers in names by value: frame 10 comes after frame 9."""
    parts = re.split(r"(\d{1,18})", name)
    return [(1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts], name
