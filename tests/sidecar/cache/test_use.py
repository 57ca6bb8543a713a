# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user's part of the cache marks as used, tells of its growth, and when a file is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from affekt.shared import limits
from affekt.shared.messages import ArtefactState
from affekt.sidecar.cache.user import UserCache

from .test_user import KEY, WHOLE, again, piece
from .test_user import user as user


def test_who_begins_to_read_will_want_all_of_it(
    user: UserCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first piece marks every chunk as used, a later one those that it has bytes of."""
    monkeypatch.setattr(limits, "CHUNK_BYTES", 60)
    chunks = [user.add_chunk(c * 40, [c.encode() * 100]) for c in "abc"]
    sha256, size = user.add_parts(b"head", chunks)
    assert size == 304
    assert user.state(sha256) == ArtefactState(sha256=sha256, received=304, is_complete=True)
    for offset, used in ((0, [True, True, True]), (150, [False, True, True])):
        paths = [user.chunk_path(part.key) for part in chunks]
        for path in paths:
            os.utime(path, (1000, 1000))
        assert again(user).read(sha256, offset).offset == offset
        assert [path.stat().st_mtime > 1000 for path in paths] == used


def test_who_asks_for_an_artefact_of_parts_uses_the_list_of_them(user: UserCache) -> None:
    chunks = [user.add_chunk(c * 40, [c.encode() * 100]) for c in "ab"]
    sha256, _ = user.add_parts(b"head", chunks)
    (listed,) = user.folder.joinpath("artefacts").iterdir()
    for ask in (lambda: user.state(sha256), lambda: again(user).read(sha256, 0)):
        os.utime(listed, (1000, 1000))
        ask()
        assert listed.stat().st_mtime > 1000


def test_bytes_are_on_the_disk_before_they_have_their_name(
    user: UserCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: done.append("on disk") or sync(fd))
    monkeypatch.setattr(os, "replace", lambda *names: done.append("named") or replace(*names))
    user.add(lambda file: file.write(WHOLE))
    user.add_chunk(KEY, [b"123456"])
    user.take(piece(0, 400, sha256="1" * 64))
    assert done == ["on disk", "named"] * 2


def test_a_pictures_folder_marks_what_is_in_it_as_used(user: UserCache) -> None:
    path = user.pictures(KEY) / "frame_0001.png"
    path.write_bytes(b"x")
    os.utime(path, (1000, 1000))
    user.pictures("cd" * 20)
    assert path.stat().st_mtime == 1000
    user.pictures(KEY)
    assert path.stat().st_mtime > 1000


def test_what_grows_is_told_in_blocks_of_the_disk(tmp_path: Path) -> None:
    grown: list[int] = []
    user = UserCache(tmp_path / "user", grown.append)
    user.add(lambda file: file.write(bytes(4097)))
    user.add_chunk(KEY, [bytes(4096 - 32)])
    user.add(lambda file: None)
    user.take(piece(0, 400))
    assert grown == [8192, 4096, 4096, 400]
