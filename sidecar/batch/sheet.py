# SPDX-License-Identifier: GPL-3.0-or-later
"""A sheet as rows: from a CSV, a TOML, or takes by a pattern. Rows are read one by one, and each is
a row or what is wrong with it, so that ten thousand rows take no more memory than ten.

    [[row]]
    take = "line_012.csv"
    emotions = "happy 0.7"
    out = "line_012"
"""

from __future__ import annotations

import glob
import itertools
import os
import stat
import tomllib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...shared.batch_sheet import (
    COLUMNS,
    MOST_BYTES,
    MOST_ROWS,
    SheetRow,
    bad_sheet,
    check_columns,
    check_row,
    names_a_file,
    out_key,
    read_csv,
    same_output,
)
from ...shared.errors import AffektError, InputError
from ...shared.wording import say_count
from ..files import read_bytes
from ..motion.folder import TAKE_ENDINGS
from .described import is_description
from .task import OWN

FILES = ("take", "avatar", "head", "character", "camera", "adapter", "sound", "scene")
"""Columns that name files; `emotions` may name one."""
FOLDERS = ("take", "avatar")
"""Those of them that may be a folder: a tracker's frames, an avatar of several files."""
EMBEDDED = ("open", "open-gaussians")
RESULTS = (
    *("motion.npz", "report.json", "take.npz", "vertices.pc2", "character.glb", "arkit.json"),
    *("livelink.csv", "vhap.npz", "lam.json", "avatar.usdc"),
)
RESULT_FOLDERS = ("png", "exr", "ply", "compressed", "spz", "blender")
"""What a row makes in its folder, as `plan.py` names it."""
_WILD = "*?["
_SLOT_BITS = 18
"""2.6 slots for each of `MOST_ROWS`; 2 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A row that cannot be made. cells: as far as they were read."""

    number: int
    cells: Mapping[str, str]
    error: AffektError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet. path: of its CSV or TOML, a folder of takes, or a pattern such as takes/*.csv.
    defaults: by column, for cells that are empty. target: the batch's folder, if it is known."""

    path: Path
    defaults: Mapping[str, str]
    target: Path | None = None

    @property
    def folder(self) -> Path:
        """What its paths are relative to."""
        return Path() if _is_pattern(self.path) or self.path.is_dir() else self.path.parent

    def rows(self) -> Iterator[SheetRow | Fault]:
        """The rows from the first one on, paths made whole. Raises InputError `batch.sheet`,
        `batch.column` for a sheet that is none, which is known before the first row."""
        check_columns(self.defaults)
        outs, made, number = _Seen(), self._places(), 0
        for number, given in enumerate(self._cells(), 1):
            if number > MOST_ROWS:
                raise bad_sheet(self.path, f"has more than {say_count(MOST_ROWS, 'row')}")
            cells = {**self.defaults, **given}
            try:
                row = self._whole(check_row(cells, number, is_description))
                if not outs.add(out_key(row.out)):
                    raise same_output(row.out)
                self._check_files(row, made)
                yield row
            except AffektError as error:
                yield Fault(number=number, cells=cells, error=error)
        if not number:
            raise bad_sheet(self.path, "has no rows")

    def _cells(self) -> Iterator[dict[str, str]]:
        if _is_pattern(self.path) or self.path.is_dir():
            return _found_takes(self.path)
        if self.path.suffix.lower() == ".toml":
            return _read_toml(self.path)
        return read_csv(self.path)

    def _whole(self, row: SheetRow) -> SheetRow:
        """The row with paths that hold wherever the work is done."""
        named = {name: getattr(row, name) for name in FILES}
        if names_a_file(row.emotions):
            named["emotions"] = row.emotions
        return replace(row, **{name: self._path(text) for name, text in named.items() if text})

    def _path(self, text: str) -> str:
        return text if text in EMBEDDED else str((self.folder / text).absolute())

    def _places(self) -> _Seen:
        """The rows' folders, where the batch's is known."""
        seen = _Seen()
        if self.target is not None:
            for cells in itertools.islice(self._cells(), MOST_ROWS):
                seen.add(out_key(cells.get("out", "")))
        return seen

    def _check_files(self, row: SheetRow, made: _Seen) -> None:
        """Raises InputError `file.missing` for a file that is not there, `file.folder` and
        `file.wrong_kind` for what is none, `option.same_file` for what a row makes. made: the
        folders of all rows."""
        names = (*FILES, "emotions") if names_a_file(row.emotions) else FILES
        for name in names:
            text = str(getattr(row, name))
            if text and text not in EMBEDDED:
                check_kind(Path(text), name, may_be_folder=name in FOLDERS)
                self._check_is_source(Path(text), made)

    def _check_is_source(self, path: Path, made: _Seen) -> None:
        """Raises InputError `option.same_file` for a file that a row of this sheet would replace
        while another one reads it."""
        if self.target is None:
            return
        path, target = (Path(os.path.normpath(place)) for place in (path, self.target))
        if not path.is_relative_to(target):
            return
        place = path.relative_to(target)
        is_result = place.name in RESULTS and out_key(str(place.parent)) in made
        folder = place if place.name in RESULT_FOLDERS else place.parent
        if is_result or (folder.name in RESULT_FOLDERS and out_key(str(folder.parent)) in made):
            raise InputError(
                "option.same_file",
                f"This row reads {path}, which a row of this sheet makes.",
                "Make that in a batch of its own before, or give another --out.",
            )


def check_kind(path: Path, column: str, *, may_be_folder: bool) -> None:
    """Raises InputError `file.missing`, `file.folder`, `file.wrong_kind` unless a row may read
    what lies there: a device or a pipe might have no end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise InputError(
            "file.missing", f"There is no file at {path}.", "Check the path."
        ) from error
    if stat.S_ISDIR(mode):
        if not may_be_folder:
            raise InputError(
                "file.folder", f"{path} is a folder, not a file for {column}.", "Name a file in it."
            )
    elif not stat.S_ISREG(mode):
        raise InputError(
            "file.wrong_kind", f"{path} is a device or a pipe, not a file.", "Name a file."
        )


class _Seen:
    """Texts by their hashes, for `MOST_ROWS` of them, in as much memory for one as for all."""

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 << _SLOT_BITS))

    def add(self, text: str) -> bool:
        """Notes the text; False if it was there."""
        key, slot = self._find(text)
        is_new = not self._slots[slot]
        self._slots[slot] = key
        return is_new

    def __contains__(self, text: str) -> bool:
        return bool(self._slots[self._find(text)[1]])

    def _find(self, text: str) -> tuple[int, int]:
        """The text's key, and the slot that has it or would."""
        key = hash(text) & (1 << 64) - 1 or 1  # 0 is an empty slot
        slot = key
        while self._slots[slot := slot & (1 << _SLOT_BITS) - 1] not in (0, key):
            slot += 1
        return key, slot


def _is_pattern(path: Path) -> bool:
    return any(mark in str(path) for mark in _WILD) and not path.exists()


def _found_takes(path: Path) -> Iterator[dict[str, str]]:
    """A row for each file that the pattern names, or for what in the folder may be a take: not its
    sounds and pictures, nor the folder of a batch."""
    pattern = str(path) if _is_pattern(path) else glob.escape(str(path)) + "/*"
    for name in sorted(glob.glob(pattern, recursive=True))[: MOST_ROWS + 1]:
        place = Path(name)
        is_take = not place.name.startswith(".") and not (place / OWN).exists()
        if is_take and pattern != str(path) and not place.is_dir():
            is_take = place.suffix.lower() in TAKE_ENDINGS
        if is_take:
            yield {"take": name, "out": Path(name).stem}


def _read_toml(path: Path) -> Iterator[dict[str, str]]:
    try:
        content = tomllib.loads(read_bytes(path, MOST_BYTES, "sheet").decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise bad_sheet(path, f"is no TOML: {error}") from error
    except RecursionError as error:
        raise bad_sheet(path, "is no TOML: its lists lie in one another without end") from error
    rows = content.get("row")
    if not isinstance(rows, list) or set(content) - {"row", *COLUMNS}:
        raise bad_sheet(path, "has no list of [[row]], or something beside it")
    common = {name: _text(content[name], path) for name in content if name != "row"}
    for row in rows:
        if not isinstance(row, dict):
            raise bad_sheet(path, "has a row that is no table")
        yield {**common, **{check_columns([n])[0]: _text(v, path) for n, v in row.items()}}


def _text(value: object, path: Path) -> str:
    """A cell's text: TOML may also give a number, or a list of texts."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else str(value)
    raise bad_sheet(path, f"has a cell that is no text, number or list of texts: {value!r:.40}")
