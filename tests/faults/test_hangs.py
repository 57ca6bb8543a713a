# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGSTOP: a process that is there and says nothing."""

from __future__ import annotations

import time

import pytest
from affekt.shared.messages import Artefact
from affekt.shared.supervisor import SupervisorState

from .harness import Sidecar, hashes, stopped, take_frames, track_of

SHOWN_S = 3.0
"""The promise; the tests allow a busy machine twice that."""


def seconds_until(sidecar: Sidecar, state: SupervisorState) -> float:
    begin = time.monotonic()
    sidecar.wait(lambda: sidecar.supervisor.state is state, f"the state {state}")
    return time.monotonic() - begin


def test_a_hang_is_shown_and_forgotten(
    sidecar: Sidecar, take: Artefact, capsys: pytest.CaptureFixture[str]
) -> None:
    job = sidecar.client.start_bake(take, track_of(take_frames(), 0.3))
    pid = sidecar.server_pid
    with stopped(pid):
        shown_s = seconds_until(sidecar, SupervisorState.SILENT)
    with capsys.disabled():
        print(f"\na stopped server is shown after {shown_s:.1f} s")
    assert shown_s < 2 * SHOWN_S
    sidecar.finished(job)
    assert sidecar.supervisor.state is SupervisorState.CONNECTED
    assert sidecar.server_pid == pid  # nobody was killed


@pytest.mark.full
def test_stopped_for_5_seconds(sidecar: Sidecar, take: Artefact) -> None:
    for weight, find in ((0.31, lambda: sidecar.server_pid), (0.32, lambda: sidecar.worker_pid)):
        job = sidecar.client.start_bake(take, track_of(take_frames(), weight))
        pid, end = find(), time.monotonic() + 5.0
        with stopped(pid):
            sidecar.wait(lambda end=end: time.monotonic() > end, "5 seconds")
        sidecar.finished(job)


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
def test_stopped_for_ever(sidecar: Sidecar, take: Artefact) -> None:
    """The supervisor ends it, starts another, and the bake goes on there."""
    whole = sidecar.finished(sidecar.client.start_bake(take, track_of(take_frames(), 0.33)))
    job = sidecar.client.start_bake(take, track_of(take_frames(), 0.34))
    first = sidecar.server_pid
    with stopped(first):
        seconds_until(sidecar, SupervisorState.SILENT)
        seconds_until(sidecar, SupervisorState.RESTARTING)
        seconds_until(sidecar, SupervisorState.CONNECTED)
    assert sidecar.server_pid != first
    assert hashes(sidecar.finished(job)) != hashes(whole)
