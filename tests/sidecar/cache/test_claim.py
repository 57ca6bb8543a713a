# SPDX-License-Identifier: GPL-3.0-or-later
"""Who works with a cache folder: told while they live, and no longer."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from affekt.sidecar.cache.claim import Claim, is_claimed
from fakes.link import running_server, wait_for
from filelock import FileLock, Timeout


def test_several_claims(tmp_path: Path) -> None:
    assert not is_claimed(tmp_path)
    one, two = Claim(tmp_path), Claim(tmp_path)
    assert is_claimed(tmp_path)
    one.close()
    assert is_claimed(tmp_path)
    two.close()
    two.close()
    assert not two._lock.is_locked
    assert not is_claimed(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_killed_process_claims_nothing(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys; from affekt.sidecar.cache.claim import Claim\n"
        "claim = Claim(pathlib.Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert is_claimed(tmp_path)
        process.kill()
    assert list(tmp_path.iterdir())
    wait_for(lambda: not is_claimed(tmp_path), "the end of its claim")
    assert not list(tmp_path.iterdir())


def test_the_next_claim_sweeps_up_after_a_killed_process(tmp_path: Path) -> None:
    (tmp_path / "in-use-1-00000000.lock").touch()
    (tmp_path / "someone-elses.lock").touch()
    claim = Claim(tmp_path)
    (own,) = tmp_path.glob("in-use-*")
    assert own.name.startswith(f"in-use-{os.getpid()}-")
    if os.name == "posix":
        assert stat.S_IMODE(own.stat().st_mode) == 0o600
    claim.close()
    assert [path.name for path in tmp_path.iterdir()] == ["someone-elses.lock"]


def test_claims_for_different_things_do_not_know_of_each_other(tmp_path: Path) -> None:
    """And one of several for a thing may be passed over: whoever asks knows of its own."""
    render, bake = Claim(tmp_path, "render"), Claim(tmp_path, "bake-1a2b")
    assert is_claimed(tmp_path, "render")
    assert is_claimed(tmp_path, "bake")
    assert not is_claimed(tmp_path)
    assert not is_claimed(tmp_path, "bake", "bake-1a2b")
    assert is_claimed(tmp_path, "bake", "bake-1a2c")
    other = Claim(tmp_path, "bake-9f")
    assert is_claimed(tmp_path, "bake", "bake-1a2b")
    assert is_claimed(tmp_path, "bake", "bake-9f")
    for claim in (other, render):
        claim.close()
    assert not is_claimed(tmp_path, "bake", "bake-1a2b")
    assert [path.name[:9] for path in tmp_path.iterdir()] == ["bake-1a2b"], "it is still held"
    bake.close()
    assert not list(tmp_path.iterdir())


def test_a_folder_in_which_no_lock_can_be_made_counts_as_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever only reads there works without a claim; and asking passes such a file over."""
    for error in (PermissionError(13, "Permission denied"), Timeout("lock")):

        def refuse(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(FileLock, "acquire", refuse)
            Claim(tmp_path).close()
        assert not list(tmp_path.iterdir())
    (tmp_path / "in-use-1-aa.lock").touch()
    with monkeypatch.context() as patch:
        patch.setattr(FileLock, "__enter__", refuse_os)
        assert not is_claimed(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["in-use-1-aa.lock"]


def refuse_os(_: FileLock) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    Claim(tmp_path / "gone").close()
    assert not is_claimed(tmp_path / "gone")


def test_a_server_claims_its_cache(tmp_path: Path) -> None:
    with running_server(tmp_path):
        assert is_claimed(tmp_path / "cache")
    assert not is_claimed(tmp_path / "cache")
