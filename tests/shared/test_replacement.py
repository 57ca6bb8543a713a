# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished file takes the place of an older one, on Windows as soon as nobody reads that."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from affekt.shared import replacement
from affekt.shared.replacement import (
    flush_file,
    is_left_behind,
    partial_name,
    partial_path,
    replace_file,
    replacing,
    sweep_partials,
    try_writing,
)


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(b"old")
    (tmp_path / "a.partial").write_bytes(b"new")
    return tmp_path / "a.partial"


def hold(monkeypatch: pytest.MonkeyPatch, tries: int) -> Callable[[], int]:
    """Someone has the target open for so many tries; tells how many there were."""
    really, count = os.replace, 0

    def replace(source: Path, target: Path) -> None:
        nonlocal count
        count += 1
        if count <= tries:
            raise PermissionError(13, "in use")
        really(source, target)

    monkeypatch.setattr(os, "replace", replace)
    return lambda: count


def test_the_older_file_goes(partial: Path) -> None:
    replace_file(partial, partial.with_name("a.png"))
    assert partial.with_name("a.png").read_bytes() == b"new"
    assert not partial.exists()


def test_windows_waits_for_a_reader(partial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    tries, waited = hold(monkeypatch, 3), []
    monkeypatch.setattr(time, "sleep", waited.append)
    replace_file(partial, partial.with_name("a.png"))
    assert tries() == 4
    assert len(waited) == 3
    assert 0 < max(waited) <= 0.1
    assert partial.with_name("a.png").read_bytes() == b"new"


def test_not_for_ever(partial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(replacement, "_PATIENCE_S", 0.05)
    hold(monkeypatch, 10**6)
    with pytest.raises(PermissionError):
        replace_file(partial, partial.with_name("a.png"))
    assert partial.with_name("a.png").read_bytes() == b"old"


def test_elsewhere_a_refusal_is_final(partial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    tries = hold(monkeypatch, 3)
    with pytest.raises(PermissionError):
        replace_file(partial, partial.with_name("a.png"))
    assert tries() == 1


# --- files that are not finished -----------------------------------------------------------------


@pytest.fixture
def dead_pid() -> int:
    """Of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def of_process(pid: int) -> str:
    return partial_name().replace(f"-{os.getpid()}-", f"-{pid}-")


def elsewhere(pid: int) -> str:
    """A name that another machine gives."""
    return f".affekt-{'f' * 8}-{pid}-12345678.partial"


def test_it_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    fsync, rename = os.fsync, os.replace

    def note_fsync(handle: int) -> None:
        happened.append(f"fsync of {os.fstat(handle).st_size} bytes")
        fsync(handle)

    def note_rename(source: Path, target: Path) -> None:
        happened.append(f"rename to {Path(target).name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_rename)
    with replacing(tmp_path / "a.png") as path:
        path.write_bytes(b"seven..")
    assert happened == ["fsync of 7 bytes", "rename to a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"seven.."


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, ValueError])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a.png").write_bytes(b"old")

    def fail() -> None:
        with replacing(tmp_path / "a.png") as path:
            path.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


def test_a_failing_flush_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk may say only then that it is full."""

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"), replacing(tmp_path / "a.png") as path:
        path.write_bytes(b"data")
    assert list(tmp_path.iterdir()) == []


def test_what_dead_processes_left_behind_goes(tmp_path: Path, dead_pid: int) -> None:
    files = [of_process(dead_pid), of_process(os.getpid()), elsewhere(dead_pid), "a.partial"]
    for name in files:
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / of_process(dead_pid)).mkdir()  # a folder, as of a bake
    (tmp_path / of_process(dead_pid)).mkdir()
    next(p for p in tmp_path.iterdir() if p.is_dir()).joinpath("motion.npz").write_bytes(b"half")
    sweep_partials(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == set(files[1:])


def test_another_machine_has_a_day(tmp_path: Path, dead_pid: int) -> None:
    path = tmp_path / elsewhere(dead_pid)
    path.write_bytes(b"half")
    for age_s, stays in ((23 * 3600, True), (25 * 3600, False)):
        then = time.time() - age_s
        os.utime(path, (then, then))
        sweep_partials(tmp_path)
        assert path.exists() == stays


def test_the_first_file_in_a_folder_sweeps_it(tmp_path: Path, dead_pid: int) -> None:
    (tmp_path / of_process(dead_pid)).write_bytes(b"half")
    with replacing(tmp_path / "a.png") as path:
        path.write_bytes(b"whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_a_folder_is_swept_once(tmp_path: Path, dead_pid: int) -> None:
    """By this process: it may hold a hundred thousand pictures."""
    with replacing(tmp_path / "a.png") as path:
        path.write_bytes(b"whole")
    left = tmp_path / of_process(dead_pid)
    left.write_bytes(b"half")
    with replacing(tmp_path / "b.png") as path:
        path.write_bytes(b"whole")
    assert left.exists()


def test_names_are_new_each_time(tmp_path: Path) -> None:
    assert len({partial_path(tmp_path) for _ in range(20)}) == 20
    sweep_partials(tmp_path / "missing")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links on this system")
def test_a_link_is_swept_without_what_it_leads_to(tmp_path: Path, dead_pid: int) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a.png").write_bytes(b"mine")
    (tmp_path / of_process(dead_pid)).symlink_to(tmp_path / "kept")
    stranger = tmp_path / elsewhere(dead_pid)  # old itself, though it leads to something new
    stranger.symlink_to(tmp_path / "kept" / "a.png")
    then = time.time() - 25 * 3600
    os.utime(stranger, (then, then), follow_symlinks=False)
    sweep_partials(tmp_path)
    assert (tmp_path / "kept" / "a.png").read_bytes() == b"mine"
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_flushing_what_is_not_there_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        flush_file(tmp_path / "missing")


def test_a_partials_name_tells_machine_and_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As other versions on a shared disk read it."""
    monkeypatch.setattr(platform, "node", lambda: "render-1")
    host = hashlib.blake2b(b"render-1", digest_size=4).hexdigest()
    name = partial_name()
    assert re.fullmatch(rf"\.affekt-{host}-{os.getpid()}-[0-9a-f]{{8}}\.partial", name)
    assert not is_left_behind(name, lambda: 1e9)  # however long it was not written
    other = name.replace(host, "0" * 8)
    assert [is_left_behind(other, lambda age=age: age) for age in (86_300, 86_500)] == [False, True]
    for stranger in (name[1:], f"{name}.png", name.replace("affekt", "other"), "a.partial"):
        assert not is_left_behind(stranger, lambda: 1e9)


def test_whether_a_folder_takes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Path, bool]] = []
    touch = Path.touch

    def note(path: Path, *, exist_ok: bool) -> None:
        touch(path, exist_ok=exist_ok)
        made.append((path, path.exists()))
        if len(made) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "touch", note)
    try_writing(tmp_path)
    try_writing(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        try_writing(tmp_path)
    assert [(path.parent, there) for path, there in made] == [(tmp_path, True)] * 3
    assert len({path for path, _ in made}) == 3
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError):
        try_writing(tmp_path / "none")


def test_what_cannot_be_removed_hides_nothing(
    tmp_path: Path, dead_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sweeping goes on with the next one, and a failure is told as it was."""
    stuck, other = tmp_path / of_process(dead_pid), tmp_path / of_process(dead_pid)
    for path in (stuck, other):
        path.write_bytes(b"half")
    unlink = Path.unlink

    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        if path == other:
            unlink(path, missing_ok=missing_ok)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    sweep_partials(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [stuck.name]
    try_writing(tmp_path)
    with pytest.raises(ValueError, match="why"), replacing(tmp_path / "a.png"):
        raise ValueError("why")
