# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats of chunks and manifests, by examples that are written out."""

from __future__ import annotations

import io
import itertools
import zlib
from pathlib import Path

import numpy as np
import pytest
from affekt.sidecar.cache import parts
from affekt.sidecar.cache.parts import Manifest, Part

A, B = "a" * 16, "b" * 16
MANIFEST = Manifest(
    header=b"0123456789", parts=(Part(key=A, offset=30, length=7), Part(key=B, offset=0, length=5))
)
"""22 bytes: 10 of the header, 7 of chunk A from its byte 30 on, 5 of chunk B."""


def piece(key: str, offset: int, length: int) -> Part:
    return Part(key=key, offset=offset, length=length)


@pytest.mark.parametrize(
    ("offset", "length", "wanted"),
    [
        (0, 22, [b"0123456789", piece(A, 30, 7), piece(B, 0, 5)]),
        (0, 4, [b"0123"]),
        (8, 4, [b"89", piece(A, 30, 2)]),
        (12, 3, [piece(A, 32, 3)]),
        (13, 6, [piece(A, 33, 4), piece(B, 0, 2)]),
        (18, 3, [piece(B, 1, 3)]),
        (20, 100, [piece(B, 3, 2)]),
        (22, 10, []),
    ],
)
def test_a_manifest_is_cut_where_it_is_asked_for(
    offset: int, length: int, wanted: list[bytes | Part]
) -> None:
    assert MANIFEST.size == 22
    assert list(MANIFEST.cut(offset, length)) == wanted


def test_a_manifest_comes_back_and_a_changed_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(parts.encode_manifest(MANIFEST.header, MANIFEST.parts))
    assert parts.read_manifest(path) == MANIFEST
    path.write_bytes(path.read_bytes().replace(b"30", b"31"))
    with pytest.raises(ValueError, match="checksum"):
        parts.read_manifest(path)


def checksum(data: bytes) -> int:
    """As the format says: of the sums of the words of each whole 4 KiB, and then of the rest."""
    whole = len(data) // 4096 * 4096
    sums = [
        sum(np.frombuffer(data[start : start + 4096], "<u8").tolist()) % 2**64
        for start in range(0, whole, 4096)
    ]
    return zlib.crc32(data[whole:], zlib.crc32(np.array(sums, "<u8").tobytes()))


@pytest.mark.parametrize("pieces", [[10_000], [1, 4095, 4096, 1808], [5000, 5000]])
def test_a_chunks_file_is_a_header_and_its_bytes(pieces: list[int]) -> None:
    data, file = np.random.default_rng(3).bytes(10_000), io.BytesIO()
    bounds = np.cumsum([0, *pieces]).tolist()
    blocks = [data[a:b] for a, b in itertools.pairwise(bounds)]
    assert parts.write_chunk(file, blocks) == 10_000
    header = b"AFFEKTC1" + checksum(data).to_bytes(4, "little") + bytes(4)
    header += (10_000).to_bytes(8, "little") + bytes(8)
    assert file.getvalue() == header + data
    assert parts.chunk_length(file) == 10_000
    parts.check_chunk(file)
    assert b"".join(parts.read_blocks(file, 4090, 21)) == data[4090:4111]
    with pytest.raises(ValueError, match="too early"):
        list(parts.read_blocks(file, 9_990, 11))


@pytest.mark.parametrize("place", [0, 11, 17, 32, 32 + 9_999])
def test_a_changed_byte_is_found_wherever_it_is(place: int) -> None:
    file = io.BytesIO()
    parts.write_chunk(file, [np.random.default_rng(3).bytes(10_000)])
    changed = bytearray(file.getvalue())
    changed[place] ^= 0x10
    with pytest.raises(ValueError, match=r"checksum|cut off"):
        parts.check_chunk(io.BytesIO(bytes(changed)))


def test_a_chunk_of_several_blocks_is_read_and_checked_to_its_end() -> None:
    """Two and a half MiB, of which each block and the part behind the last page counts."""
    data, file = np.random.default_rng(4).bytes((5 << 19) + 77), io.BytesIO()
    assert parts.write_chunk(file, [memoryview(data).cast("B")]) == len(data)
    blocks = list(parts.read_blocks(file, 100, len(data) - 100))
    assert [len(block) for block in blocks] == [1 << 20, 1 << 20, (1 << 19) - 23]
    assert b"".join(blocks) == data[100:]
    parts.check_chunk(file)
    for place in (5, (1 << 20) + 5, (2 << 20) + 5, len(data) - 1):
        changed = bytearray(file.getvalue())
        changed[32 + place] ^= 1
        with pytest.raises(ValueError, match="checksum"):
            parts.check_chunk(io.BytesIO(bytes(changed)))


def test_what_is_no_chunk_is_told(tmp_path: Path) -> None:
    file = io.BytesIO()
    assert parts.write_chunk(file, []) == 0
    whole = file.getvalue()
    assert parts.chunk_length(io.BytesIO(whole)) == 0
    for data, said in (
        (whole[:31], "it has no header"),
        (b"", "it has no header"),
        (whole + b"x", "it is cut off, or no chunk"),
        (b"AFFEKTC2" + whole[8:], "it is cut off, or no chunk"),
    ):
        with pytest.raises(ValueError, match=said):
            parts.chunk_length(io.BytesIO(data))
    path = tmp_path / "m"
    good = parts.encode_manifest(b"\x01\xfe", ())
    path.write_bytes(good)
    assert parts.read_manifest(path) == Manifest(header=b"\x01\xfe", parts=())
    for bad in (good[1:], good.replace(b"\n", b""), b"", good[:8].upper() + b"x" + good[8:]):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match="checksum is another"):
            parts.read_manifest(path)
