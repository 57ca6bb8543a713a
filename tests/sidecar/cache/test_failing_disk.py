# SPDX-License-Identifier: GPL-3.0-or-later
"""A user's part of the cache on disks that are full, read-only, broken, or gone."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

import pytest
from affekt.shared.errors import JobError
from affekt.sidecar.cache import disk
from affekt.sidecar.cache.user import UserCache

from .test_user import KEY, SHA256, WHOLE, code_of, files, piece, posix_only, state
from .test_user import user as user


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_an_error_and_a_retry_works(
    user: UserCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(file) -> None:
        file.write(b"half")
        full()

    def blocks():
        yield b"half"
        full()

    for write in (lambda: user.add(half), lambda: user.add_chunk(KEY, blocks())):
        with pytest.raises(JobError) as caught:
            write()
        assert code_of(caught) == "job.disk"
        assert "No space left" in caught.value.message
        assert files(user) == []
    user.take(piece(0, 400))
    for place in ("rename", "new_partial"):
        upload = piece(user.state(SHA256).received, 1024)
        with monkeypatch.context() as patch:
            patch.setattr(disk, place, full)
            with pytest.raises(JobError):
                user.take(upload)
        assert files(user) == []
    assert user.take(piece(0, 1024)).is_complete
    assert user.add_chunk(KEY, [b"1"]).length == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_disk_that_is_really_full(user: UserCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "new_partial", lambda folder: Path("/dev/full"))
    monkeypatch.setattr(disk, "remove", lambda path: None)
    with pytest.raises(JobError) as caught:
        user.add_chunk(KEY, [bytes(100_000)])
    assert code_of(caught) == "job.disk"


@posix_only
@pytest.mark.skipif(
    os.name == "posix" and os.geteuid() == 0, reason="root may write where nobody may"
)
def test_a_read_only_folder(user: UserCache) -> None:
    user.add(lambda file: file.write(WHOLE))
    folders = [user.folder, user.folder / "artefacts"]
    for folder in folders:
        folder.chmod(0o500)
    try:
        check_read_only(user)
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_a_read_only_folder_injected(user: UserCache, monkeypatch: pytest.MonkeyPatch) -> None:
    user.add(lambda file: file.write(WHOLE))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    for name in ("unlink", "utime", "mkdir", "replace"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(disk, "new_partial", refuse)
    check_read_only(user)


def check_read_only(user: UserCache) -> None:
    assert user.state(SHA256).is_complete
    assert user.read(SHA256, 0).data == WHOLE
    for write in (
        lambda: user.add(lambda file: file.write(b"x")),
        lambda: user.add_chunk(KEY, [b"x"]),
        lambda: user.take(piece(0, 1024, sha256="0" * 64)),
    ):
        with pytest.raises(JobError) as caught:
            write()
        assert code_of(caught) == "job.disk"


def test_a_folder_that_is_a_file(user: UserCache) -> None:
    user.add(lambda file: file.write(WHOLE))
    rmtree(user.folder)
    user.folder.write_text("mine")
    for ask in (
        lambda: user.state(SHA256),
        lambda: user.add_chunk(KEY, [b"x"]),
        lambda: user.pictures(KEY),
        lambda: user.find_chunk(KEY),
    ):
        with pytest.raises(JobError) as caught:
            ask()
        assert code_of(caught) == "job.disk"
    assert user.folder.read_text() == "mine"
    user.folder.unlink()
    assert user.add(lambda file: file.write(WHOLE)) == (SHA256, 1024)


READINGS: dict[str, Callable[[UserCache], object]] = {
    "path": lambda user: user.path(SHA256, "a.npz"),
    "read": lambda user: user.read(SHA256, 0),
    "state": lambda user: user.state(SHA256),
    "find_chunk": lambda user: user.find_chunk(KEY),
}


@pytest.mark.parametrize("name", READINGS)
def test_a_disk_that_cannot_be_read(
    name: str, user: UserCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error is told as ours, and names no place."""
    user.add(lambda file: file.write(WHOLE))
    user.add_chunk(KEY, [b"1"])

    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error", "/srv/cache")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", broken)
        with pytest.raises(JobError) as caught:
            READINGS[name](user)
    assert code_of(caught) == "job.disk"
    assert "/srv" not in str(caught.value)


def test_a_removed_root_is_made_again(user: UserCache) -> None:
    user.add(lambda file: file.write(WHOLE))
    root = user.folder.parents[1]
    rmtree(root)
    assert user.state(SHA256) == state(0)
    user.add(lambda file: file.write(WHOLE))
    assert user.state(SHA256).is_complete
    assert stat.S_IMODE(root.stat().st_mode) == 0o700 or os.name != "posix"
