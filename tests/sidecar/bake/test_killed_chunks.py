# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake that is killed goes on where it was: same bytes, at most one chunk computed again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
POINTS, SEED = 20, 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed processes are forked")
def test_kill_at_random_points_of_a_bake(tmp_path: Path) -> None:
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "fakes.killed_bake", str(tmp_path), str(POINTS), str(SEED)],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    rows = found["rows"]
    print(f"seed {SEED}: lines {[row['line'] for row in rows]} of {found['lines']}")
    print(f"new chunks afterwards, of {found['chunks']}: {[row['new_after'] for row in rows]}")
    assert len(rows) == POINTS
    assert all(row["was_killed"] and row["is_same"] for row in rows)
    # A chunk is two files, its motion's and its vertices': what was whole is not made again.
    assert all(row["new_after"] == found["chunks"] - row["files_before"] // 2 for row in rows)
    assert len({row["new_after"] for row in rows}) > 2  # they died all over the bake
