# SPDX-License-Identifier: GPL-3.0-or-later
"""Job, clock, store, worker and the watch over the parent, each alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from affekt.shared.errors import InputError, JobError, LinkError
from affekt.shared.messages import JobFailed, Progress
from affekt.sidecar.server import services
from affekt.sidecar.server.job import Clock, Job, PictureFile, failed
from affekt.sidecar.server.parent import is_process_alive, watch_parent
from affekt.sidecar.server.store import Store
from affekt.sidecar.server.worker import Worker

JOB = "ab" * 16


def test_progress_supersedes_only_progress() -> None:
    job, clock = Job(JOB, b"owner"), Clock(JOB)
    picture = PictureFile(0, "frame", Path("x"))
    job.put(clock.progress("a", 1, 9))
    job.put(clock.progress("a", 2, 9))
    job.put(picture)
    job.put(clock.progress("a", 3, 9))
    end = failed(JOB, JobError("job.failed", "No.", "Yes."))
    job.put(end)
    assert [type(item) for item in job.outbox] == [Progress, PictureFile, JobFailed]
    assert job.outbox[0] == clock.progress("a", 2, 9) or job.outbox[0].done == 2


def test_estimate() -> None:
    times = iter([0.0, 0.0, 2.0, 2.0, 4.0, 4.0])
    clock = Clock(JOB, lambda: next(times))
    assert clock.progress("a", 10, 100).seconds_left is None
    estimate = clock.progress("a", 20, 100).seconds_left
    assert estimate == pytest.approx(16)  # 2 s for 10, 80 to go


def test_a_job_ends_once() -> None:
    waiting, running = Job(JOB, b""), Job(JOB, b"")
    assert running.try_start()
    assert not running.cancel()
    assert running.is_cancelled()
    assert waiting.cancel()
    assert not waiting.cancel()
    assert not waiting.try_start()


def test_store_removes_what_the_dead_left(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    (tmp_path / f"sidecar-{dead.pid}-x").mkdir()
    (tmp_path / f"sidecar-{os.getppid()}-x").mkdir()
    (tmp_path / "mine").mkdir()
    store = Store(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {store.root.name, f"sidecar-{os.getppid()}-x", "mine"}
    store.close()
    assert not store.root.exists()


def test_store_on_a_disk_that_fails(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def write(file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(JobError) as caught:
        store.add(write)
    assert caught.value.code == "job.disk"
    assert "No space left" in caught.value.message
    assert not list(store.root.iterdir())
    sha256, size = store.add(lambda file: file.write(b"abc"))
    assert size == 3
    assert store.read(sha256, 1).data == b"bc"
    with pytest.raises(LinkError) as lost:
        store.read("0" * 64, 0)
    assert lost.value.code == "link.no_artefact"


def test_worker_goes_in_order() -> None:
    worker, done = Worker("test"), []
    gate = threading.Event()
    worker.submit(lambda: gate.wait(5) or None)
    for index in range(3):
        worker.submit(lambda index=index: done.append(index))
    worker.stop()
    assert not worker.join(0.01)
    gate.set()
    assert worker.join(5)
    assert done == [0, 1, 2]


def test_is_process_alive() -> None:
    assert is_process_alive(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert is_process_alive(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_process_alive(child.pid)  # ended, though nobody has waited for it
        child.wait()
    assert not is_process_alive(child.pid)


def test_watch_parent() -> None:
    gone, stopped = threading.Event(), threading.Event()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        watch_parent(other.pid, gone.set, stopped)
        assert not gone.is_set()
        other.kill()
        assert gone.wait(2)
    stopped.set()


def test_no_head_but_the_open_one_is_read() -> None:
    """A head's name from a client never becomes a path."""
    for name in ("/etc/passwd", "other.safetensors", ""):
        with pytest.raises(InputError) as caught:
            services.real_services().read_head(name)
        assert caught.value.code == "head.unknown"
