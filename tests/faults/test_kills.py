# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the server and of the worker at random points of a bake: it finishes, with the same
hashes, and at most the chunk under way is computed again."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from random import Random

import pytest
from affekt.shared.messages import Artefact
from affekt.shared.supervisor import SupervisorState

from .harness import Chunks, Sidecar, chunks_in, hashes, long_take, stopped, track_of

FRAMES = 240
SEED = 5
POINTS = 10
"""Of the server, and as many of the worker."""


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


def seconds_until_shown(sidecar: Sidecar) -> float:
    """Until the supervisor knows that the server is dead."""
    begin = time.monotonic()
    connected = SupervisorState.CONNECTED
    sidecar.wait(lambda: sidecar.supervisor.state is not connected, "the death to be shown")
    return time.monotonic() - begin


@dataclass(frozen=True, slots=True)
class Trial:
    """Seconds until the death was shown, and the chunks that were whole by then."""

    shown_s: float
    kept: int


def bake_with_a_kill(
    sidecar: Sidecar, long: Artefact, who: str, weight: float, after_s: float
) -> Trial:
    """One trial, against the same bake from nothing."""
    before = chunks_in(sidecar.cache)
    job = sidecar.client.start_bake(long, track_of(FRAMES, weight))
    due = time.monotonic() + after_s
    sidecar.wait(lambda: time.monotonic() >= due, "the moment")
    there = kill(sidecar, who)
    shown_s = seconds_until_shown(sidecar) if who == "server" else 0.0
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
    return Trial(shown_s, len(there.keys() - before.keys()))


@pytest.mark.parametrize("who", ["worker", "server"])
def test_killed_once(
    sidecar: Sidecar,
    long: Artefact,
    undisturbed_s: float,
    who: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weight = {"worker": 0.7, "server": 0.8}[who]
    shown_s = bake_with_a_kill(sidecar, long, who, weight, 0.5 * undisturbed_s).shown_s
    if who == "server":
        with capsys.disabled():
            print(f"\na dead server is shown after {1e3 * shown_s:.0f} ms")
    assert shown_s < 2.0  # promise 0.5 s


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", ["worker", "server"])
def test_killed_at_random_points(
    sidecar: Sidecar,
    long: Artefact,
    undisturbed_s: float,
    who: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    random = Random(f"{who} {SEED}")
    points = [random.random() for _ in range(POINTS)]
    trials: list[Trial] = []
    for number, point in enumerate(points):
        weight = 0.1 + 0.01 * number + (0.3 if who == "server" else 0.0)
        trials.append(bake_with_a_kill(sidecar, long, who, weight, point * undisturbed_s))
    # The control: they did not all die before their first chunk, or after their last.
    assert len({trial.kept for trial in trials}) > 1
    with capsys.disabled():
        print(f"\n{who} killed at {POINTS} points of a bake of {undisturbed_s:.2f} s: all finish")
        if who == "server":
            shown_ms = 1e3 * max(trial.shown_s for trial in trials)
            print(f"shown after {shown_ms:.0f} ms at the latest")
