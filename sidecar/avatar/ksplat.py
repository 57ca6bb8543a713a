# SPDX-License-Identifier: GPL-3.0-or-later
"""mkkellogg's `.ksplat` (GaussianSplats3D), version 0.1.

A header of 4,096 bytes, one of 1,024 for each section, then the sections: how many Gaussians are
in each bucket that is not full, the buckets' middles, and the Gaussians. Level 0 keeps numbers in
single precision; levels 1 and 2 in half precision, positions as whole numbers around the middle of
their bucket, and level 2 harmonics as bytes. Harmonics lie degree by degree, in each channel by
channel.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...shared.arrays import Float32Array, Int64Array
from ...shared.wording import say_count
from .refusals import broken_pack, check_count
from .splats import Splats, checked

_BEGIN = b"\x00\x01\x00\x00"  # version 0.1, and two bytes that nobody uses
_HEADER_BYTES, _SECTION_BYTES = 4096, 1024
# The format's own tools write one section a scene.
_MAX_SECTIONS = 4096
_KNOWN = (0, 3, 8, 15)
_BUCKET_BYTES = 12
_HALF_RANGE = 32767
_HARMONICS_RANGE = 1.5
"""Of bytes, where the header names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What the header says. level: of compression. least, most: what harmonics' bytes span."""

    name: str
    data: bytes
    sections: int
    level: int
    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """One section. start: of its data. room: Gaussians that there is space for, `count` of them
    used. full, partial: numbers of buckets."""

    start: int
    count: int
    room: int
    capacity: int
    buckets: int
    block: float
    bucket_bytes: int
    span: int
    full: int
    partial: int
    degree: int

    def table_bytes(self) -> int:
        return self.bucket_bytes * self.buckets + 4 * self.partial


def is_ksplat(data: bytes) -> bool:
    """Whether the bytes begin as a `.ksplat` does."""
    return len(data) >= _HEADER_BYTES + _SECTION_BYTES and data.startswith(_BEGIN)


def decode_ksplat(data: bytes, name: str) -> Splats:
    """Decodes the Gaussians of all sections; `name` is what errors call the file. Raises InputError
    `avatar.packed`."""
    file = _read_header(data, name)
    parts: list[Splats] = []
    start = _HEADER_BYTES + _SECTION_BYTES * file.sections
    total = 0
    for number in range(file.sections):
        section = _read_section(file, number, start)
        total += section.count
        if section.count:
            check_count(total, name, broken_pack)
            parts.append(_decode_section(file, section))
        start += section.table_bytes() + section.room * _row_of(file.level, section.degree).itemsize
    check_count(total, name, broken_pack)
    return checked(_joined(parts), name, broken_pack)


def _read_header(data: bytes, name: str) -> _File:
    (sections,) = struct.unpack_from("<I", data, 4)
    (level,) = struct.unpack_from("<H", data, 20)
    least, most = struct.unpack_from("<ff", data, 36)
    if level > 2 or not 0 < sections <= _MAX_SECTIONS:
        raise broken_pack(name, "its header says what no .ksplat can be")
    if _HEADER_BYTES + _SECTION_BYTES * sections > len(data):
        raise broken_pack(name, "it ends within its headers")
    if not (abs(least) < 1e6 and abs(most) < 1e6):
        raise broken_pack(name, "its header has values that are not numbers")
    return _File(
        name=name,
        data=data,
        sections=sections,
        level=level,
        least=least or -_HARMONICS_RANGE,
        most=most or _HARMONICS_RANGE,
    )


def _read_section(file: _File, number: int, start: int) -> _Section:
    at = _HEADER_BYTES + _SECTION_BYTES * number
    count, room, capacity, buckets, block = struct.unpack_from("<IIIIf", file.data, at)
    (bucket_bytes,) = struct.unpack_from("<H", file.data, at + 20)
    (span,) = struct.unpack_from("<I", file.data, at + 24)
    full, partial = struct.unpack_from("<II", file.data, at + 32)
    (degree,) = struct.unpack_from("<H", file.data, at + 40)
    if degree >= len(_KNOWN) or count > room or not abs(block) < 1e6:
        raise broken_pack(file.name, "the header of a section says what none can be")
    section = _Section(
        start=start,
        count=count,
        room=room,
        capacity=capacity,
        buckets=buckets,
        block=block,
        bucket_bytes=bucket_bytes,
        span=span or (1 if file.level == 0 else _HALF_RANGE),
        full=full,
        partial=partial,
        degree=degree,
    )
    row = _row_of(file.level, degree)
    if section.table_bytes() + count * row.itemsize > len(file.data) - start:
        raise broken_pack(
            file.name, f"it announces {say_count(count, 'Gaussian')} but ends before the last"
        )
    return section


