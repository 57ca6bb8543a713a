# SPDX-License-Identifier: GPL-3.0-or-later
"""PLY files of Gaussians, binary or as text: elements of scalar properties.

The avatar formats say what elements and properties mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...shared.errors import InputError
from ...shared.wording import say_count
from .refusals import broken, check_count

_TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "i2",
    "int16": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
# Degree 3 spherical harmonics make 62 properties in 2 KB; the rest is for comments, where trainers
# write their settings, and editors the history of the file.
_MAX_HEADER_BYTES = 1024 * 1024
_MAX_PROPERTIES = 256
# Compressed PLYs have three; some tools add cameras.
_MAX_ELEMENTS = 64
_BYTE_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
"""The forms of a PLY, and the byte order of their numbers; "" is text."""
_BEGIN = re.compile(rb"ply[ \t]*(\r\n|\n|\r)")
_END = re.compile(rb"[\r\n]end_header[ \t]*(\r\n|\n|\r)")

Columns = dict[str, NDArray]
"""The (N,) values of an element's properties, by name."""


@dataclass(slots=True)
class _Element:
    """An element as the header announces it. has_lists: its rows differ in length."""

    name: str
    count: int
    columns: list[tuple[str, str]] = field(default_factory=list)
    has_lists: bool = False


def is_ply(data: bytes) -> bool:
    """Whether the bytes begin as a PLY does."""
    return _BEGIN.match(data) is not None


def decode_ply(data: bytes, name: str) -> Columns:
    """Decodes the element `vertex`: columns by property name, each (N,) in its stored type.
    Raises InputError `avatar.ply` as `decode_elements` does."""
    return decode_elements(data, name)["vertex"]


def decode_elements(data: bytes, name: str) -> dict[str, Columns]:
    """Decodes the elements by name, `vertex` among them; from the first element with lists behind
    `vertex` on they are left out.

    Raises InputError `avatar.ply` for anything but a whole PLY with Gaussians.
    """
    if not is_ply(data):
        raise broken(name, "it does not begin as a PLY file does")
    end = _END.search(data, 0, _MAX_HEADER_BYTES)
    if end is None:
        raise broken(name, "its header has no end")
    order, elements = _read_header(data[: end.start()], name)
    found: dict[str, Columns] = {}
    body = memoryview(data)[end.end() :]
    for element in elements:
        if element.has_lists and "vertex" in found:
            break
        row = _row_of(element, order, name)
        rows, body = (_numbers if order else _text)(body, row, element.count, name)
        found[element.name] = {key: np.ascontiguousarray(rows[key]) for key in row.names or ()}
    return found


def _numbers(body: memoryview, row: np.dtype, count: int, name: str) -> tuple[NDArray, memoryview]:
    """The element's rows (count,), and what follows them."""
    size = count * row.itemsize
    if len(body) < size:
        raise _cut_off(count, name)
    return np.frombuffer(body, row, count), body[size:]


def _text(body: memoryview, row: np.dtype, count: int, name: str) -> tuple[NDArray, memoryview]:
    """The same of a PLY whose numbers are written out, a row a line."""
    if len(body) < 2 * count:  # before a list of lines is made
        raise _cut_off(count, name)
    lines = bytes(body).split(b"\n", count)
    try:
        values = np.array([line.split() for line in lines[:count]], np.float64)
    except ValueError as error:
        raise broken(name, "a line has too few numbers, or something else") from error
    if values.shape != (count, len(row.names or ())):
        raise _cut_off(count, name)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.rec.fromarrays(values.T, dtype=row)
    return rows, memoryview(lines[count] if len(lines) > count else b"")


def _cut_off(count: int, name: str) -> InputError:
    return broken(name, f"it announces {say_count(count, 'Gaussian')} but ends before the last")


def _read_header(header: bytes, name: str) -> tuple[str, list[_Element]]:
    """The byte order, and the elements."""
    elements: list[_Element] = []
    order: str | None = None
    for line in re.split(rb"\r\n|\n|\r", header)[1:]:
        # What follows a comment may be in any encoding, in some of which its bytes look like the
        # ends of lines; every byte is a letter of Latin-1.
        words = line.decode("latin-1").split()
        if not words:
            continue
        if words[0] == "format":
            order = _BYTE_ORDERS.get(words[1]) if words[2:] == ["1.0"] else None
        elif words[0] == "element":
            elements.append(_read_element(words, name))
        elif words[0] == "property" and elements:
            _add_property(elements[-1], words, name)
    if order is None:
        what = "its form is neither binary nor ascii, version 1.0"
        raise broken(name, what, "Export it as a binary PLY, as 3DGS writes it.")
    names = [element.name for element in elements]
    if "vertex" not in names or len(names) > _MAX_ELEMENTS or len(set(names)) < len(names):
        raise broken(name, "it has no list of Gaussians, or lists without end")
    return order, elements


def _read_element(words: list[str], name: str) -> _Element:
    if len(words) != 3 or not words[2].isdecimal() or len(words[2]) > 12:
        raise broken(name, "a list of its header has no length")
    element = _Element(words[1], int(words[2]))
    if element.name == "vertex":
        check_count(element.count, name)
    return element


def _add_property(element: _Element, words: list[str], name: str) -> None:
    if words[1:2] == ["list"]:
        element.has_lists = True
    elif len(words) == 3 and words[1] in _TYPES and words[2].isascii():
        element.columns.append((words[2], _TYPES[words[1]]))
    else:
        raise broken(name, f"it has the unknown property '{' '.join(words)[:60]}'")


def _row_of(element: _Element, order: str, name: str) -> np.dtype:
    """The layout of one row of the element, numbers in the byte order `order`."""
    names = [column for column, _ in element.columns]
    if element.has_lists or not names or len(names) > _MAX_PROPERTIES:
        raise broken(name, f"the properties of '{element.name}' are lists, none, or too many")
    if len(set(names)) < len(names):
        raise broken(name, f"the properties of '{element.name}' repeat one")
    return np.dtype([(column, order + kind) for column, kind in element.columns])


def encode_ply(columns: Columns) -> bytes:
    """A binary little endian PLY with one element `vertex` of float properties, each (N,)."""
    count = len(next(iter(columns.values())))
    rows = np.empty(count, np.dtype([(name, "<f4") for name in columns]))
    for name, values in columns.items():
        rows[name] = values
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    lines += [f"property float {name}" for name in columns]
    return ("\n".join([*lines, "end_header"]) + "\n").encode() + rows.tobytes()
