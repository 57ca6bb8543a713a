# SPDX-License-Identifier: GPL-3.0-or-later
"""Affekt's avatar file: bit for bit there and back, and nothing damaged gets further."""

import hashlib
import json
import struct
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import ARRAY_FIELDS, HeadModel
from affekt.sidecar.avatar.affekt_avatar import (
    decode_affekt_avatar,
    encode_avatar,
    is_affekt_avatar,
)
from affekt.sidecar.avatar.avatar import ArkitRig, Avatar
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.read import decode_avatar, is_affekt_avatar_file
from affekt.sidecar.head.read import read_head
from affekt.sidecar.render.shot import read_subject
from fakes.calibrations import any_calibration
from fakes.head import small_head
from fakes.lam import lam_bundle
from fakes.splats import splat_ply
from safetensors.numpy import load, save


def same(one: object, other: object, names: list[str]) -> None:
    for name in names:
        mine, theirs = getattr(one, name), getattr(other, name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == theirs.dtype, name
            np.testing.assert_array_equal(mine, theirs, err_msg=name)
        elif not isinstance(mine, (ArkitRig, HeadModel)):
            assert mine == theirs, name


def same_avatar(one: Avatar, other: Avatar) -> None:
    same(one, other, [field.name for field in fields(Avatar)])


@pytest.fixture(scope="module")
def rigged() -> Avatar:
    avatar = decode_lam_avatar(lam_bundle(), "egg.zip")
    return replace(avatar, notes=("a note", "schön"), name="Ägg")


def on_head(head: HeadModel) -> Avatar:
    still = decode_avatar(splat_ply(40, 8), "v.ply")
    rng = np.random.default_rng(0)
    return replace(
        still,
        surface=head,
        binding="face",
        follow="surface",
        anchors=rng.integers(0, len(head.faces), 40).astype(np.int32),
        shape=rng.normal(0, 1, 8).astype(np.float32),
        template_change=rng.normal(0, 0.001, head.template.shape).astype(np.float32),
    )


def test_a_rig_comes_back(rigged: Avatar):
    back = decode_avatar(encode_avatar(rigged), "egg.safetensors")
    same_avatar(rigged, back)
    same(rigged.surface, back.surface, [field.name for field in fields(ArkitRig)])


RIG = "vertices faces arkit_shapes joint_pivots joint_weights joint_shares"
HEAD = """template faces shape_basis expression_basis pose_basis joint_regressor skin_weights uv
landmark_faces landmark_weights region upper colour arkit_expression arkit_jaw arkit_eyes"""
GAUSSIANS = {"anchors", "offsets", "quaternions", "scales", "opacities", "colours"}


def test_the_names_in_a_file_are_those_of_the_docs(rigged: Avatar):
    """Who reads files of before, or writes some by another program, goes by docs/formats.md."""
    known = replace(rigged.surface, calibration=any_calibration())
    avatar = replace(rigged, surface=known, harmonics=np.zeros((len(rigged), 3, 3), np.float32))
    arrays, metadata = parts(avatar)
    said = {"format": "affekt-avatar", "version": "1", "name": "Ägg", "binding": "vertex",
            "follow": "stretch", "solid": "yes", "notes": '["a note", "sch\\u00f6n"]',
            "surface": "arkit", "shapes": "calibrated"}  # fmt: skip
    assert metadata == said
    calibration = {f"rig.calibration_{name}" for name in ("map", "most", "gaps", "reach")}
    of_rig = {f"rig.{name}" for name in RIG.split()}
    assert set(arrays) == {*GAUSSIANS, "harmonics", *of_rig, *calibration}
    for key, values in (
        ("rig.arkit_shapes", known.arkit_shapes),
        ("rig.calibration_gaps", any_calibration().gaps),
        ("rig.joint_shares", known.joint_shares),
        ("opacities", avatar.opacities),
    ):
        np.testing.assert_array_equal(arrays[key], values)
    arrays, metadata = parts(replace(rigged, opaque_core=False, notes=()))
    assert set(arrays) == {*GAUSSIANS, *of_rig}
    assert metadata == {**said, "solid": "no", "notes": "[]", "shapes": "plain"}


def test_the_names_of_a_heads_file_are_those_of_the_docs():
    head = small_head()
    arrays, metadata = parts(on_head(head))
    assert set(arrays) == {*GAUSSIANS, "harmonics", "shape", "template_change"}
    mesh = head.template.astype("<f4").tobytes() + head.faces.astype("<i4").tobytes()
    said = {"surface": "head", "head_space": head.space, "binding": "face", "follow": "surface",
            "head_mesh": hashlib.sha256(mesh).hexdigest(), "solid": "no"}  # fmt: skip
    assert {key: metadata.get(key) for key in said} == said
    assert "shapes" not in metadata
    data = encode_avatar(on_head(head), embed_head=True)
    carried = {key for key in load(data) if key.startswith("head.")}
    assert carried == {f"head.{name}" for name in HEAD.split()}
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    assert header["head_name"] == head.name
    assert json.loads(header["head_expressions"]) == list(head.expression_names)
    still, metadata = parts(decode_avatar(splat_ply(), "v.ply"))
    assert set(still) == {*GAUSSIANS, "harmonics"}
    assert (metadata["surface"], metadata["binding"], metadata["follow"]) == (
        "none", "none", "still",
    )  # fmt: skip


def test_gaussians_alone_come_back():
    still = decode_avatar(splat_ply(), "v.ply")
    same_avatar(still, decode_avatar(encode_avatar(still), "v.safetensors"))


def test_a_head_is_named_not_carried():
    head = small_head()
    avatar = on_head(head)
    data = encode_avatar(avatar)
    assert not [key for key in load(data) if key.startswith("head.")]
    assert head.template.tobytes() not in data
    back = decode_avatar(data, "a", head)
    assert back.surface is head
    same_avatar(avatar, back)
    for given, code in ((None, "avatar.needs_head"), (small_head(seed=3), "avatar.head")):
        with pytest.raises(InputError) as caught:
            decode_avatar(data, "a", replace(given, space="flame2023") if given else None)
        assert caught.value.code == code


def test_a_head_is_carried_when_asked():
    avatar = on_head(small_head())
    back = decode_avatar(encode_avatar(avatar, embed_head=True), "a")
    same_avatar(avatar, back)
    same(avatar.surface, back.surface, [*ARRAY_FIELDS, "name", "space", "expression_names"])


def test_the_open_head_is_found(tmp_path: Path):
    head = read_head("open")
    avatar = on_head(head)
    path = tmp_path / "open.safetensors"
    path.write_bytes(encode_avatar(avatar))
    assert is_affekt_avatar_file(path)
    subject = read_subject(str(path))
    assert isinstance(subject, Avatar)
    assert subject.surface is head
    assert not is_affekt_avatar_file(tmp_path / "missing")


def test_an_avatar_on_an_earlier_open_head_says_so(tmp_path: Path):
    earlier = replace(read_head("open"), template=read_head("open").template + np.float32(0.001))
    path = tmp_path / "earlier.safetensors"
    path.write_bytes(encode_avatar(on_head(earlier)))
    with pytest.raises(InputError) as caught:
        read_subject(str(path))
    assert caught.value.code == "avatar.needs_head"
    assert "earlier open head" in caught.value.remedy


GAUSSIANS = {
    "anchors": np.int32([0, 0]),
    "offsets": np.float32([[1, 2, 3], [4, 5, 6]]),
    "quaternions": np.float32([[1, 0, 0, 0], [0, 0.6, 0, 0.8]]),
    "scales": np.float32([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]),
    "opacities": np.float32([0.25, 0.75]),
    "colours": np.float32([[0, 0.5, 1], [0.1, 0.2, 0.3]]),
}


def test_a_file_as_other_versions_write_it():
    """By its words and names, apart from our own writer."""
    words = {
        "format": "affekt-avatar",
        "version": "1",
        "name": "Vase",
        "binding": "none",
        "follow": "still",
        "solid": "yes",
        "notes": '["so"]',
        "surface": "none",
    }
    avatar = decode_avatar(save(GAUSSIANS, words), "v.safetensors")
    for name, values in GAUSSIANS.items():
        np.testing.assert_array_equal(getattr(avatar, name), values)
    assert (avatar.name, avatar.binding, avatar.follow) == ("Vase", "none", "still")
    assert (avatar.opaque_core, avatar.notes, avatar.surface) == (True, ("so",), None)
    arrays, written = parts(avatar)
    assert written == words
    assert sorted(arrays) == sorted(GAUSSIANS)


def test_what_a_rigs_file_says(rigged: Avatar):
    arrays, words = parts(rigged)
    assert words == {
        "format": "affekt-avatar",
        "version": "1",
        "name": "Ägg",
        "binding": "vertex",
        "follow": "stretch",
        "solid": "yes",
        "notes": '["a note", "sch\\u00f6n"]',
        "surface": "arkit",
        "shapes": "plain",
    }
    assert sorted(set(arrays) - set(GAUSSIANS)) == [
        "rig.arkit_shapes",
        "rig.faces",
        "rig.joint_pivots",
        "rig.joint_shares",
        "rig.joint_weights",
        "rig.vertices",
    ]


def test_a_heads_mesh_is_known_by_its_hash():
    """SHA-256 of the template's single precision, then the faces' 32-bit numbers."""
    head = small_head()
    data = head.template.astype("<f4").tobytes() + head.faces.astype("<i4").tobytes()
    _, words = parts(on_head(head))
    assert words["head_mesh"] == hashlib.sha256(data).hexdigest()
    assert (words["surface"], words["head_space"]) == ("head", head.space)
    _, carried = parts_of(encode_avatar(on_head(head), embed_head=True))
    assert carried["head_name"] == head.name
    assert json.loads(carried["head_expressions"]) == list(head.expression_names)


def test_same_avatar_same_bytes(rigged: Avatar):
    assert encode_avatar(rigged) == encode_avatar(rigged)


@pytest.mark.parametrize("name", ["a", "ab", "abcdefgh", "Ägg"])
def test_arrays_begin_at_whole_words(rigged: Avatar, name: str):
    """As the library's own encoder lays them, so that they can be mapped into memory."""
    (size,) = struct.unpack_from("<Q", encode_avatar(replace(rigged, name=name)))
    assert size % 8 == 0


def code_of(data: bytes, head: HeadModel | None = None) -> str:
    with pytest.raises(InputError) as caught:
        decode_affekt_avatar(data, "test.safetensors", head)
    return caught.value.code


def parts(avatar: Avatar) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    return parts_of(encode_avatar(avatar))


def parts_of(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    (size,) = struct.unpack_from("<Q", data)
    return load(data), json.loads(data[8 : 8 + size])["__metadata__"]


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("version", "2", "avatar.version"),
        ("version", "", "avatar.version"),
        ("binding", "edge", "file.damaged"),
        ("binding", "none", "avatar.shape"),
        ("follow", "lead", "file.damaged"),
        ("surface", "cube", "file.damaged"),
        ("surface", "none", "avatar.shape"),
        ("surface", "head", "avatar.needs_head"),
        ("notes", "{", "file.damaged"),
        ("notes", "[1]", "file.damaged"),
        ("notes", "[" * 50_000, "file.damaged"),
    ],
)
def test_lying_metadata(rigged: Avatar, key: str, value: str, code: str):
    arrays, metadata = parts(rigged)
    assert code_of(save(arrays, {**metadata, key: value})) == code


