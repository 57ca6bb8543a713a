# SPDX-License-Identifier: GPL-3.0-or-later
"""Niantic's SPZ, versions 2 to 4: Gaussians as one table of bytes for each attribute.

Versions 2 and 3 are one gzip stream of a header of 16 bytes and the tables; version 4 is a header
of 32 bytes and one zstd stream a table. Positions are whole numbers of 24 bits, scales logarithms
in steps of 1/16 from -10, colours the zeroth harmonic times 0.15, rotations x, y, z of 8 bits
(version 2) or the three smallest of x, y, z, w in 10 bits, the largest's place in 2. Its axes are
right, up, back, as ours, unless Adobe's extension names others.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array, Float64Array
from ...shared.errors import InputError
from ...shared.wording import say_count
from .refusals import broken_pack, check_count
from .splats import DC, Splats, checked, from_smallest_three, in_axes

GZIP, ZSTD = b"\x1f\x8b", b"NGSP"
"""First bytes of versions 2 and 3, and of version 4."""
_KNOWN = (0, 3, 8, 15, 24)
"""Harmonics beyond the zeroth by degree; we keep up to degree 3."""
_MOST_KNOWN = 15
_MAX_FRACTION_BITS = 24
# Well-packed tables shrink to a half; a file of one Gaussian, repeated, by 200. Small ones may
# shrink further.
_MAX_RATIO, _SMALL_BYTES = 200, 1024 * 1024
# Adobe's camera and axes take 36 bytes.
_MAX_EXTENSIONS_BYTES = 64 * 1024
_MAX_WINDOW_BYTES = 128 * 1024 * 1024  # zstd's own limit for its levels up to 22
_AXES_EXTENSION = 0xADBE0003
_HAS_EXTENSIONS = 2
_DIRECTIONS = {
    "R": (1, 0, 0),
    "L": (-1, 0, 0),
    "U": (0, 1, 0),
    "D": (0, -1, 0),
    "B": (0, 0, 1),
    "F": (0, 0, -1),
}
"""What the letters of axes mean in ours: x right, y up, z back."""
_STANDARD = ("LDB", "RDB", "LUB", "RUB", "LDF", "RDF", "LUF", "RUF")
_ROTATED = ("LFD", "RFD", "LFU", "RFU", "LBD", "RBD", "LBU", "RBU")
_AXES = dict(enumerate(_STANDARD + _ROTATED, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    name: str
    version: int
    count: int
    degree: int
    fraction_bits: int
    flags: int
    streams: int
    """Number of version 4's tables."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bytes of the tables: positions, opacities, colours, scales, rotations, harmonics."""
        rotation = 3 if self.version < 3 else 4
        return tuple(self.count * n for n in (9, 1, 3, 3, rotation, 3 * _KNOWN[self.degree]))


def is_spz(data: bytes) -> bool:
    """Whether the bytes begin as an SPZ does; other gzip files do too."""
    return data.startswith((GZIP, ZSTD))


def decode_spz(data: bytes, name: str) -> tuple[Splats, tuple[str, ...]]:
    """Decodes the Gaussians, and sentences on what was left out; `name` is what errors call the
    file. Raises InputError `avatar.packed`, `option.missing_extra` for version 4 without the
    package zstandard."""
    read = _read_zstd if data.startswith(ZSTD) else _read_gzip
    header, tables, extensions = read(data, name)
    known = min(_KNOWN[header.degree], _MOST_KNOWN)
    positions, opacities, colours, scales, rotations, harmonics = (
        np.frombuffer(table, np.uint8).reshape(header.count, -1) for table in tables
    )
    turn = _unpack_three_bytes if header.version < 3 else _unpack_words
    found = Splats(
        means=_unpack_positions(positions, header.fraction_bits),
        quaternions=turn(rotations),
        scales=np.exp(scales.astype(np.float32) / np.float32(16) - np.float32(10)),
        opacities=opacities[:, 0].astype(np.float32) / np.float32(255),
        colours=(0.5 + DC * (colours / np.float32(255) - 0.5) / 0.15).astype(np.float32),
        harmonics=_unpack_harmonics(harmonics, known),
    )
    notes = ()
    if header.degree > 3:
        notes = (f"The spherical harmonics of degree {header.degree} are left out.",)
    axes = _find_axes(extensions, name) if header.flags & _HAS_EXTENSIONS else None
    splats = checked(found, name, broken_pack)
    return splats if axes is None else in_axes(splats, axes), notes


def _read_gzip(data: bytes, name: str) -> tuple[_Header, list[bytes], bytes]:
    """The header, the tables and what lies behind them. Never unpacks more than that."""
    header = _read_header(_inflate(data, 16, name), name)
    size = 16 + sum(header.sizes)
    _check_ratio(size, data, name)
    content = _inflate(data, size + _MAX_EXTENSIONS_BYTES, name)
    if len(content) < size:
        raise broken_pack(
            name, f"it announces {say_count(header.count, 'Gaussian')} but ends before the last"
        )
    tables, start = [], 16
    for table in header.sizes:
        tables.append(content[start : start + table])
        start += table
    return header, tables, content[start:]


def _inflate(data: bytes, most_bytes: int, name: str) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(data, most_bytes)
    except zlib.error as error:
        raise broken_pack(name, "its gzip stream is damaged") from error


