# SPDX-License-Identifier: GPL-3.0-or-later
"""When a worker is ended: by the clock, and by its memory."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
from affekt.shared import messages
from affekt.shared.conversions import track_fields
from affekt.shared.emotion import constant_track
from affekt.sidecar.server.watch import WorkerWatch, default_memory_bytes, resident_bytes, stuck
from fakes.link import HELLO, Link, RawClient, running_server, wait_for
from fakes.worker_thread import WorkerThread

MOST, PID = 1000, 7


class Worker:
    """A clock and a process, for a watch."""

    def __init__(self) -> None:
        self.now, self.size = 100.0, 0
        self.watch = WorkerWatch(MOST, lambda: self.now, lambda pid: self.size if pid == PID else 0)

    def code(self, *, is_busy: bool = False) -> str:
        error = self.watch.verdict(PID, is_busy=is_busy)
        return error.code if error else ""


def test_one_that_does_not_load(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker()
    worker.now += 180
    assert worker.code() == ""
    worker.now += 1
    assert worker.code() == "job.crashed"
    assert "does not load" in caplog.text
    assert worker.code() == ""  # said once
    worker.watch.begun()
    worker.watch.ready()
    worker.now += 1800
    assert worker.code() == ""


def test_one_that_does_not_come_back(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker()
    worker.watch.ready()
    worker.now += 1800
    worker.watch.ordered()
    worker.now += 900
    assert worker.code(is_busy=True) == ""
    worker.now += 1
    assert worker.code(is_busy=False) == ""
    assert worker.code(is_busy=True) == "job.crashed"
    assert "does not come back" in caplog.text


@pytest.mark.parametrize("is_busy", [True, False])
def test_one_that_grows(*, is_busy: bool) -> None:
    worker = Worker()
    worker.watch.ready()
    worker.size = MOST + 1
    assert worker.code() == ""  # the next would be as large
    worker.watch.ordered()
    assert worker.code(is_busy=is_busy) == "job.memory"
    assert worker.code(is_busy=is_busy) == ""
    worker.now += 0.24
    assert worker.code(is_busy=is_busy) == ""
    worker.now += 0.01
    assert worker.code(is_busy=is_busy) == "job.memory"
    worker.size = MOST
    worker.now += 0.25
    assert worker.code(is_busy=is_busy) == ""


def test_a_generous_limit(tmp_path: Path) -> None:
    unbounded = default_memory_bytes(tmp_path / "none")
    assert unbounded > 0
    allowed = tmp_path / "memory.max"
    allowed.write_text("4000\n")
    assert default_memory_bytes(allowed) == 3000
    allowed.write_text("max\n")
    assert default_memory_bytes(allowed) == unbounded


class _Memory:
    """Of workers: what each life has, beginning with the first."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes
        self.link: Link | None = None

    def __call__(self, pid: int) -> int:
        lives = self.link.worker.restarts if self.link else 0
        return self.sizes[min(lives, len(self.sizes) - 1)]


@pytest.fixture
def _with_pid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorkerThread, "pid", property(lambda _: PID))


def bake(job: str, sha256: str) -> messages.Bake:
    return messages.Bake(
        **track_fields(constant_track(6, 30)), motion=sha256, name="take.json", head="open", job=job
    )


@pytest.mark.usefixtures("_with_pid")
@pytest.mark.parametrize(
    ("sizes", "kind"), [((MOST + 1, MOST), messages.BakeDone), ((MOST + 1,), messages.JobFailed)]
)
def test_a_job_that_takes_too_much(
    sizes: tuple[int, ...], kind: type[messages.Message], tmp_path: Path
) -> None:
    """The worker is started again and the job goes on; if that becomes too large too, it fails."""
    memory = _Memory(*sizes)
    with (
        running_server(tmp_path, memory_bytes=MOST, measure=memory) as link,
        RawClient(link.connection) as raw,
    ):
        memory.link = link
        raw.ask(HELLO)
        upload = raw.upload_of(b"a take of 6 frames")
        raw.ask(upload)
        raw.ask(bake("ab" * 16, upload.sha256))
        if kind is messages.BakeDone:
            wait_for(lambda: link.worker.restarts == 1, "its end")
            link.rooms.steps.release(6)
        end = raw.end_of("ab" * 16)
        assert isinstance(end, kind)
        if isinstance(end, messages.JobFailed):
            assert end.code == "job.memory"
            assert "--memory-gb" in end.remedy
        assert raw.ask(messages.Ping()) == messages.Pong()


def test_a_worker_that_hangs_before_it_is_ready(tmp_path: Path) -> None:
    now = [1000.0]
    with (
        running_server(tmp_path, is_ready=False, now=lambda: now[0], silence_s=1e9) as link,
        RawClient(link.connection) as raw,
    ):
        raw.ask(HELLO)
        assert link.worker.restarts == 0
        now[0] += 181
        raw.ask(messages.Ping())
        wait_for(lambda: link.worker.restarts == 1, "its death")
        link.worker.ready()
        assert isinstance(raw.ask(messages.GetHead(name="open")), messages.HeadRead)


def test_the_machines_memory_is_the_most_that_a_container_has(tmp_path: Path) -> None:
    allowed = tmp_path / "memory.max"
    allowed.write_text(f"{1 << 60}\n")
    whole = psutil.virtual_memory().total
    assert default_memory_bytes(allowed) == default_memory_bytes(tmp_path / "none")
    assert default_memory_bytes(allowed) == int(0.75 * whole)


def test_no_process_has_no_memory() -> None:
    assert resident_bytes(2**22 + 1) == 0
    assert resident_bytes(os.getpid()) > 1_000_000
    worker = Worker()
    worker.watch.ready()
    worker.watch.ordered()
    worker.size = MOST + 1
    assert worker.watch.verdict(None, is_busy=True) is None


def test_a_new_worker_has_its_own_time_and_has_not_worked() -> None:
    worker = Worker()
    worker.watch.ready()
    worker.watch.ordered()
    worker.size = MOST + 1
    worker.watch.begun()
    assert worker.code() == ""  # while it loads it is not measured
    worker.now += 180
    assert worker.code() == ""
    worker.now += 0.1
    assert worker.code() == "job.crashed"


def test_what_is_said_of_too_much_memory_and_of_a_job_that_sticks() -> None:
    watch = WorkerWatch(2_500_000_000, lambda: 0.0, lambda _: 2_500_000_001)
    watch.ready()
    watch.ordered()
    error = watch.verdict(PID, is_busy=True)
    assert error is not None
    assert "more than the 2.5 GB of memory" in error.message
    stop = stuck(5, frame=264, done=64)
    assert stop.code == "job.crashed"
    assert "5 times at the frames from 264 on" in stop.message
    assert "; 64 before them are done" in stop.message
