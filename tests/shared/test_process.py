# SPDX-License-Identifier: GPL-3.0-or-later
"""Real sidecar processes: start, ready, end; and no orphans."""

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
from affekt.shared.client import Client
from affekt.shared.connection import CACHE_VARIABLE, FILE_NAME, read_connection
from affekt.shared.errors import LinkError
from affekt.shared.process import LOG_NAME, SidecarProcess, SidecarState, start_sidecar
from fakes.link import wait_for

SERVE = [sys.executable, "-m", "affekt.sidecar", "serve"]
START_DEADLINE_S = 60.0
LEAVE_S = 2.0


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[SidecarProcess]:
    process = start_sidecar(SERVE, tmp_path / "run")
    try:
        wait_for(
            lambda: process.poll() is not SidecarState.STARTING, "the sidecar", START_DEADLINE_S
        )
        assert process.error is None
        yield process
    finally:
        process.stop()


@pytest.mark.parametrize(("system", "flags"), [("linux", 0), ("darwin", 0), ("win32", 0x08000000)])
def test_no_console_window(
    system: str, flags: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows opens one for a program that is started from Blender, unless told not to."""
    asked: dict[str, object] = {}

    class Started:
        pid = 4711

        def __init__(self, command: list[str], **options: object) -> None:
            asked.update(options, command=command)

    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x08000000, raising=False)
    monkeypatch.setattr(subprocess, "Popen", Started)
    assert start_sidecar(["affekt", "serve"], tmp_path / "run").pid == 4711
    assert asked["creationflags"] == flags
    # Its standard input is the rope: closed, whatever ends this process.
    assert asked["stdin"] == subprocess.PIPE
    assert "--watch-stdin" in str(asked["command"])


def test_start_talk_stop(sidecar: SidecarProcess, tmp_path: Path, cache: Path) -> None:
    assert sidecar.poll() is SidecarState.READY
    assert sidecar.connection is not None
    assert sidecar.connection.pid == sidecar.pid
    with Client.connect(sidecar.connection) as client:
        client.ping()
    started = time.monotonic()
    sidecar.stop()
    assert time.monotonic() - started < LEAVE_S
    assert sidecar.poll() is SidecarState.STOPPED
    assert not (tmp_path / "run" / FILE_NAME).exists()
    assert not [path for path in cache.iterdir() if not path.match("in-use-*.lock")]
    log = sidecar.log_path.read_text()
    assert "listening on tcp://127.0.0.1:" in log
    assert "Traceback" not in log
    sidecar.stop()


def test_shutdown_by_the_client(sidecar: SidecarProcess) -> None:
    assert sidecar.connection is not None
    with Client.connect(sidecar.connection) as client:
        client.shutdown()
    wait_for(lambda: sidecar.poll() is SidecarState.FAILED, "its end", LEAVE_S)
    assert sidecar.error is not None
    assert sidecar.error.code == "link.ended"
    assert sidecar.error.message.startswith("The sidecar has gone: it ended with code 0.")
    assert sidecar.error.remedy == f"Start it again; its log is {sidecar.log_path}."


def test_killed(sidecar: SidecarProcess) -> None:
    assert sidecar.connection is not None
    with Client.connect(sidecar.connection) as client:
        os.kill(sidecar.pid, signal.SIGKILL)
        wait_for(lambda: not client.is_open, "the client to notice", 0.5)
    wait_for(lambda: sidecar.poll() is SidecarState.FAILED, "its end", LEAVE_S)


def test_terminated(sidecar: SidecarProcess, tmp_path: Path) -> None:
    os.kill(sidecar.pid, signal.SIGTERM)
    wait_for(lambda: sidecar.poll() is SidecarState.FAILED, "its end", LEAVE_S)
    assert not (tmp_path / "run" / FILE_NAME).exists()


def test_poll_is_quick_and_looks_no_more_for_one_that_is_ready(
    sidecar: SidecarProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever clears up a runtime folder ends no sidecar that runs."""
    started = time.perf_counter()
    for _ in range(100):
        sidecar.poll()
    assert (time.perf_counter() - started) / 100 < 0.001
    (tmp_path / "run" / FILE_NAME).unlink()
    monkeypatch.setattr(sidecar, "_deadline", 0.0)
    assert sidecar.poll() is SidecarState.READY
    assert sidecar.connection is not None


PARENT = """
import subprocess, sys, time
own = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
print(own.pid, flush=True)
time.sleep(100)
"""


@pytest.mark.parametrize("how", ["stdin", "pid"])
def test_leaves_when_its_parent_is_killed(tmp_path: Path, how: str) -> None:
    """Each of the two watches alone does it."""
    command = [*SERVE, "--runtime-dir", str(tmp_path / "run")]
    code = PARENT
    if how == "stdin":
        command.append("--watch-stdin")
    else:
        command += ["--parent-pid", "PID"]
        code = PARENT.replace("sys.argv[1:]", "[*sys.argv[1:-1], str(__import__('os').getpid())]")
    with subprocess.Popen([sys.executable, "-c", code, *command], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_for(lambda: (tmp_path / "run" / FILE_NAME).exists(), "the sidecar", START_DEADLINE_S)
        assert read_connection(tmp_path / "run").pid == child
        parent.kill()
        wait_for(lambda: not is_process_alive(child), "the sidecar's end", LEAVE_S)
    assert not (tmp_path / "run" / FILE_NAME).exists()


def test_no_such_program(tmp_path: Path) -> None:
    with pytest.raises(LinkError) as caught:
        start_sidecar([str(tmp_path / "python"), "-m", "affekt"], tmp_path / "run")
    assert caught.value.code == "link.start"
    assert "No such file" in caught.value.message


def test_a_program_that_ends_at_once(tmp_path: Path) -> None:
    process = start_sidecar(
        [sys.executable, "-c", "raise SystemExit('No module named torch')"], tmp_path / "run"
    )
    wait_for(lambda: process.poll() is SidecarState.FAILED, "its end")
    assert process.error is not None
    assert process.error.code == "link.start"
    assert "ended with code 1. No module named torch" in process.error.message
    process.stop()
    assert process.poll() is SidecarState.FAILED


def test_a_program_that_never_gets_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affekt.shared.process.START_S", 0.05)
    process = start_sidecar([sys.executable, "-c", "input()"], tmp_path / "run")
    wait_for(lambda: process.poll() is SidecarState.FAILED, "its failure")
    assert process.error is not None
    assert "did not get ready in time" in process.error.message
    process.stop()


DEAF = [sys.executable, "-c", "import time; time.sleep(100)"]
"""A program that does not look at its standard input."""


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_program_that_does_not_end_by_itself_is_killed(how: str, tmp_path: Path) -> None:
    process = start_sidecar(DEAF, tmp_path / "run")
    try:
        if how == "stop":
            process.stop(timeout_s=0.05)
            assert process.poll() is SidecarState.STOPPED
        else:
            process.ask_to_end()
            process.ask_to_end()
            assert process.poll() is SidecarState.STARTING
            process.kill()
            wait_for(lambda: process.poll() is SidecarState.FAILED, "its end")
            assert process.error is not None
            assert process.error.code == "link.start"
            assert "SIGKILL" in process.error.message
            process.stop()
            assert process.poll() is SidecarState.FAILED
        assert not is_process_alive(process.pid)
    finally:
        process._process.kill()
        process._process.wait()


def test_an_old_file_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "run" / FILE_NAME).write_text("{}")
    process = start_sidecar([sys.executable, "-c", "input()"], tmp_path / "run")
    assert process.poll() is SidecarState.STARTING
    process.stop()


def test_each_start_begins_new_logs(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for number in range(4):
        process = start_sidecar([sys.executable, "-c", f"print({number})"], run)
        wait_for(lambda: process.poll() is SidecarState.FAILED, "its end")  # noqa: B023
        process.stop()
        (run / LOG_NAME).write_text(f"log {number}")
    found = {path.name: path.read_text().strip() for path in run.iterdir()}
    assert found == {
        "sidecar.log": "log 3",
        "sidecar.log.1": "log 2",
        "sidecar.log.2": "log 1",
        "sidecar.stderr": "3",
        "sidecar.stderr.1": "2",
    }


def test_starts_that_log_nothing_push_no_log_out(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    (run / LOG_NAME).write_text("why it crashed")
    for _ in range(4):
        start_sidecar([sys.executable, "-c", ""], run).stop(timeout_s=20)
    assert (run / f"{LOG_NAME}.1").read_text() == "why it crashed"
