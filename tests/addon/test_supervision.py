# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender and its sidecar through thick and thin: nothing is left behind, nothing is lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.alive import is_process_alive
from affekt.shared.connection import FILE_NAME
from affekt.shared.pixels import default_pixel_folder
from affekt.shared.process import SidecarState, start_sidecar
from affekt.shared.version import AFFEKT_VERSION
from affekt.sidecar.motion.read import encode_motion
from fakes.head import small_head
from fakes.link import wait_for

from .conftest import RunScript, StartScript
from .nouns import random_motion, save

LEAVE_S = 2.0
DEATH_SHOWN_S = 0.5
HANG_SHOWN_S = 3.0
PUMP_S = 0.001
FRAMES = 2000
PICTURES = 40


@pytest.fixture(scope="session")
def long_take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A take whose bake takes long enough to be disturbed."""
    path = tmp_path_factory.mktemp("takes") / "long.npz"
    path.write_bytes(encode_motion(random_motion(FRAMES, expression_scale=0.1)))
    return path


@pytest.mark.two_blenders
@pytest.mark.parametrize("times", [2, pytest.param(50, marks=pytest.mark.full)])
def test_enabled_and_disabled_again_and_again(in_blender: RunScript, times: int) -> None:
    told = in_blender("register.py", python=sys.executable, times=times)
    print(
        f"{times} times: {told['first']} -> {told['last']}, disabled in {told['slowest_s']:.3f} s"
    )
    grown = {name: n for name, n in told["last"].items() if n > told["first"][name]}
    assert grown == {}
    assert told["after"] == told["before"]
    assert not told["after"]["timer"]
    assert told["left"] == []
    assert told["seen"] > times  # sidecars and their workers
    assert told["outlived"] == []


def percentiles(took_s: list[float]) -> str:
    values = np.percentile(took_s, [50, 99, 100]) * 1000
    return f"p50 {values[0]:.3f}, p99 {values[1]:.3f}, max {values[2]:.2f} ms ({len(took_s)} ticks)"


@pytest.mark.full
def test_bakes_and_renderings_survive(in_blender: RunScript, long_take: Path) -> None:
    """The sidecar is left alone, killed, and stopped for five seconds: the same Action, the same
    pictures."""
    told = in_blender(
        "survive.py", python=sys.executable, take=long_take, deadline_s=90, pictures=PICTURES
    )
    runs, stopped = told["told"], told["told"]["stopped"]
    for name, run in runs.items():
        print(f"a tick while the sidecar is {name}: {percentiles(run['took_s'])}")
    death_s, hang_s = (
        run["shown_s"] + told["timer_s"] for run in (runs["killed"], stopped)
    )  # the script steps more often than the timer
    print(f"death shown within {death_s:.2f} s, hang within {hang_s:.2f} s")
    assert told["same"] == {"quiet": True, "killed": True, "stopped": True}
    assert told["differs"]
    assert told["untouched"]
    assert told["takes"] == ["long", "long baked", "long baked 2", "long baked 3"]
    assert told["same_pictures"]
    assert told["pictures"] == PICTURES
    for name in ("killed", "rendered_killed"):
        assert any("Restarting 1 of 5" in text for text in runs[name]["texts"])
    assert death_s < DEATH_SHOWN_S
    assert stopped["states"] == ["CONNECTED", "SILENT", "CONNECTED"]
    assert hang_s < HANG_SHOWN_S
    took_s = [took_s for run in runs.values() for took_s in run["took_s"]]
    assert np.percentile(took_s, 99) < PUMP_S


@pytest.mark.two_blenders
def test_tasks_wait_for_a_sidecar_that_comes_back(in_blender: RunScript, tmp_path: Path) -> None:
    """Short calls are made again on the new connection; the end is told if there is none."""
    take, head = tmp_path / "take.json", save(small_head(), tmp_path / "head.npz")
    take.write_text("{}")
    told = in_blender("waits.py", take=take, head=head)
    texts = told["again"]["texts"]
    for number in (1, 2):
        assert any(f"Sidecar: Restarting {number} of 5" in text for text in texts), texts
    assert told["again"]["said"].startswith("Imported take: 10 frames")
    assert told["uploads"] == [[["motion", "take.json"]]] * 3
    assert told["log"][-4:] == ["first line", "last line", "", ""]
    assert "why it crashed" in told["log"]
    assert told["never"]["said"] == "link.given_up"
    assert told["state"] == ["FAILED", "link.given_up"]
    assert "Start the sidecar first" in told["poll"]
    assert "No sidecar of this Blender's has a log" in told["no_log"]
    assert told["new_actions"] == 0


@pytest.mark.one_blender
def test_a_connection_file_that_the_user_names(in_blender: RunScript, tmp_path: Path) -> None:
    process = start_sidecar(
        [sys.executable, "-m", "affekt.sidecar", "serve", "--cache-dir", str(tmp_path / "remote")],
        tmp_path / "elsewhere",
    )
    try:
        wait_for(lambda: process.poll() is SidecarState.READY, "the sidecar", 60)
        told = in_blender("remote.py", file=tmp_path / "elsewhere" / FILE_NAME)
    finally:
        process.stop()
    assert told["state"] == "CONNECTED"
    assert told["version"] == AFFEKT_VERSION
    assert "The connection file" in told["said"]["missing"]


@pytest.mark.one_blender
def test_blender_is_killed(start_in_blender: StartScript, long_take: Path, tmp_path: Path) -> None:
    """Sidecar, worker, shared memory and connection file go with it."""
    blender, answer = start_in_blender("hold.py", python=sys.executable, take=long_take)
    wait_for(lambda: answer.exists() and answer.stat().st_size, "the bake", 120)
    told = json.loads(answer.read_text())
    processes = [*told["sidecars"], *told["workers"]]
    assert told["sidecars"]
    assert list(tmp_path.glob("runtime/*/sidecar.json"))
    blender.kill()
    blender.wait()
    wait_for(lambda: not any(map(is_process_alive, processes)), "their end", LEAVE_S)
    assert not list(tmp_path.glob("runtime/*/sidecar.json"))
    memory = [path.name for path in default_pixel_folder().glob("affekt-*")]
    assert [name for name in memory if int(name.split("-")[1]) in processes] == []