def test_no_word_of_a_file_moves_a_terminals_cursor(rigged: Avatar):
    told = replace(rigged, name="me\x1b[2J\r\u009bm \U0001f469", notes=("one\x07two",))
    back = decode_affekt_avatar(encode_avatar(told), "me")
    assert back.name == "me?[2J??m \U0001f469"
    assert back.notes == ("one?two",)


def test_an_identity_beyond_all_people():
    head = read_head("open")
    known = replace(on_head(head), shape=np.float32([0, -1e3]))
    assert decode_affekt_avatar(encode_avatar(known), "me").shape.tolist() == [0, -1e3]
    for change in ({"shape": [0, 1e30]}, {"template_change": np.full(head.template.shape, 1e9)}):
        broken = {name: np.float32(values) for name, values in change.items()}
        arrays, metadata = parts(known)
        assert code_of(save(arrays | broken, metadata)) == "avatar.values"


def _with(values: np.ndarray, place: object, value: float) -> np.ndarray:
    values = values.copy()
    values[place] = value
    return values


@pytest.mark.parametrize(
    ("key", "change", "code"),
    [
        ("anchors", lambda v: v + len(v), "avatar.shape"),
        ("anchors", lambda v: v - 1, "avatar.shape"),
        ("anchors", lambda v: v.astype(np.int64), "file.damaged"),
        ("anchors", lambda v: v[:0], "avatar.too_big"),
        ("anchors", lambda _: np.zeros(2_000_001, np.int32), "avatar.too_big"),
        ("offsets", lambda v: v[:-1], "avatar.shape"),
        ("offsets", lambda v: v.astype(np.float16), "file.damaged"),
        ("offsets", lambda v: _with(v, 3, np.nan), "avatar.not_finite"),
        ("offsets", lambda v: _with(v, 3, 1e9), "avatar.values"),
        ("scales", lambda v: _with(v, 3, np.inf), "avatar.not_finite"),
        ("scales", lambda v: _with(v, 3, -1), "avatar.values"),
        ("scales", lambda v: _with(v, 3, 1e6), "avatar.values"),
        ("quaternions", lambda v: _with(v, 5, 0), "avatar.values"),
        ("opacities", lambda v: _with(v, 5, 1.5), "avatar.values"),
        ("opacities", lambda v: np.float32(v[0]), "file.damaged"),
        ("harmonics", lambda _: np.zeros((768, 5, 3), np.float32), "avatar.shape"),
        ("harmonics", lambda _: np.zeros(768, np.float32), "avatar.shape"),
        ("shape", lambda _: np.zeros(3, np.float32), "avatar.shape"),
        ("colours", None, "file.damaged"),
        ("rig.faces", lambda v: v + len(v), "avatar.shape"),
        ("rig.faces", lambda v: v.astype(np.float32), "file.damaged"),
        ("rig.arkit_shapes", lambda v: v[:, :-1], "avatar.shape"),
        ("rig.arkit_shapes", None, "file.damaged"),
        ("rig.vertices", lambda _: np.zeros((200_001, 3), np.float32), "avatar.too_big"),
        ("rig.vertices", lambda v: _with(v, 0, np.nan), "avatar.not_finite"),
        ("rig.vertices", lambda v: _with(v, 0, 1e38), "avatar.values"),
        ("rig.arkit_shapes", lambda v: _with(v, (3, 0), -1e9), "avatar.values"),
        ("rig.joint_weights", lambda v: v[:, :0], "avatar.shape"),
    ],
)
def test_lying_arrays(rigged: Avatar, key: str, change, code: str):
    arrays, metadata = parts(rigged)
    if change is None:
        del arrays[key]
    else:
        arrays[key] = np.asarray(change(arrays.get(key)))
    assert code_of(save(arrays, metadata)) == code


