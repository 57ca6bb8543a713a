# SPDX-License-Identifier: GPL-3.0-or-later
"""A real sidecar, with a folder of its own, that may be killed, stopped, starved and watched.

Everything here ends only processes that it started, by their ids.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from affekt.shared.artefact import Artefact
from affekt.shared.client import Client
from affekt.shared.connection import Connection, read_connection
from affekt.shared.emotion import EMOTIONS, EmotionTrack, constant_track
from affekt.shared.errors import LinkError
from affekt.shared.events import BakeFinished, JobEvent, JobFailed, JobProgressed
from affekt.shared.pixels import default_pixel_folder
from affekt.shared.supervisor import Supervisor, SupervisorState

ROOT = Path(__file__).resolve().parents[2]
TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"
HOOKS = Path(__file__).parent / "hooks"
DEADLINE_S = 90.0
"""A worker that starts on a busy machine imports torch for ten seconds and more."""


def wait_for(
    condition: Callable[[], object],
    what: str,
    deadline_s: float = DEADLINE_S,
    step: Callable[[], object] = lambda: None,
) -> None:
    """Returns once the condition holds; `step` is called meanwhile."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        step()
        time.sleep(0.002)


# --- processes ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What a process holds: bytes of memory (resident, not shared), descriptors, threads."""

    memory_bytes: int
    descriptors: int
    threads: int


def read_vitals(pid: int) -> Vitals:
    """Of a process of ours; skips where the system has no /proc."""
    folder = Path(f"/proc/{pid}")
    if not folder.is_dir():
        pytest.skip("only Linux tells what a process holds")
    status = dict(
        line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line
    )
    return Vitals(
        memory_bytes=1024 * int(status["RssAnon"].split()[0]),
        descriptors=len(os.listdir(folder / "fd")),
        threads=int(status["Threads"]),
    )


def workers_of(server: int) -> list[int]:
    """The worker processes that are children of this one, zombies left out."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            is_worker = b"affekt.sidecar.worker" in (entry / "cmdline").read_bytes()
            if int(parent) == server and state not in "ZX" and is_worker:
                found.append(int(entry.name))
    return found


def shared_memory_of(server: int) -> int:
    """How many pieces of shared memory this sidecar holds."""
    return len(list(default_pixel_folder().glob(f"affekt-{server}-*")))


class Clock:
    """The real one, that can be set forward."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._ahead_s

    def skip(self, seconds: float) -> None:
        self._ahead_s += seconds


# --- a sidecar ------------------------------------------------------------------------------


@dataclass
class Sidecar:
    """A sidecar and its supervisor. `events` of jobs are collected by `step`."""

    folder: Path
    supervisor: Supervisor
    clock: Clock
    events: list[JobEvent] = field(default_factory=list)

    @property
    def client(self) -> Client:
        """The connection of now; waits for one."""
        self.wait(lambda: self.supervisor.client is not None, "a connection")
        assert self.supervisor.client is not None
        return self.supervisor.client

    @property
    def connection(self) -> Connection:
        """For clients of the test's own."""
        return read_connection(self.folder / "run")

    @property
    def cache(self) -> Path:
        """The local user's part."""
        return self.folder / "cache" / "users" / "local"

    @property
    def server_pid(self) -> int:
        return self.connection.pid

    @property
    def worker_pid(self) -> int:
        """Waits for a worker."""
        self.wait(lambda: workers_of(self.server_pid), "a worker")
        return workers_of(self.server_pid)[0]

    @property
    def log(self) -> str:
        """The end of all that it has said."""
        texts = [
            p.read_text("utf-8", "replace")
            for p in sorted((self.folder / "run").glob("*"))
            if p.name.startswith(("sidecar.log", "sidecar.stderr"))
        ]
        return "\n".join(text[-3000:] for text in texts)

    def step(self) -> None:
        """As the add-on's timer does."""
        state = self.supervisor.step()
        self.events += self.supervisor.take_events()
        assert state is not SupervisorState.FAILED, f"{self.supervisor.error}\n{self.log}"
        if state is SupervisorState.RESTARTING:
            self.clock.skip(0.5)  # no test waits for the back-off itself

    def wait(
        self, condition: Callable[[], object], what: str, deadline_s: float = DEADLINE_S
    ) -> None:
        """As `wait_for`, while the supervisor goes on."""
        wait_for(condition, what, deadline_s, self.step)

    def wait_until_warm(self) -> None:
        """Until the worker answers: then it has loaded all."""
        self.wait(lambda: self.client.status().worker == "ready", "a worker that is ready")

    def upload(self, name: str = "take.npz") -> Artefact:
        """The take that ships; the cardboard poison acts on its name."""
        return self.client.upload(TAKE.read_bytes(), "motion", name)

    def end_of(self, job: str, deadline_s: float = DEADLINE_S) -> JobEvent:
        """The event that ends the job."""
        self.wait(lambda: self.has_ended(job), f"the end of {job}", deadline_s)
        end = self._end(job)
        assert end is not None
        return end

    def finished(self, job: str, deadline_s: float = DEADLINE_S) -> BakeFinished:
        """The result of a bake that goes well."""
        end = self.end_of(job, deadline_s)
        assert isinstance(end, BakeFinished), f"{getattr(end, 'error', end)}\n{self.log}"
        return end

    def finished_from_nothing(
        self, take: Artefact, track: EmotionTrack, chunks: Iterable[str]
    ) -> BakeFinished:
        """The same bake once more, undisturbed, and without these chunks of it."""
        for name in chunks:
            (self.cache / name).unlink()
        return self.finished(self.client.start_bake(take, track))

    def has_ended(self, job: str) -> bool:
        """Whether the job's end was told."""
        return self._end(job) is not None

    def failure_of(self, job: str) -> str:
        """The code of a job that fails."""
        end = self.end_of(job)
        assert isinstance(end, JobFailed), end
        return end.error.code

    def done_of(self, job: str) -> int:
        """Frames that are done as far as was told."""
        told = [e for e in self.events if isinstance(e, JobProgressed) and e.job == job]
        return max((event.done for event in told), default=0)

    def _end(self, job: str) -> JobEvent | None:
        return next((e for e in self.events if e.job == job and e.ends_job), None)


