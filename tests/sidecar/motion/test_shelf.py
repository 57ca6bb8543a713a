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
    shelf._members["take.json"].file_size = limits.MAX_MOTION_BYTES + 1
    with pytest.raises(InputError) as caught:
        shelf.read("take.json")
    assert caught.value.code == "file.too_large"
