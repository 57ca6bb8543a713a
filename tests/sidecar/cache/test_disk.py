# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that get their names once they are whole."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

import pytest
from affekt.shared.errors import JobError
from affekt.sidecar.cache import disk


@pytest.mark.parametrize(
    ("length", "size"), [(0, 4096), (1, 4096), (4096, 4096), (4097, 8192), (10_000, 12_288)]
)
def test_a_file_takes_whole_blocks(length: int, size: int) -> None:
    assert disk.disk_bytes(length) == size


def test_a_file_has_the_name_that_its_writer_gives(tmp_path: Path) -> None:
    """Who writes it may read what it wrote; nothing else is left, and only its user reads it."""

    def write(file: BinaryIO) -> str:
        file.write(b"abc")
        return disk.hash_file(file)

    path = disk.write_file(tmp_path, write)
    assert path == tmp_path / hashlib.sha256(b"abc").hexdigest()
    assert path.read_bytes() == b"abc"
    assert list(tmp_path.iterdir()) == [path]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def write(file: BinaryIO) -> str:
        file.write(b"abc")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        disk.write_file(tmp_path, write)
    assert list(tmp_path.iterdir()) == []


def test_the_whole_file_is_hashed_wherever_it_stood() -> None:
    file = io.BytesIO(b"x" * (1 << 20) + b"y")
    file.seek(5)
    assert disk.hash_file(file) == hashlib.sha256(file.getvalue()).hexdigest()


def test_an_error_names_no_path(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught, disk.disk_errors():
        (tmp_path / "away" / "file").read_bytes()
    assert caught.value.code == "job.disk"
    assert "No such file" in caught.value.message
    assert str(tmp_path) not in str(caught.value)


def test_on_windows_a_file_that_is_read_keeps_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the same bytes; ours goes. Where there is none the error is one."""

    def refuse(partial: Path, path: Path) -> None:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(os, "replace", refuse)
    partial, path = tmp_path / "partial", tmp_path / "file"
    partial.write_bytes(b"abc")
    with pytest.raises(PermissionError):
        disk.rename(partial, path)
    assert partial.exists()
    path.write_bytes(b"abc")
    disk.rename(partial, path)
    assert not partial.exists()
    assert path.read_bytes() == b"abc"


def test_a_use_is_marked_by_now(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    os.utime(path, (5, 5))
    disk.touch(path)
    assert path.stat().st_mtime > 1e9
    disk.touch(tmp_path / "away")
    disk.remove(path)
    disk.remove(path)
    assert not path.exists()


def test_an_error_of_which_the_system_says_nothing_is_told_by_its_kind() -> None:
    for error, said in (
        (OSError(28, "No space left on device"), "No space left on device"),
        (TimeoutError(), "TimeoutError"),
    ):
        told = disk.disk_error(error)
        assert told.code == "job.disk"
        assert told.message == f"The sidecar cannot use its cache folder ({said})."
        assert "AFFEKT_CACHE_DIR" in told.remedy


def test_what_may_not_be_removed_or_marked_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(os, "utime", refuse)
    (tmp_path / "file").write_bytes(b"x")
    disk.remove(tmp_path / "file")
    disk.touch(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"x"
