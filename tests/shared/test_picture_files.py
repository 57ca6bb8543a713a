# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures in pieces: whole or not at all, in order or refused."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from affekt.shared import ledger, limits
from affekt.shared.errors import AffektError, InputError, LinkError
from affekt.shared.messages import Picture, PictureKind
from affekt.shared.picture_files import PictureFiles
from hypothesis import given
from hypothesis import strategies as st

JOB = "ab" * 16


@pytest.fixture
def files(tmp_path: Path) -> PictureFiles:
    return PictureFiles(tmp_path / "pictures")


def piece(
    number: int,
    data: bytes,
    *,
    offset: int = 0,
    size: int | None = None,
    index: int = 4,
    kind: PictureKind = "frame",
) -> Picture:
    return Picture(
        job=JOB,
        number=number,
        index=index,
        kind=kind,
        offset=offset,
        data=data,
        size=len(data) if size is None else size,
    )


def pieces(number: int, data: bytes, step: int, index: int = 4) -> Iterator[Picture]:
    for offset in range(0, len(data), step):
        part = data[offset : offset + step]
        yield piece(number, part, offset=offset, size=len(data), index=index)


def names(files: PictureFiles) -> list[str]:
    """Of the pictures; a partial one is told by its ending alone."""
    found = (path.name for path in files.folder.iterdir() if path.name != ledger.NAME)
    return sorted("partial" if name.endswith(".partial") else name for name in found)


def refused(files: PictureFiles, part: Picture) -> AffektError:
    with pytest.raises(AffektError) as caught:
        files.take(part)
    return caught.value


@given(data=st.binary(min_size=1, max_size=40), step=st.integers(1, 41))
def test_pieces_of_any_size_make_the_file(tmp_path_factory, data: bytes, step: int) -> None:
    files = PictureFiles(tmp_path_factory.mktemp("pictures"))
    *before, last = pieces(0, data, step)
    for part in before:
        assert files.take(part) is None
        assert names(files) == ["partial"]
    path = files.take(last)
    assert path == files.folder / "frame_0005.png"
    assert path.read_bytes() == data
    assert names(files) == ["frame_0005.png"]
    assert files.whole == 1


def test_the_ledger_knows_what_has_arrived(files: PictureFiles) -> None:
    """And what is damaged later."""
    for part in (*pieces(0, b"abcdef", 4), *pieces(1, b"gh", 2, index=6)):
        files.take(part)
    read = ledger.Ledger(files.folder)
    assert sorted(read.entries) == ["frame_0005.png", "frame_0007.png"]
    assert all(read.find_whole(path) for path in files.paths)
    files.paths[0].write_bytes(b"abcdeg")
    assert [bool(read.find_whole(path)) for path in files.paths] == [False, True]


def test_an_empty_file_is_one_piece(files: PictureFiles) -> None:
    assert files.take(piece(0, b"")) == files.folder / "frame_0005.png"


def test_names_of_kinds(files: PictureFiles) -> None:
    assert files.take(piece(0, b"1", kind="exr", index=0)) == files.folder / "frame_0001.exr"
    assert files.take(piece(1, b"2", kind="depth", index=0)) == files.folder / "depth_0001.png"
    assert files.take(piece(2, b"3", index=9)) == files.folder / "frame_0010.png"
    assert files.take(piece(3, b"3", index=8)) == files.folder / "frame_0009.png"
    assert files.whole == 4
    assert [path.name for path in files.paths] == [
        "frame_0001.exr",
        "frame_0009.png",
        "frame_0010.png",
    ]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("the next picture too soon", {"number": 1, "offset": 0}),
        ("the picture before", {"number": 2}),
        ("a gap", {"offset": 3, "data": b"d"}),
        ("a repetition", {"offset": 0, "data": b"ab"}),
        ("beyond the size", {"data": b"cde"}),
        ("nothing", {"data": b""}),
        ("another frame", {"index": 5}),
        ("another kind", {"kind": "depth"}),
        ("another size", {"size": 5}),
    ],
)
def test_a_piece_that_is_not_the_next(files: PictureFiles, what: str, change: dict) -> None:
    first, second = pieces(0, b"abcd", 2)
    files.take(first)
    error = refused(files, replace(second, **change))
    assert isinstance(error, LinkError), what
    assert error.code == "link.protocol"
    assert "picture" in error.message
    files.end()
    assert names(files) == []


