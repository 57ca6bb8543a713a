# SPDX-License-Identifier: GPL-3.0-or-later
"""When a worker is ended: by the clock, and by its memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from affekt.shared import messages
from affekt.shared.conversions import track_fields
from affekt.shared.emotion import constant_track
from affekt.sidecar.server.watch import WorkerWatch, default_memory_bytes
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
