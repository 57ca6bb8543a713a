# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheet of a batch: its columns, what their cells may hold, and a CSV file that grows by a row.

`affekt batch` reads sheets, Blender's *Add to Batch* writes them: both check a row here.
"""

from __future__ import annotations

import contextlib
import csv
import difflib
import io
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TextIO

from .emotion import CHANNELS, EMOTIONS, largest_value
from .errors import InputError, not_writable
from .pictures import PASSES
from .presets import BUILT_IN
from .replacement import replacing
from .units import check_unit

COLUMNS = {
    "take": "the take: a tracker's file or its folder of frames",
    "out": "the folder of this row's results, inside that of the batch",
    "emotions": "a file of keys, a preset's name, or words such as happy 0.7, sad 0.2",
    "avatar": "an avatar's file, open or open-gaussians",
    "head": "the head that the avatar sits on, or that the bake moves",
    "character": "a character's GLB with ARKit's shapes",
    "outputs": "what is made, such as bake, png",
    "frames": "a range such as 100-200, both included, counted from 0",
    "size": "the pictures' size, such as 512 or 1920x1080",
    "passes": "the passes of an EXR, or all",
    "camera": "a camera file",
    "adapter": "the adapter of a take on FLAME",
    "sound": "the take's sound, for the video",
    "fps": "the take's rate, where its file does not say",
    "scene": "a .blend file, in whose light and world Blender draws",
}
"""A sheet's columns, and what stands in them. Only `REQUIRED` must be there."""
REQUIRED = ("take", "out")
OUTPUTS = {
    "bake": "motion.npz and report.json",
    "cache": "vertices.pc2, which Blender's Mesh Cache modifier plays",
    "png": "pictures with alpha, and depth",
    "exr": "multilayer pictures with passes",
    "mp4": "a video of the pictures",
    "arkit": "ARKit's weights as JSON",
    "livelink": "ARKit's weights as Live Link Face's CSV",
    "vhap": "FLAME's parameters as VHAP's and GaussianAvatars' npz",
    "lam": "FLAME's parameters as LAM's JSON",
    "ply": "Gaussians, a PLY a frame",
    "compressed": "Gaussians, a compressed PLY a frame",
    "spz": "Gaussians, an SPZ a frame",
    "usd": "Gaussians over time in one file of USD",
    "blender": "pictures of the Gaussians that Blender 5.3 draws itself",
    "glb": "the character's file with an animation of its weights, character.glb",
}
"""What a row can make, and as what."""
DRAWN = ("png", "exr", "mp4", "ply", "compressed", "spz", "usd", "blender")
"""Outputs that need an avatar."""
OWN_NAMES = ("report.html", "affekt.openjd.json", "affekt.flamenco.json", "affekt_batch.js")
"""Files in a batch's folder that are no row's."""
MOST_BYTES = 64 * 1024 * 1024
"""A sheet of a hundred thousand rows has 20 MB."""
MOST_ROWS = 100_000
_TRIES = 8
_MEANT = {"flame": "vhap", "video": "mp4", "gltf": "glb", "mesh": "cache", "pc2": "cache"}
_SIZE = re.compile(r"([1-9]\d{0,4})(?:\s*[xX]\s*([1-9]\d{0,4}))?")
_FRAMES = re.compile(r"\d{1,9}(\s*-\s*\d{1,9})?")
_WORD = re.compile(
    r"(?P<name>AU\d+(?:_[A-Za-z])?(?![.\d])|[A-Za-z_][A-Za-z_ ]*?)\s*(?P<value>\d*\.?\d+)?"
)
_SPLIT = re.compile(r"[\s,;+]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """A row of a sheet, checked as far as its own cells go. number: 1 for the first one behind the
    header. Paths are as they were written, relative to the sheet's folder; `out` is relative to the
    batch's. frames and fps are "" where they are not given; size: (width, height), or none."""

    number: int
    take: str
    out: str
    emotions: str = ""
    avatar: str = ""
    head: str = ""
    character: str = ""
    outputs: tuple[str, ...] = ()
    frames: str = ""
    size: tuple[int, ...] = ()
    passes: tuple[str, ...] = ()
    camera: str = ""
    adapter: str = ""
    sound: str = ""
    fps: str = ""
    scene: str = ""


def check_columns(names: Iterable[str]) -> tuple[str, ...]:
    """The columns' names of a sheet, in small letters. Raises InputError `batch.column` for one
    that there is not, one that is there twice, or one that is missing."""
    found = tuple(name.strip().lower() for name in names)
    for name in found:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, 1, 0.6)
            raise InputError(
                "batch.column",
                f"The sheet has a column '{name:.40}', which there is not.",
                (f"Did you mean '{near[0]}'? " if near else "") + f"Use {', '.join(COLUMNS)}.",
            )
        if found.count(name) > 1:
            raise InputError(
                "batch.column", f"The sheet has two columns '{name}'.", "Keep one of the two."
            )
    return found