def test_a_piece_that_came_before(files: PictureFiles) -> None:
    (only,) = pieces(0, b"abcd", 4)
    files.take(only)
    assert refused(files, only).code == "link.protocol"
    assert (files.folder / "frame_0005.png").read_bytes() == b"abcd"


def test_a_picture_larger_than_any(files: PictureFiles) -> None:
    assert refused(files, piece(0, b"a", size=limits.MAX_FRAME_BYTES + 1)).code == "link.protocol"
    assert names(files) == []


def test_rewind_drops_what_is_not_whole(files: PictureFiles) -> None:
    files.take(piece(0, b"whole", index=0))
    first, second = pieces(1, b"abcd", 2, index=1)
    files.take(first)
    files.rewind()
    assert names(files) == ["frame_0001.png"]
    assert files.whole == 1
    assert refused(files, second).code == "link.protocol"
    files.rewind()
    for part in (first, second):
        path = files.take(part)
    assert path is not None
    assert path.read_bytes() == b"abcd"


def test_an_older_picture_stays_until_the_new_one_is_whole(files: PictureFiles) -> None:
    (files.folder / "frame_0005.png").write_bytes(b"old")
    first, second = pieces(0, b"abcd", 2)
    files.take(first)
    assert (files.folder / "frame_0005.png").read_bytes() == b"old"
    files.take(second)
    assert (files.folder / "frame_0005.png").read_bytes() == b"abcd"


def test_two_jobs_in_one_folder(tmp_path: Path) -> None:
    one, two = PictureFiles(tmp_path), PictureFiles(tmp_path)
    first, second = pieces(0, b"abcd", 2)
    for files in (one, two):
        files.take(first)
    for files in (one, two):
        files.take(second)
        assert (tmp_path / "frame_0005.png").read_bytes() == b"abcd"


def test_after_the_end_nothing_is_written(files: PictureFiles) -> None:
    first, second = pieces(0, b"abcd", 2)
    files.take(first)
    files.end()
    assert names(files) == []
    assert files.take(second) is None
    assert files.take(piece(0, b"x")) is None
    assert names(files) == []


def test_the_end_does_not_wait_for_a_piece_on_its_way(
    files: PictureFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk: who writes clears up afterwards."""
    entered, may_go = threading.Event(), threading.Event()
    path_of = files._path

    def slow(part: Picture) -> Path:
        entered.set()
        assert may_go.wait(10)
        return path_of(part)

    monkeypatch.setattr(files, "_path", slow)
    first, _ = pieces(0, b"abcd", 2)
    writer = threading.Thread(target=files.take, args=(first,))
    writer.start()
    assert entered.wait(10)
    files.end()
    may_go.set()
    writer.join(10)
    assert not writer.is_alive()
    assert names(files) == []


def test_places_where_nothing_can_be(tmp_path: Path, files: PictureFiles) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught:
        PictureFiles(tmp_path / "file" / "pictures")
    assert caught.value.code == "file.not_writable"
    files.folder.rmdir()
    assert refused(files, piece(0, b"abcd")).code == "file.not_writable"
    files.folder.mkdir()
    first, second = pieces(0, b"abcd", 2)
    files.take(first)
    (files.folder / "frame_0005.png").mkdir()  # the picture cannot take this place
    assert refused(files, second).code == "file.not_writable"
    assert names(files) == ["frame_0005.png"]


def test_a_picture_is_on_the_disk_before_it_has_its_name(
    files: PictureFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is noted only then: a power cut leaves no name without its bytes."""
    happened: list[str] = []
    fsync, rename = os.fsync, os.replace

    def note_fsync(handle: int) -> None:
        happened.append(f"{os.fstat(handle).st_size} bytes, {len(known())} noted")
        fsync(handle)

    def note_rename(source: Path, target: Path) -> None:
        happened.append(f"{Path(target).name}, {len(known())} noted")
        rename(source, target)

    def known() -> Mapping[str, ledger.Entry]:
        return ledger.Ledger(files.folder).entries

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_rename)
    for part in pieces(0, b"abcdefg", 4):
        files.take(part)
    assert happened == ["7 bytes, 0 noted", "frame_0005.png, 0 noted"]
    assert len(known()) == 1


def test_the_largest_picture(files: PictureFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FRAME_BYTES", 4)
    assert files.take(piece(0, b"abcd")) is not None
    assert refused(files, piece(1, b"ab", size=5)).code == "link.protocol"
