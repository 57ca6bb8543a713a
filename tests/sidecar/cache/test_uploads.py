# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads piece by piece: what each call leaves on the disk, counts, and forgets."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from affekt.shared import limits
from affekt.shared.errors import LinkError
from affekt.shared.messages import Upload
from affekt.sidecar.cache import uploads as uploads_module
from affekt.sidecar.cache.uploads import Uploads

WHOLE = bytes(range(100))


class Desk:
    """Uploads into a folder, and the bytes by which each call says that it has grown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.growth: list[int] = []
        self.uploads = Uploads(folder, self.growth.append)

    def take(self, start: int, stop: int, whole: bytes = WHOLE) -> Path | None:
        return self.uploads.take(piece(start, stop, whole))

    def received(self, whole: bytes = WHOLE) -> int:
        return self.uploads.received(hashlib.sha256(whole).hexdigest())

    def partials(self) -> list[bytes]:
        return sorted(path.read_bytes() for path in self.folder.glob("*.partial"))


def piece(start: int, stop: int, whole: bytes, size: int | None = None) -> Upload:
    return Upload(
        kind="motion",
        name="take.json",
        sha256=hashlib.sha256(whole).hexdigest(),
        size=len(whole) if size is None else size,
        offset=start,
        data=whole[start:stop],
    )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_each_piece_is_written_where_it_belongs_and_counted_once(desk: Desk) -> None:
    assert desk.take(0, 10) is None
    assert desk.take(10, 37) is None
    assert desk.take(11, 40) is None  # overlaps: it is not added
    assert desk.take(36, 50) is None
    assert desk.received() == 37
    assert desk.partials() == [bytes(range(37))]
    path = desk.take(37, 100)
    assert path == desk.folder / hashlib.sha256(WHOLE).hexdigest()
    assert path.read_bytes() == WHOLE
    assert desk.growth == [10, 27, 63]
    assert desk.received() == 0  # of an unfinished one
    assert desk.partials() == []


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_what_has_arrived_is_private(desk: Desk) -> None:
    desk.take(0, 10)
    (partial,) = desk.folder.iterdir()
    assert stat.S_IMODE(partial.stat().st_mode) == 0o600


def test_the_bytes_are_on_the_disk_before_they_have_their_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, int]] = []
    monkeypatch.setattr(
        uploads_module,
        "flush_file",
        lambda path: flushed.append((path.suffix, path.stat().st_size)),
    )
    desk.take(0, 100)
    assert flushed == [(".partial", 100)]


def test_the_one_that_waited_longest_for_a_piece_makes_room(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the one that began first: its sender is still at it."""
    monkeypatch.setattr(limits, "MAX_ARRIVALS", 3)
    takes = [bytes([letter]) * 50 for letter in b"abcd"]
    for length, whole in zip((11, 12, 13), takes[:3], strict=True):
        desk.take(0, length, whole)
    desk.take(11, 20, takes[0])
    desk.take(0, 14, takes[3])
    assert [desk.received(whole) for whole in takes] == [20, 0, 13, 14]
    assert desk.growth == [11, 12, 13, 9, -12, 14]
    assert desk.partials() == [b"a" * 20, b"c" * 13, b"d" * 14]


def test_a_piece_that_does_not_fit_in_also_says_that_its_sender_lives(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ARRIVALS", 2)
    takes = [bytes([letter]) * 50 for letter in b"abc"]
    desk.take(0, 11, takes[0])
    desk.take(0, 12, takes[1])
    desk.take(0, 11, takes[0])  # it asks where to go on
    desk.take(0, 13, takes[2])
    assert [desk.received(whole) for whole in takes] == [11, 0, 13]


def test_a_finished_upload_takes_no_place(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ARRIVALS", 2)
    takes = [bytes([letter]) * 50 for letter in b"abc"]
    desk.take(0, 30, takes[0])
    assert desk.take(0, 50, takes[1]) is not None
    desk.take(0, 10, takes[2])
    assert [desk.received(whole) for whole in takes] == [30, 0, 10]
    assert desk.growth == [30, 50, 10]


def test_another_size_than_before_starts_anew(desk: Desk) -> None:
    desk.take(0, 40)
    assert desk.uploads.take(piece(0, 25, WHOLE, size=200)) is None
    assert desk.received() == 25
    assert desk.growth == [40, -40, 25]
    assert desk.partials() == [bytes(range(25))]


def test_other_bytes_than_announced_free_all_that_came(desk: Desk) -> None:
    desk.take(0, 40)
    wrong = piece(40, 100, WHOLE[:99] + b"x")
    sha256 = hashlib.sha256(WHOLE).hexdigest()
    with pytest.raises(LinkError) as caught:
        desk.uploads.take(
            Upload(
                kind=wrong.kind,
                name=wrong.name,
                sha256=sha256,
                size=100,
                offset=40,
                data=wrong.data,
            )
        )
    assert caught.value.code == "link.hash"
    assert caught.value.message == "take.json did not arrive as it was announced."
    assert desk.received() == 0
    assert desk.growth == [40, 60, -100]
    assert list(desk.folder.iterdir()) == []


@pytest.mark.parametrize("is_there", [True, False])
def test_after_an_error_of_the_disk_it_starts_from_its_first_byte(
    desk: Desk, *, is_there: bool
) -> None:
    """A file that cannot be written is an error; one that was swept away is none."""
    desk.take(0, 40)
    (partial,) = desk.folder.iterdir()
    partial.unlink()
    if is_there:
        partial.mkdir()
        with pytest.raises(OSError, match=r"directory|denied"):
            desk.take(40, 60)
        partial.rmdir()
    else:
        assert desk.take(40, 60) is None
        assert not partial.exists()
    assert desk.received() == 0
    assert desk.growth == [40, -40]
    assert desk.take(40, 60) is None  # does not follow: nothing is there any more
    assert desk.received() == 0
    assert desk.take(0, 100) is not None


def test_where_another_process_reads_the_same_file_ours_is_not_needed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a file that is open cannot be replaced."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(os, "replace", refuse)
    desk.take(0, 40)
    with pytest.raises(PermissionError):
        desk.take(40, 100)
    assert (desk.received(), list(desk.folder.iterdir())) == (0, [])
    path = desk.folder / hashlib.sha256(WHOLE).hexdigest()
    path.write_bytes(WHOLE)
    assert desk.take(0, 100) == path
    assert list(desk.folder.iterdir()) == [path]