@contextlib.contextmanager
def running_sidecar(
    folder: Path, options: Sequence[str] = (), *, before: Sequence[str] = ()
) -> Iterator[Sidecar]:
    """A sidecar with its own runtime and cache folder; both processes are gone afterwards.
    before: a program that starts it, such as `setpriv`."""
    command = [
        *before,
        sys.executable,
        "-m",
        "affekt.sidecar",
        "serve",
        "--cache-dir",
        str(folder / "cache"),
        *options,
    ]
    clock = Clock()
    sidecar = Sidecar(folder, Supervisor(command, folder / "run", now=clock), clock)
    with _hooks():
        sidecar.supervisor.start()
        pids: list[int] = []
        try:
            sidecar.wait(lambda: sidecar.supervisor.client is not None, "the sidecar")
            yield sidecar
        finally:
            with contextlib.suppress(LinkError):
                pids = [sidecar.server_pid, *workers_of(sidecar.server_pid)]
            sidecar.supervisor.stop()
            wait_for(lambda: not any(map(is_there, pids)), f"the end of {pids}", 20.0)


@contextlib.contextmanager
def _hooks() -> Iterator[None]:
    """The children's PYTHONPATH begins with the poison."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HOOKS), *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def is_there(pid: int) -> bool:
    """Whether the process runs."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process does nothing meanwhile, not even notice that it was told to end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


# --- bakes ----------------------------------------------------------------------------------


def take_frames() -> int:
    """Frames of the take that ships."""
    with np.load(TAKE) as arrays:
        return len(arrays["expression"])


def long_take(frames: int) -> bytes:
    """The take that ships, begun again until it has so many frames, as a file."""
    import io

    with np.load(TAKE) as arrays:
        length = len(arrays["expression"])
        again = np.arange(frames) % length
        longer = {
            name: values[again] if values.shape[:1] == (length,) else values
            for name, values in arrays.items()
        }
    file = io.BytesIO()
    np.savez(file, **longer)
    return file.getvalue()


def track_of(frames: int, weight: float, emotion: str = "happy") -> EmotionTrack:
    """One emotion all the time; each weight is another bake, with chunks of its own."""
    assert emotion in EMOTIONS
    return constant_track(frames, 30.0, **{emotion: weight})


Chunks = dict[str, int]
"""Names of chunk files and their inodes: one that was written again has another."""


def chunks_in(cache: Path) -> Chunks:
    """The whole chunks in the user's part of the cache."""
    found: Chunks = {}
    for path in (cache / "chunks").rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and not re.search(r"partial|\.tmp", path.name):
                found[str(path.relative_to(cache))] = path.stat().st_ino
    return found


def hashes(result: BakeFinished) -> tuple[str, ...]:
    """What the bake made, by its artefacts."""
    assert result.vertices is not None
    return result.baked.sha256, result.take.sha256, result.vertices.sha256
