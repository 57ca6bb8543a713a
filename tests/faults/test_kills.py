# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the server and of the worker at random points of a bake: it finishes, with the same
hashes, and at most the chunk under way is computed again. A kill that comes when all chunks are
there disturbs nothing: it does not count, and is tried again, sooner."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from affekt.shared.artefact import Artefact
from affekt.shared.supervisor import SupervisorState
from fakes.promises import within

from .harness import Chunks, Sidecar, chunks_in, hashes, long_take, stopped, track_of

FRAMES = 240
SEED = 5
POINTS = 10
"""Of the server, and as many of the worker."""
TRIES = 4
SHOWN_S = 0.5
"""The promise: of the tries in the quick tier one keeps it, of the random points half of them."""


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
    """Seconds until the death was shown, and of how many files of the bake's chunks how many were
    whole by then."""

    shown_s: float
    kept: int
    files: int

    @property
    def counts(self) -> bool:
        """Whether the kill came before the last chunk was there."""
        return self.kept < self.files


def bake_with_a_kill(
    sidecar: Sidecar, long: Artefact, who: str, weight: float, after_s: float
) -> Trial:
    """One trial, against the same bake from nothing."""
    before, track = chunks_in(sidecar.cache), track_of(FRAMES, weight)
    job = sidecar.client.start_bake(long, track)
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
    assert hashes(sidecar.finished_from_nothing(long, track, new)) == disturbed
    sidecar.clock.skip(700.0)  # restarts long ago count no more
    return Trial(shown_s, len(there.keys() - before.keys()), len(new))


def trial_that_counts(
    sidecar: Sidecar, long: Artefact, who: str, weights: Iterator[float], after_s: float
) -> Trial:
    """A trial whose kill hit the bake while it computed."""
    for number in range(TRIES):
        trial = bake_with_a_kill(sidecar, long, who, next(weights), after_s * 0.6**number)
        if trial.counts:
            return trial
    raise AssertionError(f"{TRIES} kills came too late")


@pytest.mark.parametrize("who", ["worker", "server"])
def test_killed_once(
    sidecar: Sidecar,
    long: Artefact,
    undisturbed_s: float,
    who: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = itertools.count({"worker": 0.7, "server": 0.8}[who], 0.001)

    def shown() -> float:
        return trial_that_counts(sidecar, long, who, weights, 0.5 * undisturbed_s).shown_s

    shown_s = within(SHOWN_S, shown)
    if who == "server":
        with capsys.disabled():
            print(f"\na dead server is shown after {1e3 * shown_s:.0f} ms (at most {SHOWN_S} s)")
    assert shown_s <= SHOWN_S


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
    weights = itertools.count({"worker": 0.1, "server": 0.4}[who], 0.001)
    trials = [
        trial_that_counts(sidecar, long, who, weights, random.random() * undisturbed_s)
        for _ in range(POINTS)
    ]
    # The control: they did not all die before their first chunk.
    assert len({trial.kept for trial in trials}) > 1
    shown_ms = [1e3 * trial.shown_s for trial in trials]
    with capsys.disabled():
        kept = ", ".join(f"{trial.kept} of {trial.files}" for trial in trials)
        print(f"\n{who} killed at {POINTS} points of a bake of {undisturbed_s:.2f} s: all finish")
        print(f"files of chunks that were there: {kept}")
        if who == "server":
            print(f"shown after {np.median(shown_ms):.0f} ms, at the latest {max(shown_ms):.0f} ms")
    assert np.median(shown_ms) <= 1e3 * SHOWN_S
