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
EMBEDDED = ("open", "open-gaussians")
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
    defaults: by column, for cells that are empty."""

    path: Path
    defaults: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """What its paths are relative to."""
        return Path() if _is_pattern(self.path) or self.path.is_dir() else self.path.parent

    def rows(self) -> Iterator[SheetRow | Fault]:
        """The rows from the first one on, paths made whole. Raises InputError `batch.sheet`,
        `batch.column` for a sheet that is none, which is known before the first row."""
        check_columns(self.defaults)
        outs, number = _Seen(), 0
        for number, given in enumerate(self._cells(), 1):
            if number > MOST_ROWS:
                raise bad_sheet(self.path, f"has more than {say_count(MOST_ROWS, 'row')}")
            cells = {**self.defaults, **given}
            try:
                row = self._whole(check_row(cells, number, is_description))
                if not outs.add(out_key(row.out)):
                    raise same_output(row.out)
                self._check_files(row)
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

    def _check_files(self, row: SheetRow) -> None:
        """Raises InputError `file.missing` for a file that is not there."""
        files = [getattr(row, name) for name in FILES]
        files += [row.emotions] if names_a_file(row.emotions) else []
        for text in files:
            if text and text not in EMBEDDED and not Path(text).exists():
                raise InputError("file.missing", f"There is no file at {text}.", "Check the path.")


class _Seen:
    """Texts by their hashes, for `MOST_ROWS` of them, in as much memory for one as for all."""

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 << _SLOT_BITS))

    def add(self, text: str) -> bool:
        """Notes the text; False if it was there."""
        key = hash(text) & (1 << 64) - 1 or 1  # 0 is an empty slot
        slot = key
        while self._slots[slot := slot & (1 << _SLOT_BITS) - 1]:
            if self._slots[slot] == key:
                return False
            slot += 1
        self._slots[slot] = key
        return True


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
