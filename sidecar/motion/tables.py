# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of text: CSV as programs and spreadsheets write it.

Values may be separated by commas, semicolons, tabs or bars, decimals by a point or a comma; the
text may be UTF-8, UTF-16 or an old code page. Blank lines, lines before the header, quotes and
empty columns at the end are passed over. Values are read in pieces, so that a table of a gigabyte
takes little more memory than its numbers.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...shared import limits
from ...shared.arrays import BoolArray, Float64Array
from ...shared.errors import InputError
from .json_values import wrong_shape
from .timeline import too_long

_SEPARATORS = ",;\t|"
_SNIFFED_BYTES = 64 * 1024
_LINES_BEFORE = 12
_PIECE = 4096  # rows; a piece of 4096 x 63 cells is 15 MB
_BLANK = frozenset(("", "nan", "null", "none", "n/a", "na", "-"))
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """numbers: (R, len(columns)), NaN for blank cells. texts: by column, R cells. short: (R,) rows
    that end before the last column that is read. lines: R numbers of the file's lines, from 1 on.
    names: of all the file's columns."""

    numbers: Float64Array
    texts: dict[int, list[str]]
    short: BoolArray
    lines: list[int]
    names: list[str]

    def cell(self, row: int, column: int) -> str:
        """Where a cell is, for errors: "row 14, column 'jawOpen'", by the file's lines."""
        return _cell(self.lines[row], self.names, column)


def encoding_of(data: bytes) -> str:
    """The encoding of a text file. Old code pages are taken for Windows' western one: numbers and
    names of weights are the same in all."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    if b"\0" in data[:64]:
        return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _lines(data: bytes, encoding: str) -> Iterator[str]:
    return io.TextIOWrapper(io.BytesIO(data), encoding, errors="replace", newline="")


def find_header(data: bytes, is_header: Callable[[list[str]], bool]) -> list[str] | None:
    """The names of a table's columns, None if none of its first lines is a header."""
    start = data[:_SNIFFED_BYTES]
    found = _header(_lines(start, encoding_of(start)), is_header)
    return None if found is None else found[0]


def _header(
    lines: Iterator[str], is_header: Callable[[list[str]], bool]
) -> tuple[list[str], str, int] | None:
    """Names of columns, the separator, and the header's line from 1 on; reads the lines up to the
    header's end."""
    for number, line in enumerate(itertools.islice(lines, _LINES_BEFORE), 1):
        for separator in sorted(_SEPARATORS, key=lambda s: -line.count(s)):
            try:
                cells = next(csv.reader([line], delimiter=separator), [])
            except csv.Error:
                continue
            names = [cell.strip().strip("\ufeff").strip("'\"") for cell in cells]
            if is_header(names):
                return names, separator, number
    return None


def _cell(line: int, names: list[str], column: int) -> str:
    name = names[column] if column < len(names) else ""
    return f"row {line}, column " + (f"'{name:.40}'" if name else f"{column + 1}")


def read_table(
    data: bytes,
    name: str,
    is_header: Callable[[list[str]], bool],
    columns: list[int],
    text_columns: list[int],
) -> Table:
    """Reads the columns of a table whose header was found. Raises InputError `motion.shape`,
    `motion.not_a_number`, `motion.too_long`, `file.damaged`."""
    lines = _lines(data, encoding_of(data))
    found = _header(lines, is_header)
    if found is None:
        raise wrong_shape("the table", name, "a header and at least one frame")
    header, separator, before = found
    reader = _Reader(header, columns, text_columns, name)
    try:
        return reader.read(csv.reader(lines, delimiter=separator), before)
    except csv.Error as error:
        raise InputError(
            "file.damaged", f"{name} is not a readable table.", "Export or download it again."
        ) from error


class RowReader(Protocol):
    """What `csv.reader` makes. line_num: lines read so far."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...


class _Reader:
    """Collects a table's rows piece by piece."""

    def __init__(
        self, header: list[str], columns: list[int], text_columns: list[int], name: str
    ) -> None:
        self._names, self._width = header, len(header)
        self._lines: list[int] = []
        self._columns, self._text_columns = columns, text_columns
        self._needed = max((*columns, *text_columns), default=0) + 1
        self._name = name
        self._pieces: list[Float64Array] = []
        self._short: list[bool] = []
        self._texts: dict[int, list[str]] = {i: [] for i in text_columns}

    def read(self, rows: RowReader, before: int) -> Table:
        """Reads the rows below the header. before: how many lines end with the header."""
        filled = self._filled(rows, before)
        while piece := list(itertools.islice(filled, _PIECE)):
            if len(self._short) + len(piece) > limits.MAX_FRAMES:
                raise too_long(self._name, f"more than {limits.MAX_FRAMES}")
            self._add(piece)
        if not self._short:
            raise wrong_shape("the table", self._name, "a header and at least one frame")
        return Table(
            numbers=np.concatenate(self._pieces),
            texts=self._texts,
            short=np.array(self._short),
            lines=self._lines,
            names=self._names,
        )

    def _filled(self, rows: RowReader, before: int) -> Iterator[list[str]]:
        for row in rows:
            if row and any(map(str.strip, row)):
                self._lines.append(before + rows.line_num)
                yield row

    def _add(self, rows: list[list[str]]) -> None:
        for row in rows:
            if len(row) != self._width:
                self._check_width(row, self._lines[len(self._short)])
            self._short.append(len(row) < self._needed)
            if len(row) < self._needed:
                row += [""] * (self._needed - len(row))
        for column, cells in self._texts.items():
            cells += [row[column] for row in rows]
        self._pieces.append(self._numbers(rows))

    def _check_width(self, row: list[str], line: int) -> None:
        if any(map(str.strip, row[self._width :])):
            raise wrong_shape(f"row {line}", self._name, f"a row of {self._width} values")

    def _numbers(self, rows: list[list[str]]) -> Float64Array:
        if not self._columns:
            return np.zeros((len(rows), 0))
        chosen = operator.itemgetter(*self._columns)
        picked = map(chosen, rows)
        cells = itertools.chain.from_iterable(picked) if len(self._columns) > 1 else picked
        count = len(rows) * len(self._columns)
        try:
            values = np.fromiter(map(float, cells), np.float64, count)
        except ValueError:
            values = np.fromiter(self._slow_numbers(rows), np.float64, count)
        return values.reshape(len(rows), len(self._columns))

    def _slow_numbers(self, rows: list[list[str]]) -> Iterator[float]:
        """The same where cells are blank or decimals have a comma."""
        for line, row in zip(self._lines[-len(rows) :], rows, strict=True):
            for column in self._columns:
                cell = row[column].strip().replace(",", ".")
                if cell.lower() in _BLANK:
                    yield np.nan
                    continue
                try:
                    yield float(cell.removesuffix("%"))
                except ValueError as error:
                    raise InputError(
                        "motion.not_a_number",
                        f"{self._name} holds something that is not a number, '{cell:.40}', in "
                        f"{_cell(line, self._names, column)}.",
                        "Repair that value or export the take again.",
                    ) from error
