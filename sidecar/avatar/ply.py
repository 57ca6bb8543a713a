# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussians in a PLY file: binary little endian, one element `vertex` of scalar properties.

The avatar formats say what the properties mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...shared import limits
from ...shared.errors import InputError

_TYPES = {
    "char": "<i1",
    "int8": "<i1",
    "uchar": "<u1",
    "uint8": "<u1",
    "short": "<i2",
    "int16": "<i2",
    "ushort": "<u2",
    "uint16": "<u2",
    "int": "<i4",
    "int32": "<i4",
    "uint": "<u4",
    "uint32": "<u4",
    "float": "<f4",
    "float32": "<f4",
    "double": "<f8",
    "float64": "<f8",
}
# Degree 3 spherical harmonics make 62 properties of at most 60 letters.
_MAX_HEADER_BYTES = 16 * 1024
_MAX_PROPERTIES = 256
_END = b"end_header\n"


def broken(
    name: str, what: str, remedy: str = "Export or download the avatar again."
) -> InputError:
    """The error for a PLY that cannot be used."""
    return InputError("avatar.ply", f"The Gaussians in '{name}' cannot be read: {what}.", remedy)


def decode_ply(data: bytes, name: str) -> dict[str, NDArray]:
    """Decodes the element `vertex`: columns by property name, each (N,) in its stored type.

    Raises InputError `avatar.ply` for anything but a whole, binary little endian PLY whose first
    element is `vertex` with scalar properties; elements after it are skipped.
    """
    head = data[:_MAX_HEADER_BYTES].replace(b"\r\n", b"\n")
    if not head.startswith(b"ply\n"):
        raise broken(name, "it does not begin as a PLY file does")
    end = head.find(_END)
    if end < 0:
        raise broken(name, "its header has no end")
    try:
        lines = head[:end].decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise broken(name, "its header is not plain text") from error
    count, row = _read_header(lines, name)
    # Counted in the bytes as they are, so a header with \r\n line ends is measured right.
    start = data.find(b"end_header") + len(b"end_header")
    start += 2 if data[start : start + 2] == b"\r\n" else 1
    if len(data) - start < count * row.itemsize:
        raise broken(name, f"it announces {count:,} Gaussians but ends before the last")
    rows = np.frombuffer(data, row, count, start)
    return {column: np.ascontiguousarray(rows[column]) for column in row.names or ()}


def _read_header(lines: list[str], name: str) -> tuple[int, np.dtype]:
    """Number of vertices and the layout of one."""
    if "format binary_little_endian 1.0" not in lines:
        what = "it is not in the binary little endian form"
        raise broken(name, what, "Export it as a binary PLY, as 3DGS writes it.")
    count, element = -1, 0
    columns: list[tuple[str, str]] = []
    for line in lines:
        words = line.split()
        if words[:1] == ["element"]:
            element += 1
            if element == 1:
                count = _read_count(words, name)
        elif words[:1] == ["property"] and element == 1:
            if len(words) != 3 or words[1] not in _TYPES:
                raise broken(name, f"it has the unknown property '{line[:60]}'")
            columns.append((words[2], _TYPES[words[1]]))
    names = [column for column, _ in columns]
    if not columns or len(columns) > _MAX_PROPERTIES or len(set(names)) < len(names):
        raise broken(name, "its list of properties is empty, too long, or repeats one")
    return count, np.dtype(columns)


def _read_count(words: list[str], name: str) -> int:
    if len(words) != 3 or words[1] != "vertex" or not words[2].isdecimal() or len(words[2]) > 9:
        raise broken(name, "it does not begin with its list of Gaussians")
    count = int(words[2])
    if not 0 < count <= limits.MAX_GAUSSIANS:
        raise broken(
            name,
            f"it has {count:,} Gaussians; 1 to {limits.MAX_GAUSSIANS:,} are allowed",
            "Thin it out in an editor for Gaussians, or choose another avatar.",
        )
    return count


def encode_ply(columns: dict[str, NDArray]) -> bytes:
    """A binary little endian PLY with one element `vertex` of float properties, each (N,)."""
    count = len(next(iter(columns.values())))
    rows = np.empty(count, np.dtype([(name, "<f4") for name in columns]))
    for name, values in columns.items():
        rows[name] = values
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    lines += [f"property float {name}" for name in columns]
    return ("\n".join([*lines, "end_header"]) + "\n").encode() + rows.tobytes()