def _row_of(level: int, degree: int) -> np.dtype:
    """The layout of one Gaussian."""
    real = "<f4" if level == 0 else "<f2"
    place = "<f4" if level == 0 else "<u2"
    harmonic = ("<f4", "<f2", "u1")[level]
    return np.dtype(
        [
            ("mean", place, 3),
            ("scale", real, 3),
            ("rotation", real, 4),
            ("rgba", "u1", 4),
            ("harmonics", harmonic, 3 * _KNOWN[degree]),
        ]
    )


def _decode_section(file: _File, section: _Section) -> Splats:
    row = _row_of(file.level, section.degree)
    start = section.start + section.table_bytes()
    rows = np.frombuffer(file.data, row, section.count, start)
    means = rows["mean"].astype(np.float32)
    if file.level:
        step = section.block / 2 / section.span
        means = (means - np.float32(section.span)) * np.float32(step) + _middles(file, section)
    shares = rows["rgba"].astype(np.float32) / np.float32(255)
    return Splats(
        means=np.ascontiguousarray(means, np.float32),
        quaternions=rows["rotation"].astype(np.float32),
        scales=rows["scale"].astype(np.float32),
        opacities=np.ascontiguousarray(shares[:, 3]),
        colours=np.ascontiguousarray(shares[:, :3]),
        harmonics=_harmonics(file, rows["harmonics"], section.degree),
    )


def _middles(file: _File, section: _Section) -> Float32Array:
    """(N, 3) the middle of each Gaussian's bucket. Raises InputError `avatar.packed` for buckets
    that are not there."""
    if section.bucket_bytes != _BUCKET_BYTES or not section.capacity:
        raise broken_pack(file.name, "its buckets are none")
    partial = np.frombuffer(file.data, "<u4", section.partial, section.start).astype(np.int64)
    middles = np.frombuffer(
        file.data, "<f4", 3 * section.buckets, section.start + 4 * section.partial
    ).reshape(-1, 3)
    bucket = _buckets_of(section, partial)
    if len(bucket) and bucket.max() >= section.buckets:
        raise broken_pack(file.name, "it has Gaussians in buckets that are not there")
    return middles[bucket]


def _buckets_of(section: _Section, partial: Int64Array) -> Int64Array:
    """(N,) the bucket of each Gaussian: the full ones come first, then those with `partial`
    Gaussians each; what is left over is in a bucket too many."""
    numbers = np.arange(section.count)
    first = min(section.full * section.capacity, section.count)
    ends = first + np.cumsum(partial)
    in_partial = section.full + np.searchsorted(ends, numbers, side="right")
    return np.where(numbers < first, numbers // section.capacity, in_partial)


def _harmonics(file: _File, values: NDArray, degree: int) -> Float32Array | None:
    """(N, K, 3)."""
    if not degree:
        return None
    numbers = values.astype(np.float32)
    if file.level == 2:
        span = np.float32((file.most - file.least) / 255)
        numbers = numbers * span + np.float32(file.least)
    parts, start = [], 0
    for band in range(1, degree + 1):
        terms = 2 * band + 1
        block = numbers[:, start : start + 3 * terms].reshape(-1, 3, terms)
        parts.append(block.transpose(0, 2, 1))
        start += 3 * terms
    return np.ascontiguousarray(np.concatenate(parts, 1))


def _joined(parts: list[Splats]) -> Splats:
    """One for all sections; harmonics that a section lacks are zero."""
    most = max(0 if p.harmonics is None else p.harmonics.shape[1] for p in parts)
    if most:
        parts = [replace(part, harmonics=_widened(part, most)) for part in parts]

    def join(name: str) -> Float32Array:
        return np.concatenate([getattr(part, name) for part in parts])

    return Splats(
        means=join("means"),
        quaternions=join("quaternions"),
        scales=join("scales"),
        opacities=join("opacities"),
        colours=join("colours"),
        harmonics=join("harmonics") if most else None,
    )


def _widened(part: Splats, most: int) -> Float32Array:
    out = np.zeros((len(part.means), most, 3), np.float32)
    if part.harmonics is not None:
        out[:, : part.harmonics.shape[1]] = part.harmonics
    return out
