# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGSTOP: a process that is there and says nothing."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import pytest
from affekt.shared.artefact import Artefact
from affekt.shared.supervisor import SupervisorState
from fakes.promises import within

from .harness import Sidecar, chunks_in, hashes, stopped, take_frames, track_of

SHOWN_S = 3.0
"""The promise, to be kept in one of three tries."""


def goes_on_after(sidecar: Sidecar, weight: float, stop: Callable[[], None]) -> None:
    """A slow bake that `stop` disturbs has the bits of one that nobody does."""
    take, track = sidecar.upload("slow.npz"), track_of(take_frames(), weight)
    before = chunks_in(sidecar.cache)
    job = sidecar.client.start_bake(take, track)
    stop()
    assert not sidecar.has_ended(job), "the bake had ended before anything was stopped"
    disturbed = hashes(sidecar.finished(job))
    new = chunks_in(sidecar.cache).keys() - before.keys()
    assert new
    assert hashes(sidecar.finished_from_nothing(take, track, new)) == disturbed


def seconds_until(sidecar: Sidecar, state: SupervisorState) -> float:
    begin = time.monotonic()
    sidecar.wait(lambda: sidecar.supervisor.state is state, f"the state {state}")
    return time.monotonic() - begin


def test_a_hang_is_shown_and_forgotten(
    sidecar: Sidecar, take: Artefact, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = itertools.count(0.3, 0.001)
    pid = sidecar.server_pid

    def shown() -> float:
        job = sidecar.client.start_bake(take, track_of(take_frames(), next(weights)))
        with stopped(pid):
            shown_s = seconds_until(sidecar, SupervisorState.SILENT)
        sidecar.finished(job)
        assert sidecar.supervisor.state is SupervisorState.CONNECTED
        return shown_s

    shown_s = within(SHOWN_S, shown)
    with capsys.disabled():
        print(f"\na stopped server is shown after {shown_s:.1f} s (at most {SHOWN_S} s)")
    assert shown_s <= SHOWN_S
    assert sidecar.server_pid == pid  # nobody was killed


@pytest.mark.full
@pytest.mark.parametrize(("who", "weight"), [("server", 0.31), ("worker", 0.32)])
def test_stopped_for_5_seconds(sidecar: Sidecar, who: str, weight: float) -> None:
    pid = sidecar.server_pid if who == "server" else sidecar.worker_pid

    def stop() -> None:
        end = time.monotonic() + 5.0
        with stopped(pid):
            sidecar.wait(lambda: time.monotonic() > end, "5 seconds")

    goes_on_after(sidecar, weight, stop)


@pytest.mark.full
def test_stopped_worker_does_not_stop_the_sockets(sidecar: Sidecar) -> None:
    with stopped(sidecar.worker_pid):
        end = time.monotonic() + 3.0
        slowest = 0.0
        while time.monotonic() < end:
            slowest = max(slowest, sidecar.client.ping())
            sidecar.step()
            assert sidecar.supervisor.state is SupervisorState.CONNECTED
    assert slowest < 1.0


@pytest.mark.full
def test_stopped_for_ever(sidecar: Sidecar) -> None:
    """The supervisor ends it, starts another, and the bake goes on there."""
    first = sidecar.server_pid

    def stop() -> None:
        with stopped(first):
            seconds_until(sidecar, SupervisorState.SILENT)
            seconds_until(sidecar, SupervisorState.RESTARTING)

    goes_on_after(sidecar, 0.34, stop)
    assert sidecar.server_pid != first