def _read_zstd(data: bytes, name: str) -> tuple[_Header, list[bytes], bytes]:
    """As `_read_gzip`, for version 4."""
    if len(data) < 32:
        raise broken_pack(name, "it ends within its header")
    header = _read_header(data[:16], name)
    (start,) = struct.unpack_from("<I", data, 16)
    sizes = header.sizes if header.sizes[-1] else header.sizes[:-1]
    first = start + 16 * len(sizes)
    if header.streams != len(sizes) or not 32 <= start <= 32 + _MAX_EXTENSIONS_BYTES:
        raise broken_pack(name, "its table of contents is none")
    if first > len(data):
        raise broken_pack(name, "it ends within its table of contents")
    _check_ratio(sum(sizes), data, name)
    tables, end = [], first
    for place, size in enumerate(sizes):
        packed, unpacked = struct.unpack_from("<QQ", data, start + 16 * place)
        if unpacked != size or packed > len(data) - end:
            raise broken_pack(name, "its table of contents does not fit what is there")
        tables.append(_unzstd(data[end : end + packed], size, name))
        end += packed
    return header, [*tables, b""][:6], data[32:start]


def _unzstd(packed: bytes, size: int, name: str) -> bytes:
    """Unpacks `size` bytes."""
    try:
        import zstandard
    except ImportError as error:
        raise InputError(
            "option.missing_extra",
            f"'{name}' is an SPZ of version 4, which is read with the package zstandard, which is "
            "not installed.",
            'Run: pip install "affekt[export]", or save the avatar as SPZ version 3 or as PLY.',
        ) from error
    # A stream reader takes the memory that it is asked for, whatever the stream itself announces.
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    try:
        with decompressor.stream_reader(packed) as reader:
            content = reader.read(size + 1)
    except zstandard.ZstdError as error:
        raise broken_pack(name, "one of its zstd streams is damaged") from error
    if len(content) != size:
        raise broken_pack(name, "one of its zstd streams has not the size that it should")
    return content


def _read_header(head: bytes, name: str) -> _Header:
    if len(head) < 16 or not head.startswith(ZSTD):
        raise broken_pack(name, "it is packed with gzip, but no SPZ is in it", "Unpack it first.")
    version, count, degree, bits, flags, streams = struct.unpack_from("<IIBBBB", head, 4)
    if version not in (2, 3, 4):
        what = f"it is SPZ of version {version}; Affekt reads 2, 3 and 4"
        raise broken_pack(name, what, "Save it as version 3, or as PLY.")
    check_count(count, name, broken_pack)
    if degree >= len(_KNOWN) or bits > _MAX_FRACTION_BITS:
        raise broken_pack(name, "its header says what no SPZ can be")
    return _Header(
        name=name,
        version=version,
        count=count,
        degree=degree,
        fraction_bits=bits,
        flags=flags,
        streams=streams,
    )


def _check_ratio(size: int, data: bytes, name: str) -> None:
    if size > max(_SMALL_BYTES, _MAX_RATIO * len(data)):
        raise broken_pack(name, f"it announces {size / 2**20:,.0f} MiB, far more than it can hold")


def _unpack_positions(table: NDArray[np.uint8], fraction_bits: int) -> Float32Array:
    parts = table.reshape(-1, 3, 3).astype(np.int32)
    whole = parts[..., 0] | parts[..., 1] << 8 | parts[..., 2] << 16
    signed = (whole ^ 0x800000) - 0x800000
    return (signed / float(1 << fraction_bits)).astype(np.float32)


def _unpack_three_bytes(table: NDArray[np.uint8]) -> Float32Array:
    """(N, 4) w, x, y, z from x, y, z of a byte each; w is never negative."""
    vector = table.astype(np.float32) / np.float32(127.5) - np.float32(1)
    real = np.sqrt(np.maximum(1 - (vector**2).sum(1), 0))
    return np.concatenate([real[:, None], vector], 1)


def _unpack_words(table: NDArray[np.uint8]) -> Float32Array:
    """(N, 4) w, x, y, z from 32 bits; the three components are a sign and 9 bits each."""
    words = np.ascontiguousarray(table).view("<u4")[:, 0]
    parts = np.stack([words >> 20 & 1023, words >> 10 & 1023, words & 1023], 1)
    sizes = (parts & 511) / 511 * np.sqrt(0.5)
    xyzw = from_smallest_three(np.where(parts & 512, -sizes, sizes), words >> 30)
    return np.roll(xyzw, 1, 1)


def _unpack_harmonics(table: NDArray[np.uint8], known: int) -> Float32Array | None:
    if not known:
        return None
    values = table[:, : 3 * known].astype(np.float32)
    return ((values - np.float32(128)) / np.float32(128)).reshape(len(table), known, 3)


def _find_axes(extensions: bytes, name: str) -> Float64Array | None:
    """(3, 3) ours from the file's axes, if Adobe's extension names any: records of a type, a length
    and so many bytes."""
    start = 0
    while start + 8 <= len(extensions):
        kind, length = struct.unpack_from("<II", extensions, start)
        if kind == _AXES_EXTENSION and length == 4 and start + 12 <= len(extensions):
            (number,) = struct.unpack_from("<I", extensions, start + 8)
            if number == 0:
                return None
            if number not in _AXES:
                raise broken_pack(name, f"it has axes of the unknown number {number}")
            return np.array([_DIRECTIONS[letter] for letter in _AXES[number]], np.float64).T
        start += 8 + length
    return None