def check_row(
    cells: Mapping[str, str], number: int, is_description: Callable[[str], bool] | None = None
) -> SheetRow:
    """The row of these cells, by column. is_description: whether free words for a face can be made
    into keys; None where nobody can tell. Raises InputError `batch.column`, `batch.cell`,
    `emotion.*`."""
    check_columns(cells)
    given = {name.strip().lower(): text.strip() for name, text in cells.items()}
    for name, text in given.items():
        if any(unicodedata.category(letter) == "Cc" for letter in text):
            raise _bad(name, "holds a character that cannot be seen", "Type the cell again.")
    for name in REQUIRED:
        if not given.get(name):
            raise _bad(name, "is empty", f"Write {COLUMNS[name]}.")
    row = SheetRow(
        number=number,
        out=_place(given.pop("out")),
        outputs=_outputs(given.pop("outputs", ""), given),
        size=_size(given.pop("size", "")),
        passes=_passes(given.pop("passes", "")),
        **given,
    )
    if row.frames and not _FRAMES.fullmatch(row.frames):
        raise _bad("frames", f"is '{row.frames:.40}'", "Write a range like 100-200.")
    if row.fps and not re.fullmatch(r"\d{1,4}(\.\d{1,6})?", row.fps):
        raise _bad("fps", f"is '{row.fps:.40}'", "Write a rate like 29.97.")
    if row.emotions and not names_a_file(row.emotions):
        try:
            emotions_of_words(row.emotions)
        except InputError:
            if is_description is None or not is_description(row.emotions):
                raise
    return row


def names_a_file(emotions: str) -> bool:
    """Whether a cell of emotions names a file, and not words."""
    return emotions.lower().endswith((".json", ".csv"))


def emotions_of_words(text: str) -> dict[str, float]:
    """The channels that words set: "happy 0.7, sad 0.2", a preset's name, or both added up. A
    number behind a preset's name is its strength. Action units go by their channels' names:
    "happy 0.7, AU12_L 0.4". Raises InputError `emotion.unknown_name`,
    `emotion.range`."""
    values: dict[str, float] = {}
    for part in re.split(r"[,;+]", text):
        found = _WORD.fullmatch(part.strip())
        if found is None:
            raise _unreadable_emotion(part.strip(), text)
        strength = float(found["value"] or 1)
        for channel, value in _channels_of(found["name"].strip()).items():
            weight = value * strength if channel in EMOTIONS else value
            weight = (
                strength if channel in (found["name"], found["name"].strip().lower()) else weight
            )
            values[channel] = values.get(channel, 0.0) + weight
    for channel, value in values.items():
        if value > largest_value(channel):
            raise InputError(
                "emotion.range",
                f"'{text:.60}' sets {channel} to {value:g}, more than {largest_value(channel):g}.",
                "Give a smaller value.",
            )
    return {channel: round(value, 6) for channel, value in values.items()}


