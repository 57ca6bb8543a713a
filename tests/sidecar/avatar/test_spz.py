# SPDX-License-Identifier: GPL-3.0-or-later
"""SPZ: versions 2 to 4, axes, what it unpacks to."""

import gzip
import struct
import sys

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.avatar.splats import DC, in_axes
from fakes import packed
from fakes.packed import some_splats
from fakes.packed_checks import code_of, only, turns
from fakes.plain_drive import covariances


@pytest.mark.parametrize("version", [2, 3])
def test_one_gaussian_of_an_spz(version: int):
    """Positions of 24 bits, 12 behind the point; logarithms of scales in sixteenths from -10."""
    head = struct.pack("<4sIIBBBB", b"NGSP", version, 1, 0, 12, 0, 0)
    places = bytes([0, 16, 0, 0, 248, 255, 1, 0, 0])  # 4096, -2048, 1
    rest = bytes([51, 255, 0, 102, 160, 144, 16])
    # Half a turn about y has no w; version 3: y is the largest (1), x -0.5 sqrt(1/2) of 511ths.
    turn = bytes([127, 255, 127]) if version == 2 else struct.pack("<I", 1 << 30 | 512 + 256 << 20)
    avatar = only(gzip.compress(head + places + rest + turn))
    x = 0.0 if version == 2 else -256 / 511 * np.sqrt(0.5)
    colour = [0.5 + DC * (b / 255 - 0.5) / 0.15 for b in (255, 0, 102)]
    np.testing.assert_allclose(avatar.means[0], (1, -0.5, 1 / 4096), atol=1e-7)
    np.testing.assert_allclose(np.log(avatar.scales[0]), (0, -1, -9), atol=1e-6)
    np.testing.assert_allclose(avatar.opacities, [0.2], atol=1e-6)
    np.testing.assert_allclose(avatar.colours[0], np.maximum(colour, 0), atol=1e-6)
    expected = np.array([[0, x, np.sqrt(1 - x**2), 0]])
    assert turns(avatar.quaternions, expected).max() < 0.02


@pytest.mark.parametrize("axes", ["RDF", "LUF", "RUF", "RFU", "LBD", "RUB"])
def test_an_spz_of_other_axes_is_turned_into_ours(axes: str):
    """What the file calls its axes: the same Gaussians are written in them."""
    letters = {"R": (1, 0, 0), "U": (0, 1, 0), "B": (0, 0, 1)}
    letters |= {o: tuple(-v for v in letters[a]) for a, o in (("R", "L"), ("U", "D"), ("B", "F"))}
    theirs_from_ours = np.array([letters[letter] for letter in axes], np.float64)
    splats = some_splats(harmonics=15)
    avatar = decode_avatar(packed.spz(in_axes(splats, theirs_from_ours), axes=axes), "turned")
    np.testing.assert_allclose(avatar.means, splats.means, atol=2e-4)
    ours, written = (covariances(g.quaternions, g.scales) for g in (avatar, splats))
    np.testing.assert_allclose(ours, written, atol=2e-4)
    np.testing.assert_allclose(avatar.harmonics, splats.harmonics, atol=0.02)


def test_harmonics_of_degree_four_are_left_out_and_said():
    splats = some_splats(harmonics=24)
    avatar = decode_avatar(packed.spz(splats), "rich.spz")
    np.testing.assert_allclose(avatar.harmonics, splats.harmonics[:, :15], atol=0.004)
    assert "degree 4" in avatar.notes[0]


def test_the_finest_positions_of_an_spz():
    head = struct.pack("<4sIIBBBB", b"NGSP", 2, 1, 0, 24, 0, 0)
    places = bytes([0, 0, 64, 0, 0, 192, 1, 0, 0])  # a quarter of 2^24, minus that, 1
    avatar = only(gzip.compress(head + places + bytes([51, 0, 0, 0, 80, 80, 80, 255, 127, 127])))
    np.testing.assert_allclose(avatar.means[0], (0.25, -0.25, 2**-24), atol=1e-9)


def test_what_no_spz_can_be():
    def head(version: int = 3, count: int = 1, degree: int = 0, bits: int = 12) -> bytes:
        start = struct.pack("<4sIIBBBB", b"NGSP", version, count, degree, bits, 0, 0)
        return gzip.compress(start + bytes(200))

    assert len(decode_avatar(head(), "whole")) == 1
    for data in (
        head(version=1),
        head(version=9),
        head(count=0),
        head(count=3_000_000),
        head(count=1_000_000),
        head(degree=5),
        head(bits=25),
        gzip.compress(b"some text", mtime=0),
        b"\x1f\x8b\x08\0" + bytes(40),
        b"NGSP" + bytes(60),
    ):
        assert code_of(data) == "avatar.packed"


def test_other_gzip_files_are_told_from_spz():
    with pytest.raises(InputError, match="packed with gzip, but no SPZ is in it") as caught:
        decode_avatar(gzip.compress(b"frame,time,jawOpen" * 9), "take.csv.gz")
    assert caught.value.code == "avatar.packed"


def test_a_large_spz_may_unpack_to_two_hundred_times_its_size():
    """More than a megabyte, of numbers that do not repeat."""
    count = 60_000
    head = struct.pack("<4sIIBBBB", b"NGSP", 2, count, 0, 12, 0, 0)
    body = np.random.default_rng(0).integers(0, 256, 19 * count, np.uint8).tobytes()
    assert len(decode_avatar(gzip.compress(head + body, 1), "large.spz")) == count
    assert code_of(gzip.compress(head + bytes(19 * count))) == "avatar.packed"


