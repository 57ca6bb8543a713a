# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's process: started, watched, and started again when it dies.

`ProcessWorkbench` starts `python -m affekt.sidecar.worker` and tells it over its standard input,
in one line of JSON, where to knock and with which keys (`Invitation`), and where the cache is.
That input stays open: its end is the worker's end, whatever becomes of this process.
"""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import zmq

from ...shared.errors import AffektError, JobError
from ...shared.mailbox import Mailbox
from ...shared.messages import WorkerState
from ...shared.wire import Frame
from .sockets import Doors, Invitation, Router

WORKER_COMMAND = (sys.executable, "-m", "affekt.sidecar.worker")
# Waiting times before a worker is started again, by how many have died within `STEADY_S`.
BACK_OFF_S = (0.0, 1.0, 2.0, 4.0)
STEADY_S = 60.0
# Workers that may die one after the other before they are ready: then something is missing.
MAX_STILLBORN = 5
# A worker that is asked to end gets so long; what it has not finished is done again.
LEAVE_S = 0.3
_log = logging.getLogger("affekt.server")


@dataclass(frozen=True, slots=True)
class Heard:
    """The worker said this; its first word is `Ready`."""

    frames: Sequence[Frame]


@dataclass(frozen=True, slots=True)
class Died:
    """The worker has ended, with this exit code (-9: killed). The next one is on its way."""

    code: int


@dataclass(frozen=True, slots=True)
class GaveUp:
    """There will be no worker any more."""

    error: AffektError


News: TypeAlias = Heard | Died | GaveUp


class Workbench(Protocol):
    """A worker, as the sockets' thread sees it: every call comes from there, but `stop`, which
    comes when that thread has ended. No call blocks, but `stop`, for at most a second."""

    @property
    def state(self) -> WorkerState: ...
    @property
    def restarts(self) -> int:
        """How often a worker had to be started again."""
        ...

    @property
    def pid(self) -> int | None:
        """The worker's process, if there is one."""
        ...

    def sources(self) -> Sequence[Router | int]:
        """Sockets and descriptors that are readable when there are news."""
        ...

    def start(self) -> None:
        """Starts the first worker."""
        ...

    def take_news(self) -> list[News]:
        """What has happened since the last call, in order."""
        ...

    def send(self, frames: Sequence[Frame]) -> None:
        """An order for the worker, which has said that it is ready."""
        ...

    def kill(self) -> None:
        """Ends a worker that hangs; another one comes, as after any death."""
        ...

    def stop(self) -> None:
        """Ends the worker for good."""
        ...


Spawn = Callable[[], "subprocess.Popen[bytes]"]


def spawn_worker(command: Sequence[str] = WORKER_COMMAND) -> subprocess.Popen[bytes]:
    """A worker's process that reads its standard input. Its output goes where ours goes."""
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    # A session of its own: Ctrl-C in a terminal is for the server, which ends its worker itself.
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, creationflags=flags, start_new_session=True
    )


@dataclass(frozen=True, slots=True)
class WorkerPlace:
    """Where a worker finds what clients have handed over."""

    cache_folder: Path
    cache_limit_bytes: int


