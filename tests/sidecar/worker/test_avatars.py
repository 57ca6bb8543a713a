# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars at rest for clients: with all that moves them, and refused in a sentence."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import messages
from affekt.shared.avatar_messages import AvatarRead
from affekt.shared.messages import GetAvatar
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.avatar import ArkitRig
from affekt.sidecar.avatar.gaussian_avatars import decode_gaussian_avatar
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.open_avatar import open_avatar
from affekt.sidecar.avatar.ply import decode_ply
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.head.flame.read import read_flame
from affekt.sidecar.head.read import read_head
from affekt.sidecar.render.shot import head_from_avatar
from affekt.sidecar.worker import orders
from fakes.flame import flame_arrays, npz
from fakes.lam import lam_bundle
from fakes.orders import WorkClient
from fakes.splats import flame_param, splat_ply

SPACE = "flame2023"
ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("AFFEKT_TEST_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFEKT_CACHE_DIR", str(tmp_path / "kept"))


def read(real: WorkClient, **asked: str | None) -> AvatarRead:
    told = real.answer(GetAvatar(**asked))
    assert isinstance(told, AvatarRead), told
    return told


def refused(real: WorkClient, **asked: str | None) -> tuple[str, str]:
    told = real.answer(GetAvatar(**asked))
    assert isinstance(told, orders.Refused), told
    return told.code, told.remedy


def bundle(faces: int, vertices: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("point_cloud.ply", splat_ply(400, faces=faces))
        file.writestr("flame_param.npz", flame_param(vertices))
    return packed.getvalue()


def test_the_open_heads_own(real: WorkClient) -> None:
    told, wanted = read(real), open_avatar(read_head("open"))
    assert (told.surface, told.head_space, told.binding) == ("head", "open", "face")
    assert (told.follow, told.is_solid, told.harmonics) == ("deform", False, None)
    for name in ("anchors", "offsets", "quaternions", "scales", "opacities", "colours"):
        assert getattr(told, name).tobytes() == getattr(wanted, name).tobytes()


def test_a_lam_bundle_brings_its_mesh(real: WorkClient) -> None:
    told = read(real, avatar=real.keep(lam_bundle()), name="egg.zip")
    rig = decode_lam_avatar(lam_bundle(), "egg.zip").surface
    assert isinstance(rig, ArkitRig)
    assert (told.surface, told.follow, told.is_solid) == ("arkit", "stretch", True)
    for name in ("vertices", "faces", "arkit_shapes", "joint_weights", "joint_shares"):
        assert getattr(told, name).tobytes() == getattr(rig, name).tobytes()
    # An egg's face is not found: it says so instead of a calibration.
    assert told.map is None
    assert any("calibrated" in note for note in told.notes)


def test_a_lam_avatar_stands_where_its_pictures_have_it(real: WorkClient) -> None:
    """A rendering of the file puts its eyes to the open head's, and so is the rig."""
    path = DATA / "lam_avatars" / "barbara.zip"
    if not path.exists():
        pytest.skip(f"no LAM avatar {path}")
    told = read(real, avatar=real.keep(path.read_bytes()), name="barbara.zip")
    avatar = decode_lam_avatar(path.read_bytes(), "barbara.zip")
    rig = avatar.surface
    assert isinstance(rig, ArkitRig)
    before = head_from_avatar(avatar, read_head("open"))[:3, 3]
    assert np.linalg.norm(before) > 1, "the file's own place is between its feet"
    for name in ("vertices", "joint_pivots"):
        np.testing.assert_allclose(getattr(told, name), getattr(rig, name) + before, atol=1e-6)
    shown = replace(avatar, surface=replace(rig, vertices=told.vertices))
    np.testing.assert_allclose(head_from_avatar(shown, read_head("open")), np.eye(4), atol=1e-5)


def test_gaussian_avatars_in_one_zip(real: WorkClient, tmp_path) -> None:
    (tmp_path / "flame.npz").write_bytes(npz(flame_arrays()))
    flame = read_flame(tmp_path / "flame.npz", space=SPACE)
    faces, vertices = len(flame.faces), len(flame.template)
    avatar = real.keep(bundle(faces, vertices))
    code, remedy = refused(real, avatar=avatar, name="person.zip")
    assert code == "avatar.needs_head"
    assert "FLAME File" in remedy
    file = real.keep(npz(flame_arrays()))
    told = read(real, avatar=avatar, name="person.zip", flame=file, flame_space=SPACE)
    columns = decode_ply(splat_ply(400, faces=faces), "person")
    wanted = decode_gaussian_avatar(columns, "person", flame_param(vertices), flame)
    assert (told.surface, told.head_space, told.follow) == ("head", SPACE, "surface")
    assert told.shape is not None
    assert wanted.shape is not None
    np.testing.assert_array_equal(told.shape, wanted.shape)
    np.testing.assert_array_equal(told.offsets, wanted.offsets)
    assert told.harmonics is not None
    assert told.harmonics.shape == (400, 15, 3)


def test_a_file_that_holds_its_flame_needs_the_same_file(real: WorkClient, tmp_path) -> None:
    (tmp_path / "flame.npz").write_bytes(npz(flame_arrays()))
    flame = read_flame(tmp_path / "flame.npz", space=SPACE)
    columns = decode_ply(splat_ply(90, faces=len(flame.faces)), "mine")
    avatar = decode_gaussian_avatar(columns, "mine", flame_param(len(flame.template)), flame)
    mine = real.keep(encode_avatar(avatar, embed_head=True))
    assert refused(real, avatar=mine)[0] == "avatar.needs_head"
    arrays = flame_arrays()
    arrays["v_template"] = arrays["v_template"] + 0.001
    other = real.keep(npz(arrays))
    assert refused(real, avatar=mine, flame=other, flame_space=SPACE)[0] == "avatar.head"
    same = real.keep(npz(flame_arrays()))
    told = read(real, avatar=mine, flame=same, flame_space=SPACE)
    assert len(told) == 90
    assert told.template_change is not None


def test_a_long_note_is_whole_and_a_name_is_printable(real: WorkClient) -> None:
    long = "A sentence of four hundred letters. ".ljust(400, "a")
    avatar = decode_avatar(splat_ply(60), "vase.ply")
    noted = replace(avatar, name="va\tse" + 400 * "e", notes=(long, 600 * "b"))
    told = read(real, avatar=real.keep(encode_avatar(noted)))
    assert long in told.notes
    assert 500 * "b" in told.notes
    assert told.name == ("va?se" + 400 * "e")[:300]


def test_gaussians_that_stand_still(real: WorkClient) -> None:
    told = read(real, avatar=real.keep(splat_ply(60)), name="vase.ply")
    assert (told.surface, told.binding, told.vertices) == ("none", "none", None)
    assert any("stands still" in note for note in told.notes)
    assert isinstance(told, messages.MESSAGES["avatar_read"])


def test_more_than_a_message_holds(real: WorkClient, monkeypatch: pytest.MonkeyPatch) -> None:
    vase = real.keep(splat_ply(60))
    monkeypatch.setattr("affekt.shared.limits.MAX_BUFFER_BYTES", 60 * 45 * 4 - 1)
    code, remedy = refused(real, avatar=vase, name="vase.ply")
    assert code == "avatar.too_big"
    assert "spherical harmonics" in remedy


def test_what_is_no_avatar(real: WorkClient) -> None:
    assert refused(real, avatar=real.keep(b"\x89PNG\r\n"))[0] == "file.wrong_kind"
    assert refused(real, avatar="0" * 64)[0] == "link.no_artefact"