SPZ_PARTS = (slice(0, 9), slice(9, 10), slice(10, 13), slice(13, 16), slice(16, 19))
"""Columns of each table in a row."""


def test_an_spz_whose_bytes_repeat_somewhat():
    """Each Gaussian four times: it unpacks to four times its size, above a megabyte."""
    rows = np.random.default_rng(0).integers(0, 256, (15_000, 19), np.uint8)
    tables = [np.repeat(rows[:, part], 4, 0).tobytes() for part in SPZ_PARTS]
    head = struct.pack("<4sIIBBBB", b"NGSP", 2, 60_000, 0, 12, 0, 0)
    assert len(decode_avatar(gzip.compress(head + b"".join(tables)), "large.spz")) == 60_000


def test_what_lies_behind_an_spzs_tables_counts_only_if_it_says_so():
    """Axes count with the flag of extensions alone; a record that is cut off is none."""
    splats = some_splats(5)
    whole = bytearray(gzip.decompress(packed.spz(splats, axes="LUF")))
    assert whole[14] == 2
    turned = decode_avatar(gzip.compress(bytes(whole)), "x")
    assert np.abs(turned.means - splats.means).max() > 0.1
    for number, known in ((0, True), (99, False), (17, False)):  # no axes, or unknown ones
        whole[-4:] = struct.pack("<I", number)
        data = gzip.compress(bytes(whole))
        if known:
            np.testing.assert_allclose(decode_avatar(data, "x").means, splats.means, atol=2e-4)
        else:
            assert code_of(data) == "avatar.packed"
    whole[14] = 1  # antialiased
    np.testing.assert_allclose(
        decode_avatar(gzip.compress(bytes(whole)), "x").means, splats.means, atol=2e-4
    )
    whole[14] = 2
    for cut in (1, 5, 11, 13):  # of Adobe's record, and of the one before
        found = decode_avatar(gzip.compress(bytes(whole[:-cut])), "x")
        np.testing.assert_allclose(found.means, splats.means, atol=2e-4)


def test_version_4_without_zstandard(monkeypatch: pytest.MonkeyPatch):
    """A file that needs the package names the line that installs it."""
    monkeypatch.setitem(sys.modules, "zstandard", None)
    toc = b"".join(struct.pack("<QQ", 1, size) for size in (9, 1, 3, 3, 4))
    head = struct.pack("<4sIIBBBBI12x", b"NGSP", 4, 1, 0, 12, 0, 5, 32)
    with pytest.raises(InputError) as caught:
        decode_avatar(head + toc + bytes(5), "new.spz")
    assert caught.value.code == "option.missing_extra"
    assert 'pip install "affekt[export]"' in caught.value.remedy


def test_version_4_that_lies():
    pytest.importorskip("zstandard", reason="the extra `export` is not installed")
    whole = packed.spz(some_splats(), 4)
    for place, form, value in (
        (15, "B", 4),  # streams
        (16, "<I", 3),  # where the table of contents begins
        (16, "<I", 2**31),
        (32, "<Q", 2**62),  # bytes of the first stream
        (40, "<Q", 2**62),  # and unpacked
        (8, "<I", 41),  # Gaussians
    ):
        data = bytearray(whole)
        struct.pack_into(form, data, place, value)
        assert code_of(bytes(data)) == "avatar.packed", (place, value)


def test_a_table_of_contents_that_is_cut_off():
    pytest.importorskip("zstandard", reason="the extra `export` is not installed")
    whole = packed.spz(some_splats(), 4)
    for end in (31, 32, 40, 32 + 16 * whole[15] - 1):
        assert code_of(whole[:end]) == "avatar.packed"


@pytest.mark.parametrize("more", [b"", b"\0", bytes(9), None])
def test_a_stream_of_version_4_has_the_size_that_it_should(more: bytes | None):
    """The last of its five streams, which holds a byte more, nine more, or one less."""
    zstandard = pytest.importorskip("zstandard", reason="the extra `export` is not installed")
    whole = packed.spz(some_splats(), 4)
    place = 32 + 16 * (whole[15] - 1)
    length, size = struct.unpack_from("<QQ", whole, place)
    table = zstandard.ZstdDecompressor().decompress(whole[-length:])
    assert len(table) == size
    stream = zstandard.ZstdCompressor().compress(table[:-1] if more is None else table + more)
    data = bytearray(whole[:-length] + stream)
    struct.pack_into("<Q", data, place, len(stream))
    if more == b"":
        assert len(decode_avatar(bytes(data), "whole")) == len(some_splats().means)
    else:
        assert code_of(bytes(data)) == "avatar.packed"


def test_version_4_that_would_fill_the_memory():
    """Forty megabytes of zeros in four thousand bytes: no avatar is that even."""
    zstandard = pytest.importorskip("zstandard", reason="the extra `export` is not installed")
    count, streams, toc = 2_000_000, [], b""
    for bytes_each in (9, 1, 3, 3, 4):
        table = bytes(bytes_each * count)
        streams.append(zstandard.ZstdCompressor().compress(table))
        toc += struct.pack("<QQ", len(streams[-1]), len(table))
    head = struct.pack("<4sIIBBBBI12x", b"NGSP", 4, count, 0, 12, 0, 5, 32)
    data = head + toc + b"".join(streams)
    assert len(data) < 6000
    with pytest.raises(InputError, match="far more than it can hold") as caught:
        decode_avatar(data, "bomb.spz")
    assert caught.value.code == "avatar.packed"
