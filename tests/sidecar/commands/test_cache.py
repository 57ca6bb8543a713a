# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt cache`: says what is kept, and removes it, but not under a running sidecar."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from affekt.shared.connection import CACHE_VARIABLE, RUNTIME_VARIABLE, Connection, write_connection
from affekt.sidecar import cli
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.claim import Claim
from affekt.sidecar.server.authenticator import LOCAL_USER


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(RUNTIME_VARIABLE, str(tmp_path / "run"))
    return tmp_path / "cache"


def fill(folder: Path) -> None:
    Cache(folder).user(LOCAL_USER).add(lambda file: file.write(os.urandom(20_000_000)))


def test_info(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["cache", "info"]) == 0
    assert capsys.readouterr().out == f"{folder}: not there, nothing is kept\n"
    assert not folder.exists()
    fill(folder)
    assert cli.run(["cache", "info"]) == 0
    assert capsys.readouterr().out.startswith(
        f"{folder}: 0.02 of 20 GB (`affekt serve --cache-gb` sets another limit), "
    )


def test_clear(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["cache", "clear"]) == 0
    assert not folder.exists()
    fill(folder)
    kept = folder.parent / "mine"
    kept.touch()
    capsys.readouterr()
    assert cli.run(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"{folder}: 0.02 GB removed\n"
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert Cache(folder).size_bytes() == 0
    assert kept.exists()


def test_only_the_caches_own_files_go(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder may be one in which a user keeps other things, even under our names."""
    fill(folder)
    letters = ("users/list.txt", "users/anna/letter.txt", "users/local/docs/x.txt", "notes.txt")
    for letter in letters:
        (folder / letter).parent.mkdir(parents=True, exist_ok=True)
        (folder / letter).write_text("hi")
    assert cli.run(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"{folder}: 0.02 GB removed\n"
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert left == set(letters)


def test_not_under_a_running_sidecar(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(folder)
    running = Connection(
        endpoint="tcp://127.0.0.1:9",
        server_public_key="a" * 40,
        client_public_key="b" * 40,
        client_secret_key="c" * 40,
        pid=os.getpid(),
        protocol=(3, 0),
        affekt="0.1.0",
    )
    write_connection(running, folder.parent / "run" / "blender-1")
    assert cli.run(["cache", "clear"]) == 2
    assert capsys.readouterr().err == (
        f"affekt: A sidecar is running (process {os.getpid()}) and may use the cache. "
        "Stop it in Blender or end that process, and try again. [option.cache_in_use]\n"
    )
    assert Cache(folder).size_bytes() > 10_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="a lock of POSIX systems")
def test_not_under_a_sidecar_for_other_machines(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It writes no connection file."""
    fill(folder)
    claim = Claim(folder)
    assert cli.run(["cache", "clear"]) == 2
    assert capsys.readouterr().err.endswith("[option.cache_in_use]\n")
    assert Cache(folder).size_bytes() > 10_000_000
    claim.close()
    assert cli.run(["cache", "clear"]) == 0


def test_another_folder_than_the_users_own(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    fill(folder)
    fill(other)
    assert cli.run(["cache", "info", "--cache-dir", str(other)]) == 0
    assert capsys.readouterr().out.startswith(f"{other}: 0.02 of 20 GB ")
    assert cli.run(["cache", "clear", "--cache-dir", str(other)]) == 0
    assert capsys.readouterr().out == f"{other}: 0.02 GB removed\n"
    assert Cache(other).size_bytes() == 0
    assert Cache(folder).size_bytes() > 10_000_000
