# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged files of every kind: each is still an avatar, or an InputError; nothing else, and no
memory beyond what the file's own size explains."""

import contextlib
import gzip
import importlib.util
import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.errors import InputError
from affekt.shared.head import HeadModel
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.lam import decode_lam_avatar
from affekt.sidecar.avatar.read import decode_avatar
from affekt.sidecar.head.flame.read import read_flame
from fakes import packed
from fakes.flame import flame_arrays, npz
from fakes.lam import lam_bundle, lam_parts, pack_zip
from fakes.mutation import mutated
from fakes.splats import flame_param, splat_ply
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def flame(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    path = tmp_path_factory.mktemp("flame") / "flame.npz"
    path.write_bytes(npz(flame_arrays(60)))
    return read_flame(path, space="flame2023")


SKIN, OFFSET = lam_parts()
WHOLE = {
    "3dgs": splat_ply(8, 3),
    "gaussian avatars": splat_ply(8, 3, faces=50),
    "companion": flame_param(60, 2),
    "own": encode_avatar(decode_avatar(splat_ply(8, 3), "v")),
    "rigged": encode_avatar(decode_lam_avatar(lam_bundle(), "egg")),
    "zip": lam_bundle(),
    "glb": SKIN,
    "offsets": OFFSET,
    "splat": packed.antimatter15(packed.some_splats(8)),
    "compressed": packed.compressed_ply(packed.some_splats(8, 3)),
    "ksplat": packed.ksplat([packed.some_splats(8, 3)], 2, capacity=3),
    "ksplat 0": packed.ksplat([packed.some_splats(8, 3)], 0),
    "sog": packed.sog(packed.some_splats(8, 3)),
    "sog 1": packed.sog(packed.some_splats(8, 3), 1),
    "spz 2": gzip.decompress(packed.spz(packed.some_splats(8, 3), 2, axes="RDF")),
    "spz 3": gzip.decompress(packed.spz(packed.some_splats(8, 24), 3, axes="RFU")),
    "packed spz": packed.spz(packed.some_splats(8, 3)),
}
if importlib.util.find_spec("zstandard"):
    WHOLE["spz 4"] = packed.spz(packed.some_splats(8, 3), 4, axes="LUF")


def read_as(kind: str, data: bytes, head: HeadModel) -> None:
    companion = data if kind == "companion" else WHOLE["companion"]
    if kind == "companion":
        data = WHOLE["gaussian avatars"]
    if kind == "glb":
        data = pack_zip({"skin.glb": data, "offset.ply": OFFSET})
    if kind == "offsets":
        data = pack_zip({"skin.glb": SKIN, "offset.ply": data})
    if kind in ("spz 2", "spz 3"):  # else its checksum would hide what is changed
        data = gzip.compress(data)
    avatar = decode_avatar(data, "fuzz", head, companion)
    assert np.isfinite(avatar.means).all()
    assert np.isfinite(avatar.scales).all()


def attack(data: st.DataObject, kind: str, head: HeadModel) -> None:
    damaged = mutated(data, WHOLE[kind])
    with contextlib.suppress(InputError):
        read_as(kind, damaged, head)


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_files_are_read(kind: str, flame: HeadModel):
    read_as(kind, WHOLE[kind], flame)


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=25)
@given(data=st.data())
def test_damage(kind: str, flame: HeadModel, data: st.DataObject):
    attack(data, kind, flame)


@pytest.mark.full
@pytest.mark.parametrize("kind", WHOLE)
def test_much_damage(kind: str, flame: HeadModel):
    """2,000 files with up to eight changed bytes, most of them in the header, or cut short."""
    rng, whole = np.random.default_rng(0), WHOLE[kind]
    for _ in range(2000):
        content = bytearray(whole)
        for _ in range(rng.integers(0, 9)):
            end = len(content) if rng.random() < 0.3 else min(len(content), 1500)
            content[rng.integers(0, end)] = rng.integers(0, 256)
        if rng.random() < 0.2:
            del content[rng.integers(0, len(content)) :]
        with contextlib.suppress(InputError):
            read_as(kind, bytes(content), flame)


