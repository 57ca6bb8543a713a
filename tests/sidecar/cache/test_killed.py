# SPDX-License-Identifier: GPL-3.0-or-later
"""`kill -9` at any line of the cache leaves nothing under a final name that is not whole."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.disk import PARTIAL
from affekt.sidecar.cache.parts import check_chunk, read_manifest
from fakes.cache_work import ADDED, KEYS, PC2, SHA256, WHOLE, work

TESTS = Path(__file__).resolve().parents[2]
POINTS, SEED = 20, 5

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")


def run(folder: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", "fakes.cache_work", str(folder), str(kill_at)],
        capture_output=True, text=True, timeout=60, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip


def check_files(folder: Path) -> list[Path]:
    """All that have their names are whole; the partial ones."""
    partial = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        if path.name.endswith(PARTIAL):
            partial.append(path)
        elif path.parent.name == "chunks":
            with path.open("rb") as file:
                check_chunk(file)
        elif path.suffix == ".parts":
            assert len(read_manifest(path).parts) == 2
        else:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    return partial


def test_kill_at_random_points(tmp_path: Path) -> None:
    lines = int(run(tmp_path / "whole", 0).stdout)
    points = sorted(random.Random(SEED).sample(range(1, lines), POINTS))
    print(f"seed {SEED}: killed at lines {points} of {lines}")
    partials = 0
    for point in points:
        folder = tmp_path / str(point)
        assert run(folder, point).returncode == -signal.SIGKILL
        partials += len(check_files(folder))
        check_recovery(folder)
    assert partials  # some were killed in the middle of a file


def check_recovery(folder: Path) -> None:
    """The next run finishes the work, and what was left behind goes."""
    work(folder)
    old = time.time() - 3600
    for path in check_files(folder):
        os.utime(path, (old, old))
    cache = Cache(folder)
    assert cache.size_bytes() > 0
    assert check_files(folder) == []
    user = cache.user("local")
    assert user.read(SHA256, 0).data == WHOLE
    assert all(user.find_chunk(key) for key in KEYS)
    assert all(user.state(sha256).is_complete for sha256 in (PC2, ADDED))


def test_two_processes_write_the_same(tmp_path: Path) -> None:
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "fakes.cache_work", str(tmp_path), "0"]
    environment = os.environ | {"PYTHONPATH": path}
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for _ in range(3)
    ]
    for process in running:
        with process:
            assert process.wait(60) == 0
    assert check_files(tmp_path) == []
    check_recovery(tmp_path)
