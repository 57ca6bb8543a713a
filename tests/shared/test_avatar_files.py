# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars in several files, and which stand still."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from affekt.shared import limits
from affekt.shared.avatar_files import find_parts, pack_folder, stands_still, whole_of
from affekt.shared.errors import InputError
from affekt.sidecar.avatar.affekt_avatar import encode_avatar
from affekt.sidecar.avatar.read import decode_avatar
from fakes import packed
from fakes.lam import lam_bundle
from fakes.splats import splat_ply


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())
    return folder


def names_in(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        assert all(bundle.read(name) == name.encode() for name in bundle.namelist())
        return bundle.namelist()


def code_of(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        pack_folder(folder)
    return caught.value.code


def test_parts_here_or_one_folder_below(tmp_path: Path):
    fill(tmp_path / "__MACOSX", "skin.glb", "offset.ply")
    fill(tmp_path / "notes", "skin.glb")
    assert find_parts(tmp_path) == ()
    below = fill(tmp_path / "p2-1", "skin.glb", "offset.ply", "animation.glb", "vertex_order.json")
    assert names_in(pack_folder(tmp_path)) == ["skin.glb", "offset.ply"]
    assert names_in(pack_folder(below)) == ["skin.glb", "offset.ply"]
    fill(tmp_path / "sog", "meta.json", "means_l.webp", "quats.webp", "shot.png")
    assert names_in(pack_folder(tmp_path / "sog")) == ["meta.json", "means_l.webp", "quats.webp"]
    with pytest.raises(InputError, match="several avatars: p2-1, sog") as caught:
        pack_folder(tmp_path)
    assert caught.value.code == "file.folder"


def test_a_part_knows_its_whole(tmp_path: Path):
    whole = fill(tmp_path / "whole", "skin.glb", "offset.ply", "other.ply")
    half = fill(tmp_path / "half", "offset.ply", "meta.json")
    for path, expected in (
        (whole / "skin.glb", whole),
        (whole / "offset.ply", whole),
        (whole / "other.ply", None),
        (half / "offset.ply", None),
        (half / "meta.json", None),
        (half / "skin.glb", None),
        (half, None),
    ):
        assert whole_of(path) == expected


def test_folders_without_an_avatar(tmp_path: Path):
    assert code_of(tmp_path) == "file.folder"
    assert code_of(tmp_path / "none") == "file.missing"
    fill(tmp_path, "meta.json", "notes.txt")  # a description without pictures
    assert code_of(tmp_path) == "file.folder"


def test_folders_that_are_too_large(tmp_path: Path):
    fill(tmp_path, "skin.glb", "offset.ply")
    with (tmp_path / "skin.glb").open("r+b") as file:
        file.truncate(limits.MAX_AVATAR_BYTES)  # a hole, which takes no disk
    assert code_of(tmp_path) == "file.too_large"


def test_the_same_parts_give_the_same_bytes(tmp_path: Path):
    """Whenever they were written: a copy of a folder is the same avatar to the sidecar's cache."""
    first, second = (fill(tmp_path / n, "skin.glb", "offset.ply") for n in "ab")
    os.utime(second / "offset.ply", (1_000_000_000, 1_000_000_000))  # in 2001
    assert pack_folder(first) == pack_folder(second)


def test_which_stand_still():
    splats, vase = packed.some_splats(), splat_ply()
    for data in (
        vase,
        packed.antimatter15(splats),
        packed.spz(splats),
        packed.compressed_ply(splats),
        packed.ksplat([splats]),
        packed.sog(splats),
        encode_avatar(decode_avatar(vase, "vase")),
    ):
        assert stands_still(data)
    moving = encode_avatar(decode_avatar(lam_bundle(), "egg"))
    for data in (lam_bundle(), splat_ply(faces=9), moving):
        assert not stands_still(data)


def zip_of(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        for name in names:
            bundle.writestr(name, b"")
    return packed.getvalue()


def test_what_moves_is_told_by_its_skin():
    assert not stands_still(zip_of("p2-1/skin.glb", "p2-1/notes.txt"))
    assert stands_still(zip_of("offset.ply", "meta.json"))
    assert stands_still(zip_of("offset.ply")[:40])


@pytest.mark.parametrize(
    ("header", "still"),
    [
        ('{"__metadata__": {"surface": "rig"}}', False),
        ('{"__metadata__": {"surface": "none"}}', True),
        ('{"__metadata__": {}}', True),
        ("{}", True),
        ("[1]", True),
        ('{"__metadata__": 3}', True),
        ("no JSON", True),
        ("[" * 100_000, True),
    ],
)
def test_a_header_that_says_of_no_surface_is_no_avatars(header: str, still: bool):
    data = len(header).to_bytes(8, "little") + header.encode()
    assert stands_still(data) is still
    assert stands_still(data[:-1])  # a header that ends too early says nothing


def test_a_folder_of_nothing_says_what_it_may_hold(tmp_path: Path):
    fill(tmp_path, "notes.txt")
    with pytest.raises(InputError) as caught:
        pack_folder(tmp_path)
    assert caught.value.remedy.startswith("Give a file, or a folder that holds LAM's skin.glb")


def test_a_folder_without_an_avatar_names_what_may_be_one(tmp_path: Path):
    fill(tmp_path, "face.spz", "notes.txt", "a.PLY", "b.sog", "c.zip")
    with pytest.raises(InputError) as caught:
        pack_folder(tmp_path)
    said = "Give the avatar's file itself; in the folder: a.PLY, b.sog, c.zip."
    assert caught.value.remedy == said


@pytest.mark.parametrize("ending", ["zip", "ply", "safetensors", "splat", "spz", "ksplat", "sog"])
def test_which_files_may_be_an_avatar(tmp_path: Path, ending: str):
    fill(tmp_path, f"face.{ending}", "face.txt")
    with pytest.raises(InputError, match=rf"in the folder: face\.{ending}\."):
        pack_folder(tmp_path)


def test_a_sog_has_so_many_pictures(tmp_path: Path):
    fill(tmp_path, "meta.json", *(f"{number:02d}.webp" for number in range(64)))
    assert len(find_parts(tmp_path)) == 65
    fill(tmp_path, "64.webp")
    assert find_parts(tmp_path) == ()


def test_half_of_a_bundle_has_no_whole(tmp_path: Path):
    """And a hidden folder holds none."""
    fill(tmp_path / ".cache", "skin.glb", "offset.ply")
    fill(tmp_path / "below" / "deeper", "skin.glb", "offset.ply")
    assert find_parts(tmp_path) == ()
    assert whole_of(tmp_path / "below" / "deeper" / "skin.glb") == tmp_path / "below" / "deeper"


def test_of_many_avatars_the_first_five_are_named(tmp_path: Path):
    for name in "gbfaced":
        fill(tmp_path / name, "skin.glb", "offset.ply")
    with pytest.raises(InputError) as caught:
        find_parts(tmp_path)
    assert caught.value.code == "file.folder"
    assert caught.value.message == f"{tmp_path} is a folder with several avatars: a, b, c, d, e."
    assert caught.value.remedy == "Give the folder of one of them."


def test_a_sog_of_one_picture_is_one(tmp_path: Path):
    fill(tmp_path, "meta.json", "means.webp")
    assert find_parts(tmp_path) == (tmp_path / "meta.json", tmp_path / "means.webp")
    assert whole_of(tmp_path / "meta.json") == tmp_path


def test_how_large_a_folders_avatar_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """All parts count: 8 and 10 bytes of names, the last MiB of which is filled up."""
    fill(tmp_path, "skin.glb", "offset.ply")
    monkeypatch.setattr(limits, "MAX_AVATAR_BYTES", 3 * 2**20)
    with (tmp_path / "offset.ply").open("r+b") as file:
        file.truncate(3 * 2**20 - 8)
    assert len(pack_folder(tmp_path)) > 3 * 2**20
    with (tmp_path / "offset.ply").open("r+b") as file:
        file.truncate(5 * 2**20)
    with pytest.raises(InputError) as caught:
        pack_folder(tmp_path)
    assert caught.value.code == "file.too_large"
    assert caught.value.message == (
        f"The avatar in {tmp_path} has 5 MiB; an avatar has at most 3 MiB."
    )


def test_a_folder_that_cannot_be_read_says_why(tmp_path: Path):
    with pytest.raises(InputError) as caught:
        pack_folder(tmp_path / "none")
    assert caught.value.code == "file.missing"
    assert caught.value.message == (
        f"The avatar's folder {tmp_path / 'none'} cannot be read: No such file or directory."
    )
