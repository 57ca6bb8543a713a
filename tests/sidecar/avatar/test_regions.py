# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels on other meshes: the open head in disguise, whose labels are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import REGIONS
from affekt.sidecar.avatar import regions
from affekt.sidecar.avatar.alignment import align, find_eyeballs, mesh_pieces
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.regions import PASS_REGIONS, find_labels, kept_labels
from affekt.sidecar.files import keep_arrays
from affekt.sidecar.head.read import read_head
from fakes.disguise import EYES, in_disguise, is_kept

OPEN = read_head("open")


def test_the_open_heads_own_labels():
    label = find_labels(OPEN)
    for ours, theirs in (
        ("skin", "skin"),
        ("lips", "lip"),
        ("eyes", "iris"),
        ("hair", "brow"),
        ("mouth", "tongue"),
        ("hair", "lash"),
        ("teeth", "teeth"),
        ("mouth", "mouth"),
        ("eyes", "sclera"),
        ("eyes", "pupil"),
    ):
        assert (label[OPEN.region == REGIONS.index(theirs)] == PASS_REGIONS.index(ours)).all()
    avatar = open_avatar(OPEN)
    found = find_labels(avatar)
    home = avatar.faces[avatar.anchors, 0] if avatar.binding == "face" else avatar.anchors
    np.testing.assert_array_equal(found, label[home])


def test_a_head_in_disguise_gets_its_own_labels():
    rig, known = in_disguise(OPEN)
    found = align(rig, OPEN)
    for name, least in (("lip", 0.9), ("skin", 0.97)):
        mine = known == REGIONS.index(name)
        share = (found.label[mine] == REGIONS.index(name)).mean()
        print(f"{name}: {share:.3f} of {mine.sum()}")
        assert share > least
    eyes = np.isin(known, [REGIONS.index(name) for name in EYES])
    np.testing.assert_array_equal(found.label == REGIONS.index("sclera"), eyes)
    skin = known == REGIONS.index("lip")
    kept = is_kept(OPEN)
    away = np.linalg.norm(found.place - OPEN.template[kept], axis=1)[skin]
    assert np.median(away) < 0.002
    assert 0.85 < found.open_from_metres < 0.97


def test_eyeballs_are_told_from_other_pieces():
    rig, _ = in_disguise(OPEN)
    pieces = mesh_pieces(rig.faces, len(rig.vertices))
    pair = find_eyeballs(rig.vertices.astype(np.float64), pieces)
    assert pair is not None
    left, right = (rig.vertices[pieces == piece].mean(0) for piece in pair)
    assert left[0] > 0 > right[0]
    assert find_eyeballs(rig.vertices.astype(np.float64), np.minimum(pieces, 1)) is None


@pytest.mark.parametrize("spoil", ["eyes", "jaw"])
def test_a_face_that_is_not_found(spoil: str):
    rig, _ = in_disguise(OPEN)
    if spoil == "jaw":
        rig = replace(rig, arkit_shapes=np.zeros_like(rig.arkit_shapes))
    else:
        pieces = mesh_pieces(rig.faces, len(rig.vertices))
        rig = replace(rig, faces=rig.faces[pieces[rig.faces[:, 0]] == 0])
    with pytest.raises(InputError) as caught:
        align(rig, OPEN)
    assert caught.value.code == "avatar.regions"


def test_kept_labels_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Once for each avatar; what lies damaged in the cache folder is made again."""
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path))
    avatar, made = open_avatar(OPEN), []
    real = regions.find_labels
    monkeypatch.setattr(regions, "find_labels", lambda *a: made.append(1) or real(*a))
    first = kept_labels(avatar)
    np.testing.assert_array_equal(first, real(avatar))
    np.testing.assert_array_equal(kept_labels(avatar), first)
    assert len(made) == 1
    (path,) = (tmp_path / "regions").iterdir()
    whole = path.read_bytes()
    for damaged in (whole[:-3], whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:]):
        path.write_bytes(damaged)
        np.testing.assert_array_equal(kept_labels(avatar), first)
    assert len(made) == 3
    for label in (
        np.full_like(first, len(PASS_REGIONS)),  # of another Affekt
        first[:-1],
        first.astype(np.int32),
    ):
        keep_arrays(path, {"label": label})
        np.testing.assert_array_equal(kept_labels(avatar), first)
    assert len(made) == 6
    other = first[::-1].copy()
    keep_arrays(path, {"label": other})  # what fits is taken as it is
    np.testing.assert_array_equal(kept_labels(avatar), other)
    assert len(made) == 6
    np.testing.assert_array_equal(kept_labels(OPEN), real(OPEN))
    assert len(made) == 7


def test_what_has_no_face_has_no_parts():
    avatar = open_avatar(OPEN)
    still = replace(
        avatar, surface=None, binding="none", anchors=np.zeros_like(avatar.anchors), follow="still"
    )
    with pytest.raises(InputError, match="has no face whose parts") as caught:
        find_labels(still)
    assert caught.value.code == "avatar.regions"


def test_finding_labels_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path))
    find_labels(open_avatar(OPEN))
    assert not any(tmp_path.iterdir())