def _channels_of(name: str) -> dict[str, float]:
    if name.lower() in CHANNELS:
        return {name.lower(): 1.0}
    if re.match(r"AU\d", name):
        check_unit(name)
        return {name: 1.0}
    if name.lower() == "neutral":
        return {"influence": 1.0}
    for preset in BUILT_IN:
        if preset.name.lower() == name.lower():
            return preset.values
    raise _unknown_emotion(name)


def _unreadable_emotion(part: str, text: str) -> InputError:
    """The error for a part of the words that is no name with a strength behind it."""
    if not _begins_with_a_name(part):
        return _unknown_emotion(part)
    return InputError(
        "emotion.not_a_number",
        f"'{part:.40}' in '{text:.60}' cannot be read.",
        "Write a number from 0 on behind each name, with a point and commas between them: "
        "happy 0.7, sad 0.2.",
    )


def _begins_with_a_name(part: str) -> bool:
    known = (*CHANNELS, *(preset.name.lower() for preset in BUILT_IN))
    return part[:1].isdigit() or any(part.lower().startswith(f"{name} ") for name in known)


def _unknown_emotion(name: str) -> InputError:
    known = (*CHANNELS, *(preset.name for preset in BUILT_IN))
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return InputError(
        "emotion.unknown_name",
        f"'{name:.40}' is no emotion, no preset, and no file of keys.",
        (f"Did you mean '{near[0]}'? " if near else "")
        + f"Write neutral, {', '.join(EMOTIONS)}, a preset's name, or a .json or .csv file.",
    )


def _outputs(text: str, given: Mapping[str, str]) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(name for name in _SPLIT.split(text.lower()) if name))
    if not asked:
        asked = (
            ("glb",) if given.get("character") else ("png",) if given.get("avatar") else ("bake",)
        )
    for name in asked:
        if name not in OUTPUTS:
            near = difflib.get_close_matches(name, OUTPUTS, 1, 0.6)
            meant = _MEANT.get(name) or (near[0] if near else "")
            raise _bad(
                "outputs",
                f"has '{name:.40}', which there is not",
                (f"Did you mean {meant}? " if meant else "") + f"Use {', '.join(OUTPUTS)}.",
            )
        if name in DRAWN and not given.get("avatar"):
            raise _bad("avatar", f"is empty, but {name} shows one", "Name one, such as open.")
        if name == "glb" and not given.get("character"):
            raise _bad("character", "is empty, but glb is its file", "Name its GLB.")
    return asked


def _passes(text: str) -> tuple[str, ...]:
    asked = tuple(name for name in _SPLIT.split(text.lower()) if name)
    for name in asked:
        if name not in (*PASSES, "all"):
            raise _bad("passes", f"has '{name:.40}'", f"Use {', '.join(PASSES)}, or all.")
    return asked


def _size(text: str) -> tuple[int, ...]:
    found = _SIZE.fullmatch(text)
    if text and found is None:
        raise _bad("size", f"is '{text:.40}'", "Write it like 512 or 1920x1080.")
    return (int(found[1]), int(found[2] or found[1])) if found else ()


def _place(text: str) -> str:
    """The row's folder, as a path inside the batch's."""
    place = PurePosixPath(text.replace("\\", "/"))
    parts = place.parts
    is_inside = bool(parts) and not (place.is_absolute() or ".." in parts or ":" in text)
    if not is_inside or parts[0][0] == "." or parts[0].casefold() in OWN_NAMES:
        raise _bad(
            "out", f"is '{text:.60}'", "Name a folder inside that of the batch, such as line_012."
        )
    return place.as_posix()


def _bad(column: str, what: str, remedy: str) -> InputError:
    return InputError("batch.cell", f"The cell '{column}' {what}.", remedy)


class _ChangedError(Exception):
    """Somebody else has written the sheet meanwhile."""