@settings(max_examples=60)
@given(st.binary(max_size=300), st.sampled_from([b"", b"ply\n", b"PK\x03\x04", b"glTF"]))
def test_noise(content: bytes, start: bytes):
    with pytest.raises(InputError):
        decode_avatar(start + content, "noise")


def lying_zip(**changes: int) -> bytes:
    """A bundle whose entries say other things than they hold."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        for name, content in (("skin.glb", SKIN), ("offset.ply", OFFSET)):
            info = zipfile.ZipInfo(f"p/{name}")
            info.external_attr = changes.get("attributes", 0o644) << 16
            bundle.writestr(info, content)
    data = bytearray(stream.getvalue())
    if "flags" in changes:
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            start = data.index(mark)
            data[start + place] |= changes["flags"]
    return bytes(data)


def code_of(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode_avatar(data, "test.zip")
    return caught.value.code


def test_links_are_only_bytes(tmp_path: Path):
    """An entry marked as a symbolic link is read as the bytes that it holds, never followed."""
    target = tmp_path / "secret.glb"
    target.write_bytes(SKIN)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        link = zipfile.ZipInfo("p/skin.glb")
        link.external_attr = 0o120777 << 16
        bundle.writestr(link, str(target))
        bundle.writestr("p/offset.ply", OFFSET)
    assert code_of(stream.getvalue()) == "avatar.glb"
    assert len(decode_avatar(lying_zip(attributes=0o120777), "t")) > 0  # the bytes are a GLB's


def test_locked_and_doubled_entries():
    assert code_of(lying_zip(flags=1)) == "avatar.zip"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        bundle.writestr("p/skin.glb", SKIN)
        with pytest.warns(UserWarning, match="Duplicate name"):
            bundle.writestr("p/skin.glb", SKIN[:100])
        bundle.writestr("p/offset.ply", OFFSET)
    assert code_of(stream.getvalue()) == "avatar.zip"


def test_a_thousand_entries_too_many():
    files = {f"{k}.txt": b"" for k in range(10_001)}
    assert code_of(pack_zip(files)) == "avatar.too_big"


def lying_spz() -> bytes:
    """100 KB of zeros, well packed, behind a header that announces 2,000,000 Gaussians."""
    head = struct.pack("<4sIIBBBB", b"NGSP", 3, 2_000_000, 3, 12, 0, 0)
    return gzip.compress(head + bytes(130_000_000), 1)[:100_000]


def lying_sog() -> bytes:
    """A picture whose header announces 16,383 x 16,383 pixels."""
    files = packed.sog_files(packed.some_splats(8))
    picture = bytearray(files["quats.webp"])
    place = picture.index(b"VP8L") + 9
    struct.pack_into("<I", picture, place, 16382 | 16382 << 14 | 1 << 28)
    return pack_zip({**files, "quats.webp": bytes(picture)})


@pytest.mark.parametrize("kind", ["ply", "zip", "own", "spz", "ksplat", "sog", "compressed"])
def test_lies_take_no_memory(kind: str):
    """Files of a few KB that announce gigabytes."""
    if kind == "spz":
        data = lying_spz()
    elif kind == "sog":
        data = lying_sog()
    elif kind == "ksplat":
        data = bytearray(WHOLE["ksplat"])
        struct.pack_into("<II", data, 4096, 1_999_999, 1_999_999)
        data = bytes(data)
    elif kind == "compressed":
        data = WHOLE["compressed"].replace(b"element vertex 8", b"element vertex 1999999")
    elif kind == "ply":
        data = splat_ply(50).replace(b"element vertex 50", b"element vertex 1999999")
    elif kind == "zip":
        data = pack_zip({"skin.glb": b"\0" * 300_000_000, "offset.ply": OFFSET})
    else:
        data = WHOLE["own"].replace(b'"shape": [8, 3]', b'"shape": [9000000000, 3]')
        assert data != WHOLE["own"]
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            decode_avatar(data, "lie")
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
