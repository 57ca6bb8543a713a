# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's process, started again whenever it dies.

`WorkerProcess` starts `python -m affekt.sidecar.worker` and writes a `WorkerStart` to its standard
input, which stays open. The worker ends once it is closed, as it is when this process ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import zmq

from ...shared.errors import AffektError, JobError
from ...shared.mailbox import Mailbox
from ...shared.messages import WorkerState
from ...shared.wire import Frame
from ..worker.orders import WorkerAccess, WorkerStart, encode_start
from ..worker.services import LamFiles
from .sockets import Router, ServerSockets

WORKER_COMMAND = (sys.executable, "-m", "affekt.sidecar.worker")
# Waits before a worker is started again, by how many have died within `STEADY_S`.
BACK_OFF_S = (0.0, 1.0, 2.0, 4.0)
STEADY_S = 60.0
# After so many workers in a row that died before they were ready, no other one is started.
MAX_STILLBORN = 5
# Time for a worker to end by itself; what it has not finished is done again.
LEAVE_S = 0.3
# Exit code of a program that cannot be found, as shells have it.
NOT_FOUND = 127
_log = logging.getLogger("affekt.server")


@dataclass(frozen=True, slots=True)
class Heard:
    """The worker sent this message; its first one is `Ready`."""

    frames: Sequence[Frame]


@dataclass(frozen=True, slots=True)
class Died:
    """The worker has ended with this exit code (-9: killed). The next one is being started."""

    code: int


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No other worker will be started."""

    error: AffektError


News: TypeAlias = Heard | Died | GaveUp


class Worker(Protocol):
    """A worker as the sockets' thread uses it; see `WorkerProcess`. That thread makes all calls,
    but for `stop`, which comes after its end. Only `stop` blocks, for at most a second."""

    @property
    def state(self) -> WorkerState: ...
    @property
    def restarts(self) -> int: ...
    @property
    def pid(self) -> int | None: ...
    def sources(self) -> Sequence[Router | int]: ...
    def start(self) -> None: ...
    def take_news(self) -> list[News]: ...
    def send(self, frames: Sequence[Frame]) -> None: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _End:
    """The end of the worker with this number."""

    worker: int
    news: Died | GaveUp


Spawn = Callable[[], "subprocess.Popen[bytes]"]


def spawn_worker(command: Sequence[str] = WORKER_COMMAND) -> subprocess.Popen[bytes]:
    """Starts a worker's process. It shares our standard output and error."""
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    # A session of its own: Ctrl-C in a terminal is for the server, which ends its worker itself.
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, creationflags=flags, start_new_session=True
    )


