# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of Blenders that have ended go, but for the newest few."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from affekt.shared.connection import RUNTIME_VARIABLE
from affekt.shared.limits import MAX_OLD_RUNS
from affekt.shared.process import own_run_folder, remove_old_runs


@pytest.fixture(scope="module")
def ended() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def make_runs(parent: Path, ended: int) -> list[Path]:
    """Oldest first; ids beyond Linux's largest can be no process's."""
    runs = [parent / f"blender-{ended}"]
    runs += [parent / f"blender-{2**40 + number}" for number in range(MAX_OLD_RUNS + 2)]
    for age, run in enumerate(runs):
        run.mkdir()
        for name in (
            "sidecar.log",
            "sidecar.log.1",
            "sidecar.json",
            ".affekt-12345678-1-12345678.partial",
        ):
            (run / name).touch()
        os.utime(run, (1000 + age, 1000 + age))
    return runs


def test_only_the_newest_stay(tmp_path: Path, ended: int) -> None:
    runs = make_runs(tmp_path, ended)
    remove_old_runs(tmp_path)
    assert [run for run in runs if run.exists()] == runs[-MAX_OLD_RUNS:]


def test_what_is_not_ours_stays(tmp_path: Path, ended: int) -> None:
    living, other, linked = (
        tmp_path / f"blender-{os.getpid()}",
        tmp_path / "blender-x",
        tmp_path / "blender-1099",
    )
    for folder in (living, other, tmp_path / "elsewhere"):
        folder.mkdir()
        (folder / "sidecar.log").touch()
        os.utime(folder, (1, 1))
    linked.symlink_to(tmp_path / "elsewhere")
    runs = make_runs(tmp_path, ended)
    (runs[0] / "notes.txt").touch()
    os.utime(runs[0], (2, 2))
    remove_old_runs(tmp_path)
    for folder in (living, other, linked):
        assert (folder / "sidecar.log").exists()
    assert (runs[0] / "notes.txt").exists()


def test_no_folder_is_no_error(tmp_path: Path) -> None:
    remove_old_runs(tmp_path / "none")


def test_each_blender_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, str(tmp_path))
    assert own_run_folder() == tmp_path / f"blender-{os.getpid()}"
