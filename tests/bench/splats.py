# SPDX-License-Identifier: GPL-3.0-or-later
"""What avatars as objects of the scene cost Blender 5.3: `python -m tests.bench splats`. The open
head's own Gaussians, and a real LAM avatar where `AFFEKT_TEST_DATA` has one."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..addon.blenders import ROOT, build_extension, missing_of, pythons, run_script
from .blender import install

FRAMES, TIMES = 60, 7


def run_splats_bench() -> None:
    """Measures, and prints the table."""
    columns = ("avatar", "Gaussians", "follow", "a frame, beyond the mesh", "processor", "import")
    table = Table(*columns)
    python = pythons()[-1]
    if missing := missing_of(python):
        print(missing)
        return
    folder = Path(os.environ.get("AFFEKT_TEST_DATA", ""))
    avatars = ["open-gaussians", *map(str, sorted(folder.glob("lam_avatars/*.zip"))[:1])]
    with tempfile.TemporaryDirectory() as name:
        build_extension(Path(name) / "extension")
        user = install(str(python), Path(name))
        options = {
            "python": sys.executable,
            "avatars": avatars,
            "take": ROOT / "sidecar/assets/demo/take.npz",
            "frames": FRAMES,
            "times": TIMES,
        }
        told = run_script(str(python), user, "splat_times.py", options, user, timeout_s=900)
    for avatar, count, follow, is_own, added, import_s in told["rows"]:
        own = " (made for)" if is_own else ""
        times = [f"{one:.1f} ms" for one in added]
        row = (Path(avatar).stem, f"{count:,}", f"{follow}{own}", *times, f"{import_s:.1f} s")
        table.add_row(*row)
    Console(width=110).print(table)
