# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor with real sidecars: killed, halted, stopped, and left alone by their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from affekt.shared.alive import is_process_alive
from affekt.shared.connection import CACHE_VARIABLE, FILE_NAME, read_connection
from affekt.shared.supervisor import Supervisor, SupervisorState
from fakes.link import wait_for

SERVE = [sys.executable, "-m", "affekt.sidecar", "serve"]
DEADLINE_S = 60.0
DEATH_SHOWN_S = 0.5
HANG_SHOWN_S = 3.0
STOP_S = 0.05
LEAVE_S = 2.0


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(SERVE, tmp_path / "run")
    supervisor.start()
    try:
        reach(supervisor, SupervisorState.CONNECTED)
        yield supervisor
    finally:
        file = tmp_path / "run" / FILE_NAME
        supervisor.stop()
        wait_for(lambda: not file.exists(), "the sidecar's end", DEADLINE_S)


def reach(supervisor: Supervisor, state: SupervisorState) -> float:
    """Steps until it is there; seconds that this took."""
    began = time.monotonic()
    wait_for(lambda: supervisor.step() is state, f"{state}: {supervisor.error}", DEADLINE_S)
    return time.monotonic() - began


def pid_of(folder: Path) -> int:
    return read_connection(folder).pid


def test_a_death_is_seen_and_mended(supervisor: Supervisor, tmp_path: Path) -> None:
    first = pid_of(tmp_path / "run")
    os.kill(first, signal.SIGKILL)
    shown_s = reach(supervisor, SupervisorState.RESTARTING)
    took_s = reach(supervisor, SupervisorState.CONNECTED)
    print(f"death shown after {shown_s:.3f} s, connected again after {took_s:.2f} s")
    assert shown_s < DEATH_SHOWN_S
    assert pid_of(tmp_path / "run") != first
    assert supervisor.submit(lambda client: client.ping()).result(10) < 10


def test_a_halt_is_seen_and_passes(supervisor: Supervisor, tmp_path: Path) -> None:
    pid, client = pid_of(tmp_path / "run"), supervisor.client
    os.kill(pid, signal.SIGSTOP)
    try:
        shown_s = reach(supervisor, SupervisorState.SILENT)
    finally:
        os.kill(pid, signal.SIGCONT)
    print(f"hang shown after {shown_s:.2f} s")
    assert shown_s < HANG_SHOWN_S
    reach(supervisor, SupervisorState.CONNECTED)
    assert supervisor.client is client


@pytest.mark.full
def test_a_hang_is_ended_and_mended(supervisor: Supervisor, tmp_path: Path) -> None:
    pid = pid_of(tmp_path / "run")
    os.kill(pid, signal.SIGSTOP)
    reach(supervisor, SupervisorState.RESTARTING)
    assert supervisor.error is not None
    assert supervisor.error.code == "link.silent"
    wait_for(lambda: not is_process_alive(pid), "its end", LEAVE_S)
    reach(supervisor, SupervisorState.CONNECTED)


def test_stop_returns_at_once(supervisor: Supervisor, tmp_path: Path) -> None:
    pid = pid_of(tmp_path / "run")
    began = time.perf_counter()
    supervisor.stop()
    took_s = time.perf_counter() - began
    print(f"stop: {1000 * took_s:.2f} ms")
    assert took_s < STOP_S
    wait_for(lambda: not is_process_alive(pid), "its end", LEAVE_S)


PARENT = """
import os, sys, time
from pathlib import Path
from affekt.shared.supervisor import Supervisor, SupervisorState
supervisor = Supervisor(sys.argv[2:], Path(sys.argv[1]))
supervisor.start()
while supervisor.step() is not SupervisorState.CONNECTED:
    time.sleep(0.01)
print("connected", flush=True)
sys.stdin.readline()
if END == "stop":
    supervisor.stop()
if END == "crash":
    os._exit(1)
"""


@pytest.mark.parametrize("end", ["stop", "return", "crash", "kill"])
def test_nothing_outlives_us(tmp_path: Path, end: str) -> None:
    """However this process ends, and though nobody waits for the sidecar."""
    command = [sys.executable, "-c", f"END = {end!r}\n{PARENT}", str(tmp_path / "run"), *SERVE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"connected\n"
        pid = pid_of(tmp_path / "run")
        if end == "kill":
            parent.kill()
        else:
            parent.stdin.write(b"\n")
            parent.stdin.close()
        wait_for(lambda: parent.poll() is not None, "our end", DEADLINE_S)
        wait_for(lambda: not is_process_alive(pid), "the sidecar's end", LEAVE_S)
    assert not (tmp_path / "run" / FILE_NAME).exists()