class ProcessWorkbench:
    """The real `Workbench`. A thread of its own starts processes and waits for their deaths."""

    def __init__(
        self,
        doors: Doors,
        place: WorkerPlace,
        *,
        spawn: Spawn = spawn_worker,
        now: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        """wait: sleeps for so many seconds, or until the event is set, which it then gives."""
        self._doors, self._place = doors, place
        self._spawn, self._now, self._wait = spawn, now, wait
        self._news: Mailbox[News] = Mailbox()
        self._is_stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._worker: bytes | None = None
        self._user = ""
        self._deaths: list[float] = []
        self._stillborn = 0
        self.restarts = 0
        self.state: WorkerState = "starting"
        self._thread = threading.Thread(target=self._run, name="affekt-workbench", daemon=True)

    @property
    def pid(self) -> int | None:
        """The worker's process."""
        process = self._process
        return None if process is None else process.pid

    def sources(self) -> Sequence[Router | int]:
        """The back door, and the descriptor of deaths."""
        return (self._doors.back, self._news.fileno())

    def start(self) -> None:
        """Starts the first worker."""
        self._thread.start()

    def take_news(self) -> list[News]:
        """Words of the worker that lives, then deaths."""
        heard: list[News] = list(self._receive())
        told = self._news.take_all()
        if told:
            # What it said before it died; then its name means nothing any more.
            heard += self._receive()
            self._worker = None
        return heard + told

    def send(self, frames: Sequence[Frame]) -> None:
        """To the worker that is ready. One that has just died is told of by its death."""
        if self._worker is not None:
            with contextlib.suppress(zmq.ZMQError):
                self._doors.back.send_multipart(
                    [self._worker, *frames], flags=zmq.NOBLOCK, copy=False
                )

    def kill(self) -> None:
        """Ends it at once."""
        process = self._process
        if process is not None:
            process.kill()

    def stop(self) -> None:
        """Closes its input, and kills it if that does not help soon."""
        self._is_stopping.set()
        with self._lock:
            process = self._process
        if process is not None:
            _end(process)
        if self._thread.is_alive():
            self._thread.join(LEAVE_S)
        self._news.close()

    # --- on the sockets' thread --------------------------------------------------------------

    def _receive(self) -> list[Heard]:
        heard: list[Heard] = []
        while True:
            try:
                name, *frames = self._doors.back.recv_multipart(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return heard
            # Words of a worker that is dead are not for its successor.
            if frames and frames[0].get("User-Id") == self._user:
                self._meet(name.bytes)
                heard.append(Heard([frame.buffer for frame in frames]))

    def _meet(self, name: bytes) -> None:
        if self._worker is None:
            self._worker = name
            self._stillborn = 0
            self.state = "ready"

    # --- on the workbench's thread -----------------------------------------------------------

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            code = self._live()
            if self._is_stopping.is_set():
                return
            _log.warning("the worker ended with code %d", code)
            is_stillborn = self.state != "ready"
            self._stillborn = self._stillborn + 1 if is_stillborn else 0
            if self._stillborn >= MAX_STILLBORN:
                self.state = "failed"
                self._news.put(GaveUp(_no_worker(code)))
                return
            self.state = "restarting"
            self._news.put(Died(code))
            self.restarts += 1
            if self._wait(self._is_stopping, self._delay_s()):
                return

    def _live(self) -> int:
        """One worker from its start to its end; its exit code."""
        invitation = self._doors.invite_worker()
        self._user = invitation.user
        try:
            process = self._spawn()
        except OSError as error:
            _log.warning("the worker cannot be started: %s", error)
            return 127
        with self._lock:
            self._process = process
            if self._is_stopping.is_set():
                process.kill()
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it is dead already, which we are about to hear
            process.stdin.write(_line(invitation, self._place))
            process.stdin.flush()
        code = process.wait()
        with contextlib.suppress(OSError):
            process.stdin.close()
        return code

    def _delay_s(self) -> float:
        now = self._now()
        recent = [death for death in self._deaths if now - death < STEADY_S]
        self._deaths = [*recent, now]
        return BACK_OFF_S[min(len(recent), len(BACK_OFF_S) - 1)]


def _line(invitation: Invitation, place: WorkerPlace) -> bytes:
    entries = {
        **asdict(invitation),
        "cache_folder": str(place.cache_folder),
        "cache_limit_bytes": place.cache_limit_bytes,
    }
    return json.dumps(entries).encode("ascii") + b"\n"


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(LEAVE_S)
    process.kill()


def _no_worker(code: int) -> JobError:
    return JobError(
        "job.no_worker",
        f"The sidecar's worker does not start: it ended with code {code}, "
        f"{MAX_STILLBORN} times.",
        "Run `affekt doctor`: it says what is missing. The reason is in the sidecar's log.",
    )
