# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the server and of the worker at random points of a bake: it finishes, with the same
hashes, and at most the chunk under way is computed again."""

from __future__ import annotations

import os
import signal
import time
from random import Random

import pytest
from affekt.shared.messages import Artefact

from .harness import Chunks, Sidecar, chunks_in, hashes, long_take, stopped, track_of

FRAMES = 240
SEED = 5


@pytest.fixture(scope="module")
def long(sidecar: Sidecar) -> Artefact:
    return sidecar.client.upload(long_take(FRAMES), "motion", "long.npz")


@pytest.fixture(scope="module")
def undisturbed_s(sidecar: Sidecar, long: Artefact) -> float:
    """How long the bake takes when nobody kills: the fastest of three."""
    seconds: list[float] = []
    for weight in (0.97, 0.98, 0.99):
        begin = time.monotonic()
        sidecar.finished(sidecar.client.start_bake(long, track_of(FRAMES, weight)))
        seconds.append(time.monotonic() - begin)
    return min(seconds)


def kill(sidecar: Sidecar, who: str) -> Chunks:
    """Ends the process, and tells which chunks were whole at that moment."""
    pid = sidecar.server_pid if who == "server" else sidecar.worker_pid
    worker = sidecar.worker_pid
    with stopped(worker):
        # Stopped first, so that what is whole now was whole when it died.
        there = chunks_in(sidecar.cache)
        os.kill(pid, signal.SIGKILL)
    return there


def bake_with_a_kill(
    sidecar: Sidecar, long: Artefact, who: str, weight: float, after_s: float
) -> None:
    """One trial, against the same bake undisturbed (in which every chunk is found)."""
    before = chunks_in(sidecar.cache)
    job = sidecar.client.start_bake(long, track_of(FRAMES, weight))
    due = time.monotonic() + after_s
    sidecar.wait(lambda: time.monotonic() >= due, "the moment")
    there = kill(sidecar, who)
    disturbed = hashes(sidecar.finished(job))
    after = chunks_in(sidecar.cache)
    new = after.keys() - before.keys()
    again = [name for name, inode in there.items() if after.get(name) != inode]
    assert not again, f"computed again: {again}"
    assert new
    # Once more from nothing: the same bits.
    for name in new:
        (sidecar.cache / name).unlink()
    repeated = sidecar.finished(sidecar.client.start_bake(long, track_of(FRAMES, weight)))
    assert hashes(repeated) == disturbed
    sidecar.clock.skip(700.0)  # restarts long ago count no more


@pytest.mark.parametrize("who", ["worker", "server"])
def test_killed_once(sidecar: Sidecar, long: Artefact, undisturbed_s: float, who: str) -> None:
    weight = {"worker": 0.5, "server": 0.6}[who]
    bake_with_a_kill(sidecar, long, who, weight, 0.5 * undisturbed_s)


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", ["worker", "server"])
def test_killed_at_20_points(
    sidecar: Sidecar,
    long: Artefact,
    undisturbed_s: float,
    who: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    random = Random(f"{who} {SEED}")
    points = [random.random() for _ in range(20)]
    for trial, point in enumerate(points):
        weight = 0.1 + 0.01 * trial + (0.3 if who == "server" else 0.0)
        bake_with_a_kill(sidecar, long, who, weight, point * undisturbed_s)
    with capsys.disabled():
        print(f"\n{who} killed at 20 points of a bake of {undisturbed_s:.2f} s: 20 of 20 finish")