def with_header(data: bytes, change) -> bytes:
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def test_lying_headers(rigged: Avatar):
    data = encode_avatar(rigged)

    def offsets(header: dict) -> None:
        header["scales"]["data_offsets"] = [0, 2**40]

    def shape(header: dict) -> None:
        header["scales"]["shape"] = [2**31, 2**31]

    def overlap(header: dict) -> None:
        header["scales"]["data_offsets"] = header["offsets"]["data_offsets"]

    def kind(header: dict) -> None:
        header["scales"]["dtype"] = "F128"

    for change in (offsets, shape, overlap, kind):
        assert code_of(with_header(data, change)) == "file.damaged"


def test_huge_headers_are_no_avatar(rigged: Avatar):
    data = encode_avatar(rigged)
    for size in (2**63, 2**40, len(data), 0, 1):
        assert not is_affekt_avatar(struct.pack("<Q", size) + data[8:])
    long = with_header(data, lambda header: header["__metadata__"].update(x="x" * 2_000_000))
    assert not is_affekt_avatar(long)
    with pytest.raises(InputError) as caught:
        decode_avatar(long, "long")
    assert caught.value.code == "file.wrong_kind"
    for text in (b'{"__metadata__": [1]}', b'{"__metadata__": "x"}', b"[1, 2, 3]", b"3 "):
        assert not is_affekt_avatar(struct.pack("<Q", len(text)) + text)
    nested = b"[" * 100_000
    assert not is_affekt_avatar(struct.pack("<Q", len(nested)) + nested)


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.1, 0.5, 0.99, 0.99999])
def test_truncated(rigged: Avatar, share: float):
    data = encode_avatar(rigged)
    with pytest.raises(InputError) as caught:
        decode_avatar(data[: int(share * len(data))], "cut")
    assert caught.value.code in ("file.damaged", "file.wrong_kind")
