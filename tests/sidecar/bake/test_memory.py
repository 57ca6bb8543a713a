# SPDX-License-Identifier: GPL-3.0-or-later
"""A bake's memory is the take's numbers and one chunk of vertices, however long the take is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc"
)
TESTS = Path(__file__).resolve().parents[2]
MOTION_BYTES = 4 * 120
"""Of one frame of a take."""


def peak_bytes(frames: int, vertices: int, modulator: str) -> int:
    """Peak memory of a process that bakes such a take."""
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "fakes.long_bake", str(frames), str(vertices), modulator],
        capture_output=True,
        text=True,
        timeout=280,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_vertices_do_not_pile_up() -> None:
    short, long = 2_000, 10_000
    vertices = 2_000  # 24 kB a frame, 192 MB in all
    growth = peak_bytes(long, vertices, "small") - peak_bytes(short, vertices, "small")
    print(f"{growth / (long - short):.0f} bytes a frame")
    assert growth / (long - short) < 12 * MOTION_BYTES


@pytest.mark.full
def test_half_an_hour_bakes_in_little_memory() -> None:
    peak = peak_bytes(54_000, 5_023, "shipped")  # 3.3 GB of vertices
    print(f"{peak / 1e6:.0f} MB")
    assert peak < 1.5e9
