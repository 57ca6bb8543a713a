# SPDX-License-Identifier: GPL-3.0-or-later
"""Packed splats: headers and tables that end early or lie, and what is said of them."""

import gzip
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.sidecar.avatar import ksplat, sog
from affekt.sidecar.avatar.read import decode_avatar
from fakes import packed
from fakes.lam import pack_zip
from fakes.packed import some_splats


def refusal(data: bytes, name: str = "mine.sog") -> InputError:
    with pytest.raises(InputError) as caught:
        decode_avatar(data, name)
    return caught.value


def test_other_gzip_files_are_told_from_spz():
    with pytest.raises(InputError, match="packed with gzip, but no SPZ is in it") as caught:
        decode_avatar(gzip.compress(b"frame,time,jawOpen" * 9), "take.csv.gz")
    assert caught.value.code == "avatar.packed"


def test_a_table_of_contents_that_is_cut_off():
    pytest.importorskip("zstandard", reason="the extra `export` is not installed")
    whole = packed.spz(some_splats(), 4)
    for end in (31, 32, 40, 32 + 16 * whole[15] - 1):
        assert refusal(whole[:end]).code == "avatar.packed"


@pytest.mark.parametrize(
    ("place", "form", "value"),
    [
        (4096 + 40, "<H", 4),  # degree of harmonics
        (4096 + 0, "<I", 41),  # more Gaussians than there is room for
        (4096 + 16, "<f", np.nan),  # size of a block
        (4096 + 8, "<I", 0),  # Gaussians in a bucket
        (4096 + 20, "<H", 8),  # bytes of a bucket
        (4, "<I", 0),  # sections
        (4, "<I", 2),
        (20, "<H", 3),  # level
        (36, "<f", np.inf),
        (40, "<f", np.nan),
    ],
)
def test_headers_that_no_ksplat_has(place: int, form: str, value: float):
    data = bytearray(packed.ksplat([some_splats()]))
    struct.pack_into(form, data, place, value)
    assert refusal(bytes(data)).code == "avatar.packed"


def test_a_ksplat_names_the_bounds_of_its_harmonics():
    splats = some_splats(20, 3)
    data = bytearray(packed.ksplat([splats], 2))
    struct.pack_into("<ff", data, 36, -1.25, 4.25)  # twice as far as they were written
    wanted = -1.25 + 2 * (splats.harmonics + 1.25)
    np.testing.assert_allclose(decode_avatar(bytes(data), "x").harmonics, wanted, atol=0.022)


def test_words_of_a_compressed_ply_are_whole_numbers():
    data = packed.compressed_ply(some_splats(3))
    assert refusal(data.replace(b"uint packed_scale", b"float packed_scale")).code == "avatar.ply"


def test_a_sog_says_what_is_wrong_with_which_file_and_what_to_do():
    files = packed.sog_files(some_splats())
    meta = json.loads(files["meta.json"])
    del meta["means"]
    for text, said in (
        (json.dumps(meta).encode(), "its meta.json describes no Gaussians"),
        (b"[1]", "its meta.json describes no Gaussians"),
        (b'{"means": {}, "version": 7}', "it is SOG of version 7; Affekt reads 1 and 2"),
        (b'{"means": {"shape": []}}', "does not say how many Gaussians"),
        (b'{"means": 3, "version": 2, "count": 1.5}', "does not say how many Gaussians"),
    ):
        error = refusal(pack_zip({**files, "meta.json": text}))
        assert error.code == "avatar.packed"
        assert "mine.sog" in error.message
        assert said in error.message
        assert "save it as a PLY of Gaussians" in error.remedy


def test_a_sogs_description_and_pictures_have_an_end(monkeypatch: pytest.MonkeyPatch):
    """8 x 5 pixels for 40 Gaussians: as many as there may be, and then one too many."""
    files = packed.sog_files(some_splats(40))
    data = pack_zip(files)
    monkeypatch.setattr(sog, "_MAX_PIXELS", 40)
    monkeypatch.setattr(sog, "_MAX_META_BYTES", len(files["meta.json"]))
    assert len(decode_avatar(data, "a.sog")) == 40
    monkeypatch.setattr(sog, "_MAX_PIXELS", 39)
    assert "scales.webp is far larger than its Gaussians need" in refusal(data).message
    monkeypatch.setattr(sog, "_MAX_PIXELS", 40)
    monkeypatch.setattr(sog, "_MAX_META_BYTES", len(files["meta.json"]) - 1)
    assert "its description is too long" in refusal(data).message


def test_the_ends_of_a_sogs_description_and_pictures():
    assert sog._MAX_META_BYTES == 4 * 1024 * 1024
    assert sog._MAX_PIXELS == 2 * limits.MAX_GAUSSIANS


def test_a_codebook_of_more_than_256_numbers_has_256():
    files = packed.sog_files(some_splats())
    whole = decode_avatar(pack_zip(files), "whole")
    meta = json.loads(files["meta.json"])
    for part in ("scales", "sh0"):
        meta[part]["codebook"] += [0.0] * 9
    found = decode_avatar(pack_zip({**files, "meta.json": json.dumps(meta).encode()}), "long")
    np.testing.assert_array_equal(found.scales, whole.scales)
    np.testing.assert_array_equal(found.colours, whole.colours)


@pytest.mark.parametrize("log_scale", [11.6, 12.5])
def test_a_compressed_plys_largest_gaussian(log_scale: float):
    """e^11.5 m is as large as one may be."""
    splats = some_splats(6)
    scales = splats.scales.copy()
    scales[2] = np.exp(log_scale)
    error = refusal(packed.compressed_ply(replace(splats, scales=scales)), "large.ply")
    assert error.code == "avatar.ply"
    assert "far too large" in error.message


def test_a_header_alone_is_no_ksplat():
    whole = packed.ksplat([some_splats()])
    assert ksplat.is_ksplat(whole)
    assert ksplat.is_ksplat(whole[: 4096 + 1024])
    assert not ksplat.is_ksplat(whole[: 4096 + 1023])
    assert not ksplat.is_ksplat(b"\x01" + whole[1:])
