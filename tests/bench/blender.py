# SPDX-License-Identifier: GPL-3.0-or-later
"""What a long take costs in Blender: `python -m tests.bench blender`; what bakes of a short one
cost, with curves alone and played by Blender: `python -m tests.bench bakes`; what Live costs:
`python -m tests.bench live`.

Twenty minutes at 30 fps with all of ARKit's weights moving, from the button to the keys, in each
Blender that `make test` has set up, through a real sidecar. Peaks are what the system says of each
process at the end.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from affekt.shared.motion import Motion, cut_motion, make_motion
from affekt.sidecar.motion.write import write_motion
from rich.console import Console
from rich.table import Table

from ..addon.blenders import build_extension, missing_of, pythons, run_script

FRAMES = 36_000
SHORT_FRAMES = 300
FPS = 30.0
WEIGHTS = 52
FORMATS = {"npz": "take.npz", "livelink": "take.csv"}


def run_blender_bench() -> None:
    """Measures all, and prints the table."""
    table = Table("Blender", "take", "import", "bake", "peak of Blender", "server", "worker")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_extension(folder / "extension")
        take = moving_take()
        for form, file in FORMATS.items():
            write_motion(take, folder / file, form)
        for python in pythons():
            if missing := missing_of(python):
                print(missing)
                continue
            for row in rows_of(str(python), folder):
                table.add_row(*row)
    Console(width=130).print(table)


def run_bakes_bench() -> None:
    """Bakes of 300 frames in each Blender: seconds, and the table of them."""
    table = Table("Blender", "bake of 300 frames", "seconds")
    for told in _in_each_blender("short_bakes.py"):
        for what, seconds in told["seconds"].items():
            table.add_row(told["blender"], what, f"{seconds:.4f}")
    Console(width=130).print(table)


def run_live_bench() -> None:
    """Live with 300 frames in each Blender: from slider to mesh, ticks, the range ahead."""
    table = Table("Blender", "Live, 300 frames", "aim", "found")
    for told in _in_each_blender("live_speed.py"):
        for row in live_rows(told):
            table.add_row(told["blender"], *row)
    Console(width=130).print(table)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def _in_each_blender(script: str) -> Iterator[dict]:
    """What the script told of a take of 300 frames, Blender by Blender."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_extension(folder / "extension")
        write_motion(cut_motion(moving_take(), 0, SHORT_FRAMES), folder / "take.npz", "npz")
        for python in pythons():
            if missing := missing_of(python):
                print(missing)
                continue
            user = install(str(python), folder)
            options = {"python": sys.executable, "take": folder / "take.npz"}
            yield run_script(str(python), user, script, options, user)


def live_rows(told: dict) -> Iterator[tuple[str, str, str]]:
    """What, what is wanted, what was found."""
    p50, p95 = told["drag_ms"]
    yield "slider to mesh", "p95 33 ms", f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"
    p50, p95, p99 = told["tick_ms"]
    found = f"p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms"
    yield "a tick while sliders move", "1 ms", found
    p50, p95 = told["idle_ms"]
    yield "a tick at rest", "", f"p50 {p50:.2f} ms, p95 {p95:.2f} ms"
    middle, worst = told["range_s"]
    yield "from the last move to all frames", "0.5 s", f"{middle:.2f} s, at worst {worst:.2f} s"
    plain, show, again = told["play_ms"]
    found = f"{plain:.1f} ms without Live, which adds {show:.1f} ms and {again:.1f} ms of Blender's"
    yield "a frame that plays", "", found


def install(python: str, folder: Path) -> Path:
    """A new user folder for that Blender, with the extension that was built."""
    user = Path(tempfile.mkdtemp(dir=folder))
    archive = next((folder / "extension").glob("*.zip"))
    run_script(python, user, "install.py", {"zip": archive}, user)
    return user


def rows_of(python: str, folder: Path) -> list[list[str]]:
    """One row for each format of the take, measured in that Blender."""
    user = install(python, folder)
    rows: list[list[str]] = []
    for file in FORMATS.values():
        out = Path(tempfile.mkdtemp(dir=folder))  # with a cache of its own: nothing is there yet
        options = {"python": sys.executable, "take": folder / file}
        told = run_script(python, user, "long_take.py", options, out)
        seconds, peaks = told["seconds"], told["peaks"]
        rows.append(
            [
                told["blender"],
                f"{file}, {told['frames']:,} frames",
                f"{seconds['import']:.1f} s",
                f"{seconds['bake']:.1f} s",
                *(f"{peaks[part] / 1e6:.0f} MB" for part in ("Blender", "server", "worker")),
            ]
        )
    return rows


def moving_take() -> Motion:
    """A take in which each of ARKit's weights swings at two rates of its own."""
    rng, seconds = np.random.default_rng(0), np.arange(FRAMES)[:, None] / FPS
    rates, phases = rng.uniform(0.1, 3, (2, WEIGHTS)), rng.uniform(0, 6, (2, WEIGHTS))
    swings = np.sin(2 * np.pi * rates * seconds[:, None] + phases).sum(1)
    expression = np.zeros((FRAMES, 100), np.float32)
    expression[:, :WEIGHTS] = np.clip(0.3 + 0.2 * swings, 0, 1)
    turns = 0.1 * np.sin(seconds * [1.0, 0.7, 0.3])
    return make_motion(expression=expression, rotation=turns, fps=FPS, space="arkit")
