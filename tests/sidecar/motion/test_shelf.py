# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders on disk and in zip archives say the same."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from affekt.shared import limits
from affekt.shared.errors import InputError
from affekt.sidecar.motion.shelf import Archive, Folder, Listing, Shelf, join

FILES = {
    "take.json": b"{}",
    "a/1.npy": b"one",
    "a/2.npy": b"twelve",
    "a/b/deep.txt": b"",
    ".hidden": b"x",
    ".git/config": b"x",
    "a/.DS_Store": b"x",
}


def archive_of(files: dict[str, bytes], *folders: str) -> Archive:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in folders:
            archive.writestr(f"{name}/", b"")
        for name, data in files.items():
            archive.writestr(name, data)
    return Archive(out.getvalue(), "takes.zip")


@pytest.fixture(params=["folder", "archive"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    if request.param == "archive":
        return archive_of({**FILES, "__MACOSX/take.json": b"x"}, "empty")
    for name, data in FILES.items():
        path = tmp_path / "takes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "takes" / "empty").mkdir()
    return Folder(tmp_path / "takes")


def test_what_lies_where(shelf: Shelf) -> None:
    top, inner = shelf.listing(""), shelf.listing("a")
    assert sorted(top.folders) == ["a", "empty"]
    assert dict(top.files) == {"take.json": 2}
    assert inner.folders == ["b"]
    assert dict(inner.files) == {"1.npy": 3, "2.npy": 6}
    assert dict(shelf.listing(join("a", "b")).files) == {"deep.txt": 0}
    assert shelf.listing("empty") == Listing(folders=[], files={})
    assert shelf.read("a/2.npy") == b"twelve"
    assert shelf.label in ("takes", "takes.zip")


def test_what_is_said_without_a_take(shelf: Shelf) -> None:
    error = shelf.without_take(": it holds pictures.")
    assert error.code in ("file.folder", "file.wrong_kind")
    assert error.message.endswith("without a take: it holds pictures.")
    assert "takes" in error.message


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Folder(tmp_path).listing("away")
    assert caught.value.code == "file.missing"


def test_why_a_folder_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for place, why in (("away", "No such file or directory"), ("file", "Not a directory")):
        with pytest.raises(InputError) as caught:
            Folder(tmp_path).listing(place)
        assert caught.value.code == "file.missing"
        assert caught.value.message == f"The folder {tmp_path / place} cannot be read: {why}."


def test_links_to_folders_are_followed_from_the_top_alone(tmp_path: Path) -> None:
    """A link may lead back up; what is no folder and no file is neither."""
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "real" / "inner" / "1.npy").write_bytes(b"seven b")
    top = tmp_path / "top"
    (top / "own").mkdir(parents=True)
    (top / "link").symlink_to(tmp_path / "real")
    (top / "own" / "back").symlink_to(top)
    (top / "own" / "file.npy").symlink_to(tmp_path / "real" / "inner" / "1.npy")
    (top / "own" / "nowhere").symlink_to(tmp_path / "gone")
    shelf = Folder(top)
    assert sorted(shelf.listing("").folders) == ["link", "own"]
    assert shelf.listing("link") == Listing(folders=["inner"], files={})
    assert shelf.listing("own") == Listing(folders=[], files={"file.npy": 7})


def test_what_each_shelf_is_called(tmp_path: Path) -> None:
    assert Folder(tmp_path / "clip").label == "clip"
    assert Folder(Path("/")).label == "/"
    on_disk = Folder(tmp_path / "clip").without_take(".")
    assert on_disk.code == "file.folder"
    assert on_disk.message == f"{tmp_path / 'clip'} is a folder without a take."
    packed = archive_of({}).without_take(".")
    assert packed.code == "file.wrong_kind"
    assert packed.message == "takes.zip is a zip archive without a take."
    assert "a zip of the folder" in packed.remedy


def test_what_is_hidden_anywhere_in_an_archive_is_left_out() -> None:
    shelf = archive_of(
        {
            "a/__MACOSX/1.npy": b"x",
            "a/.git/1.npy": b"x",
            "__MACOSX_/1.npy": b"x",
            "a//b/1.npy": b"y",
        }
    )
    assert shelf.listing("") == Listing(folders=["a"], files={})
    assert shelf.listing("a") == Listing(folders=["b"], files={})
    assert shelf.read("a/b/1.npy") == b"y"


def test_how_many_members_an_archive_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders and what is hidden count, since they too must be looked at."""
    monkeypatch.setattr("affekt.sidecar.motion.shelf._MOST_MEMBERS", 3)
    members = {"a/1": b"one", "a/2": b"two"}
    assert len(archive_of(members, "b").listing("a").files) == 2
    with pytest.raises(InputError) as caught:
        archive_of({**members, ".hidden": b""}, "b")
    assert caught.value.code == "file.damaged"
    assert "takes.zip" in caught.value.message


def test_names_of_windows_and_names_that_lead_out() -> None:
    shelf = archive_of({"a\\1.npy": b"one", "/etc/passwd": b"x"})
    assert dict(shelf.listing("a").files) == {"1.npy": 3}
    assert shelf.read("etc/passwd") == b"x"
    out = archive_of({"../up.npy": b"x"})
    assert out.listing("") == Listing(folders=[], files={})


def test_an_archive_that_is_damaged_or_lies() -> None:
    with pytest.raises(InputError) as caught:
        Archive(b"PK no zip", "takes.zip")
    assert caught.value.code == "file.damaged"
    shelf = archive_of({"take.json": b"0123456789"})
    shelf._members["take.json"].file_size = 9
    with pytest.raises(InputError) as caught:
        shelf.read("take.json")
    assert caught.value.code == "file.damaged"
    shelf._members["take.json"].file_size = 11
    with pytest.raises(InputError) as caught:
        shelf.read("take.json")
    assert (caught.value.code, caught.value.message[:9]) == ("file.damaged", "takes.zip")
    shelf._members["take.json"].file_size = 10
    assert shelf.read("take.json") == b"0123456789"


def test_a_member_as_large_as_a_take_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_MOTION_BYTES", 10)
    shelf = archive_of({"a/take.json": b"0123456789", "a/long.json": b"0123456789a"})
    assert shelf.read("a/take.json") == b"0123456789"
    with pytest.raises(InputError) as caught:
        shelf.read("a/long.json")
    assert caught.value.code == "file.too_large"
    assert "a/long.json" in caught.value.message
