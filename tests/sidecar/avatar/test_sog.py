# SPDX-License-Identifier: GPL-3.0-or-later
"""SOG: pictures, palettes, codebooks and the description beside them."""

import json

import numpy as np
import pytest
from affekt.shared import limits
from affekt.sidecar.avatar import sog
from affekt.sidecar.avatar.read import decode_avatar
from fakes import packed
from fakes.lam import lam_bundle, pack_zip
from fakes.packed import some_splats
from fakes.packed_checks import code_of, refusal, turns


def test_a_codebook_that_begins_with_null():
    """JSON has no minus infinity, so exporters wrote null for the scale of a flat axis."""
    splats = some_splats()
    files = packed.sog_files(splats)
    meta = json.loads(files["meta.json"])
    first, second, last = (meta["scales"]["codebook"][k] for k in (0, 1, 255))
    meta["scales"]["codebook"][0] = None
    avatar = decode_avatar(pack_zip({**files, "meta.json": json.dumps(meta).encode()}), "flat")
    expected = np.log(splats.scales)
    least = np.unravel_index(expected.argmin(), expected.shape)
    assert np.log(avatar.scales[least]) == pytest.approx(second + (second - last) / 255, abs=1e-5)
    assert abs(first - expected.min()) < 0.02


def test_bytes_past_a_short_codebook_stand_for_its_last_number():
    files = packed.sog_files(some_splats())
    meta = json.loads(files["meta.json"])
    meta["scales"]["codebook"] = [-7.0, -3.0]
    avatar = decode_avatar(pack_zip({**files, "meta.json": json.dumps(meta).encode()}), "short")
    sizes = np.log(avatar.scales)
    assert set(np.round(sizes, 4).ravel()) <= {-7.0, -3.0}
    assert (sizes > -4).mean() > 0.9


@pytest.mark.parametrize("version", [1, 2])
def test_a_sogs_furthest_places_are_its_bounds(version: int):
    splats = some_splats()
    means = decode_avatar(packed.sog(splats, version), "s.sog").means
    np.testing.assert_allclose(means.max(0), splats.means.max(0), atol=3e-7)
    np.testing.assert_allclose(means.min(0), splats.means.min(0), atol=3e-7)


def test_a_sogs_rotation_that_names_no_place_turns_nothing():
    splats = some_splats()
    files = packed.sog_files(splats)
    rotations = np.array([packed._sog_rotation(q) for q in splats.quaternions.tolist()])
    rotations[[3, 7], 3] = 200, 0
    found = decode_avatar(pack_zip({**files, "quats.webp": packed._webp(rotations)}), "x")
    np.testing.assert_array_equal(found.quaternions[[3, 7]], [[1, 0, 0, 0]] * 2)
    others = np.delete(np.arange(40), [3, 7])
    assert turns(found.quaternions, splats.quaternions)[others].max() < 0.02


@pytest.mark.parametrize("version", [1, 2])
def test_a_sogs_palette_of_more_than_a_bytes_entries(version: int):
    splats = some_splats(300, 3)
    avatar = decode_avatar(packed.sog(splats, version), "s.sog")
    np.testing.assert_allclose(avatar.harmonics, splats.harmonics, atol=0.003)


def test_a_sogs_label_past_its_palette_has_no_harmonics():
    splats = some_splats(40, 3)
    files = packed.sog_files(splats)
    labels = np.zeros((40, 3), int)
    labels[:, 0] = np.arange(40)[::-1]
    labels[7], labels[9] = (255, 255, 0), (64, 0, 0)  # its one row has 64 places
    found = decode_avatar(pack_zip({**files, "shN_labels.webp": packed._webp(labels)}), "x")
    assert not found.harmonics[[7, 9]].any()
    others = np.delete(np.arange(40), [7, 9])
    np.testing.assert_allclose(found.harmonics[others], splats.harmonics[others], atol=0.003)


@pytest.mark.parametrize("width", [64 * 3 + 1, 64 * 3 - 1, 64 * 4, 64 * 16])
def test_a_sogs_palette_has_whole_places_of_a_known_degree(width: int):
    files = packed.sog_files(some_splats(40, 3))
    name = json.loads(files["meta.json"])["shN"]["files"][0]
    palette = packed._encode(np.zeros((1, width, 4), np.uint8))
    refused = refusal(pack_zip({**files, name: palette}))
    assert refused.code == "avatar.packed"
    assert "palette of harmonics has a width that none can have" in refused.message


def test_pictures_that_do_not_belong():
    files = packed.sog_files(some_splats(40, 3))
    small = packed.sog_files(some_splats(3, 3))
    for name in files:
        if name == "meta.json":
            continue
        missing = {k: v for k, v in files.items() if k != name}
        assert code_of(pack_zip(missing)) == "avatar.missing_file"
        assert code_of(pack_zip({**files, name: b"no picture"})) == "avatar.packed"
        if name != "shN_centroids.webp":
            assert code_of(pack_zip({**files, name: small[name]})) == "avatar.packed"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 3),
        ("count", None),
        ("count", 0),
        ("count", 10**9),
        ("means", None),
        ("means", {"mins": [0, 0], "maxs": [1, 1, 1], "files": ["means_l.webp"] * 2}),
        ("means", {"mins": [0, 0, "1"], "maxs": [1, 1, 1], "files": ["means_l.webp"] * 2}),
        ("means", {"mins": [900, 0, 0], "maxs": [1, 1, 1], "files": ["means_l.webp"] * 2}),
        ("scales", {"codebook": [12.0], "files": ["scales.webp"]}),
        ("scales", {"codebook": [], "files": ["scales.webp"]}),
        ("quats", {"files": [3]}),
        ("sh0", []),
        ("shN", {"codebook": [0.5], "files": ["sh0.webp", "sh0.webp"]}),
    ],
)
def test_lying_descriptions(key: str, value: object):
    files = packed.sog_files(some_splats())
    meta = {**json.loads(files["meta.json"]), key: value}
    assert code_of(pack_zip({**files, "meta.json": json.dumps(meta).encode()})) == "avatar.packed"


def test_other_zips():
    assert code_of(pack_zip({"meta.json": b"[" * 100_000})) == "avatar.packed"
    assert code_of(pack_zip({"meta.json": b'{"a": 1}'})) == "avatar.packed"
    assert code_of(pack_zip({"point_cloud.ply": b"ply"})) == "avatar.missing_file"
    assert decode_avatar(lam_bundle(), "egg.zip").surface is not None


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
