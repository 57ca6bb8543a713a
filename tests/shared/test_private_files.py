# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for their user alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from affekt.shared import private_files

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no mode bits")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
@pytest.mark.parametrize("write", [private_files.write, private_files.write_new])
def test_only_the_user_may_read(tmp_path: Path, write) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "a.json", "secret")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a.json") == 0o600
    assert private_files.read(tmp_path / "a.json") == b"secret"


@posix
def test_a_folder_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    for folder in (tmp_path / "open", tmp_path / "new" / "deeper"):
        private_files.make_folder(folder)
        assert mode(folder) == 0o700
    assert mode(tmp_path / "new") == 0o700


@posix
def test_a_folder_that_others_use_is_not_closed_to_them(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "theirs.txt").touch()
    shared.chmod(0o1777)
    with pytest.raises(private_files.NotPrivateError):
        private_files.make_folder(shared)
    assert mode(shared) == 0o1777


@posix
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json", 0o600)
    with pytest.raises(private_files.NotPrivateError):
        private_files.read(tmp_path / "a.json")


def test_new_is_new(tmp_path: Path) -> None:
    private_files.write_new(tmp_path / "a.json", "first")
    with pytest.raises(FileExistsError):
        private_files.write_new(tmp_path / "a.json", "second")
    assert private_files.read(tmp_path / "a.json") == b"first"


@posix
def test_a_link_is_no_new_file(tmp_path: Path) -> None:
    """Else a secret could be led into a file of another's choice."""
    (tmp_path / "me.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        private_files.write_new(tmp_path / "me.json", "secret")
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_is_left_of_what_failed(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        private_files.write(tmp_path / "a.json", "ä")
    with pytest.raises(UnicodeEncodeError):
        private_files.write_new(tmp_path / "b.json", "ä")
    assert not list(tmp_path.iterdir())


@posix
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o602])
def test_what_others_may_touch_is_refused(tmp_path: Path, bits: int) -> None:
    private_files.write(tmp_path / "a.json", "x")
    (tmp_path / "a.json").chmod(bits)
    with pytest.raises(private_files.NotPrivateError):
        private_files.read(tmp_path / "a.json")


def test_what_failed_is_told_though_nothing_can_be_cleared_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that was pulled out while it was written."""

    def gone(_: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "unlink", gone)
    for write in (private_files.write, private_files.write_new):
        with pytest.raises(UnicodeEncodeError):
            write(tmp_path / "a.json", "ä")


@posix
def test_a_new_folder_is_closed_from_its_first_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not closed only afterwards: until then others could enter it."""
    monkeypatch.setattr(Path, "chmod", lambda *_: pytest.fail("it was open"))
    before = os.umask(0o022)
    try:
        private_files.make_folder(tmp_path / "new" / "deeper")
    finally:
        os.umask(before)
    assert mode(tmp_path / "new") == mode(tmp_path / "new" / "deeper") == 0o700


@posix
def test_another_users_folder_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.getuid()
    assert private_files.is_own(SimpleNamespace(st_uid=mine))  # type: ignore[arg-type]
    assert not private_files.is_own(SimpleNamespace(st_uid=mine + 1))  # type: ignore[arg-type]
    (tmp_path / "theirs").mkdir(mode=0o700)
    private_files.write(tmp_path / "a.json", "x")
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(private_files.NotPrivateError, match="theirs belongs to another user"):
        private_files.make_folder(tmp_path / "theirs")
    with pytest.raises(private_files.NotPrivateError, match=r"\(mode 600\), or it is theirs"):
        private_files.read(tmp_path / "a.json")


def test_only_so_much_is_read(tmp_path: Path) -> None:
    private_files.write(tmp_path / "a.json", "x" * (2 * private_files.MAX_FILE_BYTES))
    assert len(private_files.read(tmp_path / "a.json")) == private_files.MAX_FILE_BYTES + 1


def test_without_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows knows no owner and shows every file as readable by all."""

    class Windows:
        name = "nt"

        def __getattr__(self, attribute: str) -> object:
            assert attribute not in ("getuid", "O_NOFOLLOW")
            return getattr(os, attribute)

    monkeypatch.setattr(private_files, "os", Windows())
    private_files.make_folder(tmp_path / "new")
    private_files.write(tmp_path / "new" / "a.json", "secret")
    (tmp_path / "new" / "a.json").chmod(0o666)
    assert private_files.read(tmp_path / "new" / "a.json") == b"secret"
