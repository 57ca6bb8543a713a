# SPDX-License-Identifier: GPL-3.0-or-later
"""`kill -9` at any line of the cache leaves nothing under a final name that is not whole."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from affekt.shared.replacement import PARTIAL
from affekt.sidecar.cache.cache import Cache
from affekt.sidecar.cache.parts import check_chunk, read_manifest
from fakes.cache_work import ADDED, KEYS, PC2, SHA256, WHOLE, work

TESTS = Path(__file__).resolve().parents[2]
POINTS, SEED = 20, 5

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")


def start(folder: Path, points: int) -> subprocess.Popen[str]:
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "fakes.cache_work", str(folder), str(points), str(SEED)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


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
    with start(tmp_path, POINTS) as process:
        found = json.loads(process.communicate(timeout=60)[0])
    print(f"seed {SEED}: killed at lines {found['lines']} of {found['of']}")
    assert len(found["lines"]) == POINTS
    partials = 0
    for line in found["lines"]:
        partials += len(check_files(tmp_path / str(line)))
        check_recovery(tmp_path / str(line))
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


def test_several_processes_write_the_same(tmp_path: Path) -> None:
    running = [start(tmp_path, 0) for _ in range(3)]
    for process in running:
        with process:
            process.communicate(timeout=60)
            assert process.returncode == 0
    check_files(tmp_path)  # who was overtaken in an upload leaves its piece until that is old
    check_recovery(tmp_path / "whole")
