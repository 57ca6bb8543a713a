# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads npz files; no header is trusted. `shared/npz.py` writes them.

A member's header is compared with the expected shape and the size of the archive before memory is
allocated; pickled arrays are refused. Nothing is unpacked to disk.
"""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Mapping
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ...shared import limits
from ...shared.arrays import Float32Array
from ...shared.errors import InputError
from ...shared.wording import say_count

FRAMES = -1
"""Stands in an expected shape for any number of frames."""

Array = NDArray[np.generic]
Shape = tuple[int, ...]
NPY_MAGIC = b"\x93NUMPY"

_MAX_MEMBERS = 64
_MAX_TEXT = 64  # characters of one string in an array
_MAX_LOOSE_BYTES = limits.MAX_FRAMES * 300 * 8  # float64 of 300 shape coefficients a frame
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    IndexError,
    struct.error,
    tokenize.TokenError,
    MemoryError,
    OverflowError,
)
"""Errors that zipfile and numpy raise on damaged archives (found by mutating real ones)."""


def member_names(data: bytes, name: str) -> list[str]:
    """Names of the members of a zip archive. Raises InputError `file.damaged` if it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()[: 100 * _MAX_MEMBERS]
    except BROKEN as error:
        raise damaged(name) from error


def decode_npz(data: bytes, name: str, wanted: Mapping[str, Shape | None]) -> dict[str, Array]:
    """Reads those of the wanted arrays that the archive holds, in the type that they have there.

    wanted: name -> expected shape, or None for any shape that a take can have. Raises InputError
    `file.damaged`, `file.wrong_kind`, `motion.shape`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _MAX_MEMBERS:
                raise damaged(name)
            found: dict[str, Array] = {}
            for info in members:
                key = info.filename.removesuffix(".npy")
                if key in wanted:
                    found[key] = _read_member(archive, info, wanted[key], name)
            return found
    except BROKEN as error:
        raise damaged(name) from error


def decode_complete(
    data: bytes,
    name: str,
    what: str,
    wanted: Mapping[str, Shape],
    optional: Mapping[str, Shape],
    texts: Collection[str],
) -> dict[str, Array]:
    """Reads all wanted arrays, and the optional ones that are there; those in `texts` hold text.

    Raises InputError like `decode_npz`, and `file.wrong_kind` if an array is missing or has text
    in place of numbers; `what` describes the file ("motion file of Affekt").
    """
    arrays = decode_npz(data, name, {**wanted, **optional})
    missing = [key for key in wanted if key not in arrays]
    if missing:
        raise InputError(
            "file.wrong_kind",
            f"{name} is not the {what} that is needed: it has no {', '.join(missing[:4])}.",
            "Give another file; docs/formats.md says what it holds.",
        )
    if any((values.dtype.kind == "U") != (key in texts) for key, values in arrays.items()):
        raise InputError(
            "file.wrong_kind", f"{name} mixes up text and numbers.", "Write the file again."
        )
    return arrays


def decode_npy(data: bytes, name: str) -> Array:
    """Reads an npy file with an array of numbers of any shape that a take can have.

    Raises InputError `file.damaged`, `file.wrong_kind`, `motion.shape`.
    """
    try:
        return _read_array(io.BytesIO(data), len(data), "the array", None, name)
    except BROKEN as error:
        raise damaged(name) from error


def holds_objects(data: bytes, name: str) -> bool:
    """Whether an npy file holds Python objects, which are a pickle. Raises InputError
    `file.damaged`."""
    file = io.BytesIO(data)
    try:
        return _header(file, name)[2].hasobject
    except BROKEN as error:
        raise damaged(name) from error


def _read_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, wanted: Shape | None, name: str
) -> Array:
    key = info.filename.removesuffix(".npy")
    with archive.open(info) as file:
        return _read_array(file, info.file_size, key, wanted, name)


def _read_array(file: IO[bytes], held: int, key: str, wanted: Shape | None, name: str) -> Array:
    """Reads an npy file of `held` bytes."""
    shape, fortran, dtype = _header(file, name)
    _check_type(key, dtype, name)
    if wanted is not None:
        _check_shape(key, shape, wanted, name)
    size = dtype.itemsize * math.prod(shape)
    if wanted is None and (len(shape) > 4 or not 0 < size <= _MAX_LOOSE_BYTES):
        raise InputError(
            "motion.shape",
            f"In {name}, {key} has the shape {shape}, which no take has.",
            "Write the file again.",
        )
    if held - file.tell() != size:
        raise damaged(name)
    content = file.read(size)
    if file.read(1) or len(content) != size:  # the read to the end also checks the CRC
        raise damaged(name)
    values = np.frombuffer(content, dtype)
    return values.reshape(shape[::-1]).T if fortran else values.reshape(shape)


def _header(file: IO[bytes], name: str) -> tuple[Shape, bool, np.dtype]:
    """Shape, order and type that an npy file names."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise damaged(name)
    read = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
    return read(file)


def _check_type(key: str, dtype: np.dtype, name: str) -> None:
    text = dtype.kind == "U" and dtype.itemsize <= 4 * _MAX_TEXT
    if dtype.hasobject or not (text or dtype.kind in "fiu"):
        raise InputError(
            "file.wrong_kind",
            f"In {name}, {key} holds values of the type {dtype}, not numbers.",
            "Write plain arrays of numbers, without pickled objects.",
        )


def _check_shape(key: str, shape: Shape, wanted: Shape, name: str) -> None:
    fits = len(shape) == len(wanted) and all(
        want in (have, FRAMES) for have, want in zip(shape, wanted, strict=True)
    )
    if not fits:
        raise InputError(
            "motion.shape",
            f"In {name}, {key} has the shape {shape}, not "
            f"({', '.join('frames' if n == FRAMES else str(n) for n in wanted)}).",
            "Write the file again.",
        )
    if FRAMES in wanted and shape[wanted.index(FRAMES)] > limits.MAX_FRAMES:
        raise InputError(
            "motion.too_long",
            f"The take in {name} has {say_count(shape[wanted.index(FRAMES)], 'frame')}; "
            f"{limits.MAX_FRAMES} are allowed.",
            "Cut the take into parts.",
        )


def to_float32(values: Array) -> Float32Array:
    """Numbers too large for float32 become infinite; `Motion` then names the frame."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(values, np.float32)


def damaged(name: str) -> InputError:
    """The error for an archive that is truncated or was changed."""
    return InputError(
        "file.damaged",
        f"{name} is damaged: its archive is cut off or its content was changed.",
        "Export or download it again.",
    )