class WorkerProcess:
    """The real `Worker`. A thread of its own starts the processes and waits for their ends."""

    def __init__(
        self,
        sockets: ServerSockets,
        cache_folder: Path,
        cache_bytes: int,
        *,
        memory_bytes: int = 0,
        lam: LamFiles | None = None,
        spawn: Spawn = spawn_worker,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        """memory_bytes: that a worker may use, 0 for any number. lam: LAM's files, None for a
        worker without LAM. spawn, now, wait: tests give their own; wait sleeps for so many seconds
        or until the event is set, as `Event.wait`."""
        self._sockets = sockets
        self._cache_folder, self._cache_bytes = cache_folder, cache_bytes
        self._memory_bytes, self._lam = memory_bytes, lam
        self._spawn, self._now, self._wait = spawn, now, wait
        self._ends: Mailbox[_End] = Mailbox()
        self._is_stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._worker: bytes | None = None
        self._born, self._ready, self._dead = 0, 0, 0
        self._deaths: list[float] = []
        self._stillborn = 0
        self._has_given_up = False
        self._thread = threading.Thread(target=self._run, name="affekt-worker", daemon=True)

    @property
    def state(self) -> WorkerState:
        """The worker's state, as a status shows it."""
        if self._has_given_up:
            return "failed"
        if self._worker is not None:
            return "ready"
        return "restarting" if self._dead else "starting"

    @property
    def restarts(self) -> int:
        """How many workers were started after the first."""
        return max(0, self._born - 1)

    @property
    def pid(self) -> int | None:
        """Id of the worker's process, or None."""
        process = self._process
        return None if process is None else process.pid

    def sources(self) -> Sequence[Router | int]:
        """Sockets and descriptors to poll: readable when `take_news` has something."""
        return (self._sockets.worker, self._ends.fileno())

    def start(self) -> None:
        """Starts the first worker."""
        self._thread.start()

    def take_news(self) -> list[News]:
        """Messages and ends since the last call, those of each worker before the next one's."""
        told: list[tuple[int, bytes, News]] = list(self._receive())
        told += [(end.worker, b"", end.news) for end in self._ends.take_all()]
        told.sort(key=lambda entry: entry[0])
        return [news for worker, name, news in told if self._note(worker, name, news)]

    def send(self, frames: Sequence[Frame]) -> None:
        """Sends an order to a worker that is ready. If it has just died, `Died` follows."""
        if self._worker is not None:
            with contextlib.suppress(zmq.ZMQError):
                self._sockets.worker.send_multipart(
                    [self._worker, *frames], flags=zmq.NOBLOCK, copy=False
                )

    def kill(self) -> None:
        """Kills the worker; another one is started, as after any death."""
        process = self._process
        if process is not None:
            process.kill()

    def stop(self) -> None:
        """Ends the worker for good: closes its input, and kills it after `LEAVE_S`."""
        self._is_stopping.set()
        if self._thread.is_alive():
            process = self._process
            if process is not None:
                _close_input(process)
            self._thread.join(LEAVE_S)
            self.kill()
            self._thread.join(LEAVE_S)
        self._ends.close()

    # --- on the sockets' thread --------------------------------------------------------------

    def _receive(self) -> Iterator[tuple[int, bytes, Heard]]:
        while True:
            try:
                name, *frames = self._sockets.worker.recv_multipart(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            if frames:
                worker = int(str(frames[0].get("User-Id")).rpartition("-")[2])
                yield worker, name.bytes, Heard([frame.buffer for frame in frames])

    def _note(self, worker: int, name: bytes, news: News) -> bool:
        """Updates the state; False for a message of a worker whose end is known already."""
        if isinstance(news, Died):
            self._worker, self._dead = None, worker
        elif isinstance(news, GaveUp):
            self._worker, self._has_given_up = None, True
        elif worker <= self._dead:
            return False
        else:
            self._worker, self._ready = name, worker
        return True

    # --- on the process's thread -----------------------------------------------------------

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            code = self._live()
            if self._is_stopping.is_set():
                return
            _log.warning("the worker ended with code %d", code)
            self._stillborn = 0 if self._ready == self._born else self._stillborn + 1
            if self._stillborn >= MAX_STILLBORN:
                self._ends.put(_End(self._born, GaveUp(_no_worker(code))))
                return
            self._ends.put(_End(self._born, Died(code)))
            if self._wait(self._is_stopping, self._delay_s()):
                return

    def _live(self) -> int:
        """Runs one worker from its start to its end; returns its exit code."""
        access = self._sockets.grant_worker_access()
        self._born += 1
        try:
            self._process = process = self._spawn()
        except OSError as error:
            _log.warning("the worker cannot be started: %s", error)
            return NOT_FOUND
        if self._is_stopping.is_set():
            process.kill()
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it has died already, which `wait` tells
            process.stdin.write(encode_start(self._start_of(access)))
            process.stdin.flush()
        code = process.wait()
        _close_input(process)
        return code

    def _start_of(self, access: WorkerAccess) -> WorkerStart:
        lam = self._lam
        return WorkerStart(
            **asdict(access),
            cache_folder=str(self._cache_folder),
            cache_bytes=self._cache_bytes,
            memory_bytes=self._memory_bytes,
            server_pid=os.getpid(),
            lam_weights="" if lam is None else str(lam.weights),
            lam_emotion="" if lam is None or lam.emotion is None else str(lam.emotion),
            lam_unknown=int(lam is not None and lam.unknown_allowed),
        )

    def _delay_s(self) -> float:
        now = self._now()
        recent = [death for death in self._deaths if now - death < STEADY_S]
        self._deaths = [*recent, now]
        return BACK_OFF_S[min(len(recent), len(BACK_OFF_S) - 1)]


def _close_input(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()


def _no_worker(code: int) -> JobError:
    return JobError(
        "job.no_worker",
        f"The sidecar's worker does not start: it ended with code {code}, {MAX_STILLBORN} times.",
        "Run `affekt doctor`: it says what is missing. The reason is in the sidecar's log.",
    )