def append_row(path: Path, cells: Mapping[str, str]) -> SheetRow:
    """Appends a row to a CSV sheet, which is made if it is not there; a column that it lacks is
    added to it. The rows that are there stay, also those that others append at the same time,
    apart by what they were apart by, and the file is never half written. Raises InputError
    `batch.*`, `emotion.*` with the sheet as it was."""
    for _ in range(_TRIES):
        with contextlib.suppress(_ChangedError):
            return _append(path, cells)
    raise InputError(
        "batch.sheet",
        f"The sheet {path.name} is being written by others all the time.",
        "Try again, or choose another sheet.",
    )


def _append(path: Path, cells: Mapping[str, str]) -> SheetRow:
    """Raises `_ChangedError`, and as `append_row`."""
    before = _stamp(path)
    columns, rows, mark = (), list[dict[str, str]](), ","
    if before is not None:
        with _reading(path) as file:
            mark = _mark(file)
            columns, lines = _parse(file, mark, path)
            rows = list(lines)
    row = check_row(cells, len(rows) + 1)
    if out_key(row.out) in {out_key(other.get("out", "")) for other in rows}:
        raise same_output(row.out)
    new = {name.strip().lower(): text.strip() for name, text in cells.items() if text.strip()}
    columns = (*columns, *(name for name in COLUMNS if name in new and name not in columns))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", delimiter=mark, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows([*rows, new])
    try:
        with replacing(path) as partial:
            partial.write_bytes(text.getvalue().encode("utf-8"))
            if _stamp(path) != before:
                raise _ChangedError
    except (OSError, ValueError) as error:
        raise not_writable(path, error) from error
    return row


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Which file lies there, as it was last written; None if none does."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise not_writable(path, error) from error
    return about.st_ino, about.st_size, about.st_mtime_ns


def same_output(out: str) -> InputError:
    """The error for a row whose results another row makes too."""
    return InputError(
        "batch.same_output",
        f"Another row has the folder '{out:.60}' too.",
        "Give each row a folder of its own.",
    )


def out_key(out: str) -> str:
    """What two rows may not have in common, also on a disk that does not tell large letters from
    small ones, or a letter from its parts."""
    place = PurePosixPath(out.replace("\\", "/")).as_posix()
    return unicodedata.normalize("NFC", place).casefold()


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV sheet, one by one, as cells by column without the empty ones; cells are
    apart by commas, semicolons or tabs. Raises InputError `batch.sheet`, `batch.column`."""
    with _reading(path) as file:
        yield from _parse(file, _mark(file), path)[1]


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[TextIO]:
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # a device or a pipe might have no end
            raise bad_sheet(path, "is no file")
        if about.st_size > MOST_BYTES:
            raise bad_sheet(path, "is larger than a sheet can be")
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise bad_sheet(path, "is no text in UTF-8") from error
    except csv.Error as error:
        raise bad_sheet(path, f"is no CSV: {error}") from error
    except OSError as error:
        raise bad_sheet(path, f"cannot be read: {error.strerror}") from error


def _mark(file: TextIO) -> str:
    """What stands between the cells, by the first line."""
    first = file.readline()
    file.seek(0)
    return max(",;\t", key=first.count)


def _parse(file: TextIO, mark: str, path: Path) -> tuple[tuple[str, ...], Iterator[dict[str, str]]]:
    lines = (line for line in csv.reader(file, delimiter=mark, strict=True) if any(line))
    header = next(lines, None)
    if header is None:
        raise bad_sheet(path, "is empty")
    columns = check_columns(header)
    return columns, _rows(columns, lines, path)


def _rows(
    columns: tuple[str, ...], lines: Iterator[list[str]], path: Path
) -> Iterator[dict[str, str]]:
    for number, line in enumerate(lines, 1):
        if any(line[len(columns) :]):
            raise bad_sheet(path, f"has more cells in row {number} than columns")
        yield {n: t for n, t in zip(columns, line, strict=False) if t.strip()}


def bad_sheet(path: Path, what: str) -> InputError:
    """The error for a file that is no sheet."""
    return InputError(
        "batch.sheet",
        f"The sheet {path.name} {what}.",
        f"Write a CSV or TOML with the columns {', '.join(REQUIRED)} and others: docs/farm.md.",
    )
