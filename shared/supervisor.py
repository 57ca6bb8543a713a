# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a sidecar, connects to it, watches it, and starts it again with growing waits.

    supervisor = Supervisor([python, "-m", "affekt.sidecar", "serve"], folder)
    supervisor.start()
    ...                          # on a timer, ten times a second:
    supervisor.step()            # never blocks
    supervisor.submit(lambda client: client.get_head())      # a future
    for event in supervisor.take_events(): ...
    supervisor.stop()            # never blocks

    OFF ── start ──> STARTING ── hello ──> CONNECTED <── 2 s not heard ──> SILENT
     ^                   │                  ^     │ lost                      │ 10 s
     │ stop              │            hello │     v                           │
    any state            │ dies            RESTARTING <───────────────────────┘
                         v                    │ the sixth time within ten minutes
                       FAILED <───────────────┘

Open jobs lie in the supervisor's book, which goes from client to client: they survive a sidecar's
death, and end when the supervisor gives up or is stopped.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeVar

from . import connection as connection_files
from .call_thread import CallThread
from .client import Client
from .connection import Connection
from .errors import AffektError, LinkError
from .events import JobEvent
from .jobs import JobBook
from .limits import HUNG_S, PREDECESSOR_S, RESTART_WAITS_S, RESTART_WINDOW_S, SILENT_S
from .process import SidecarProcess, SidecarState, last_words, start_sidecar

_FOR_GOOD = frozenset({"link.version", "link.connection_file"})
"""Failures that a restart does not mend."""

Answer = TypeVar("Answer")


class SupervisorState(Enum):
    """Where the sidecar is; the value is what a panel may say."""

    OFF = "Not running"
    STARTING = "Starting up"
    CONNECTED = "Connected"
    SILENT = "Not answering"
    RESTARTING = "Restarting"
    FAILED = "Failed"


class Connect(Protocol):
    """`Client.connect`, or a test's: waits for the sidecar's hello. Raises LinkError."""

    def __call__(self, connection: Connection, *, book: JobBook) -> Client: ...


class Supervisor:
    """Looks after one sidecar, from `start` to `stop`; neither can be undone.

    command: starts a sidecar of our own in `runtime_folder`, as `start_sidecar` takes it; None
    for one that somebody else runs: then only the connection is made again, by
    `connection_file`, or else the one in that folder. after: the one before in the same folder;
    our sidecar starts once that one's has ended. One thread, the user's, calls everything.
    now, spawn, connect: for tests; spawn and connect run on a thread of the supervisor's.
    """

    def __init__(
        self,
        command: Sequence[str] | None,
        runtime_folder: Path,
        *,
        connection_file: Path | None = None,
        after: Supervisor | None = None,
        now: Callable[[], float] = time.monotonic,
        spawn: Callable[[Sequence[str], Path], SidecarProcess] = start_sidecar,
        connect: Connect = Client.connect,
    ) -> None:
        self.state = SupervisorState.OFF
        self.error: AffektError | None = None
        """Why the state is RESTARTING or FAILED."""
        self.book = JobBook()
        """The open jobs, whichever client they go through."""
        self.version = ""
        """What the sidecar calls itself; known from the first connection on."""
        self.log_path: Path | None = None
        """The log of a sidecar of our own."""
        self._command = command
        self._folder = runtime_folder
        self._file = connection_file
        self._now, self._spawn, self._connect = now, spawn, connect
        self._hands: CallThread | None = None
        self._caller: CallThread | None = None
        self._spawning: Future[SidecarProcess] | None = None
        self._connecting: Future[Client] | None = None
        self._process: SidecarProcess | None = None
        self._client: Client | None = None
        self._restarts: deque[float] = deque()
        self._due_at = 0.0
        self._silent_since: float | None = None
        self._is_adopted = False
        self._is_gone = threading.Event()
        self._before = None if after is None else after._is_gone

    @classmethod
    def adopt(cls, client: Client) -> Supervisor:
        """A supervisor of a client that is connected already. It does not connect again."""
        supervisor = cls(None, Path())
        supervisor.book, supervisor._is_adopted = client.jobs, True
        supervisor._start_threads()
        supervisor._take_client(client)
        return supervisor

    # --- its life ----------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to start or to connect; `step` does the rest."""
        self._start_threads()
        self.state = SupervisorState.STARTING
        self._begin()

    def step(self) -> SupervisorState:
        """Looks after the process and the connection. Never blocks: under 1 ms."""
        if self.state not in (SupervisorState.OFF, SupervisorState.FAILED):
            try:
                self._advance()
            except AffektError as error:
                self._lose(error)
        return self.state

    def stop(self) -> None:
        """Disconnects, and ends the sidecar if it is ours. Returns at once: a thread does the
        waiting. Should this process end first, the sidecar ends by itself."""
        if self.state in (SupervisorState.OFF, SupervisorState.FAILED):
            self.state = SupervisorState.OFF
            return
        is_hung = self.state is SupervisorState.SILENT
        self._clear_away(is_hung=is_hung)
        self._end_by(
            SupervisorState.OFF,
            LinkError("link.closed", "The sidecar was stopped.", "Start it and try again."),
        )

    # --- what it is for ----------------------------------------------------------------------

    @property
    def client(self) -> Client | None:
        """The connection that works now, or None while there is none."""
        return self._client

    @property
    def is_lasting(self) -> bool:
        """Whether there is a connection, or will be one again without the user's doing."""
        return self.state in (
            SupervisorState.CONNECTED,
            SupervisorState.SILENT,
            SupervisorState.RESTARTING,
        )

    @property
    def restart(self) -> int:
        """The number, within ten minutes, of the restart that is waited for or under way; 0 if none
        is."""
        return len(self._restarts) if self.state is SupervisorState.RESTARTING else 0

    @property
    def seconds_left(self) -> float:
        """Until the next restart begins; 0 while one is under way."""
        if self.state is not SupervisorState.RESTARTING:
            return 0.0
        return max(0.0, self._due_at - self._now())

    def describe(self) -> str:
        """The state in a few words, such as "Restarting 2 of 5 in 4 s"."""
        if self.state is not SupervisorState.RESTARTING:
            return self.state.value
        verb = "Reconnecting" if self._command is None else "Restarting"
        left = self.seconds_left
        when = f" in {left:.0f} s" if left >= 0.5 else ""
        return f"{verb} {self.restart} of {len(RESTART_WAITS_S)}{when}"

    def submit(self, call: Callable[[Client], Answer]) -> Future[Answer]:
        """Makes the call on the thread for calls, with the client that works now. The future
        raises LinkError `link.unreachable` if there is none."""
        client = self._client
        if client is None or self._caller is None:
            failed: Future[Answer] = Future()
            failed.set_exception(self.error or _gone())
            return failed
        return self._caller.submit(lambda: call(client))

    def take_events(self) -> list[JobEvent]:
        """What has happened to the jobs since the last call. Never blocks: under 1 ms."""
        return self.book.take_events()

    def cancel(self, job: str) -> None:
        """Asks for the end of a job, now or as soon as there is a connection again."""
        self.book.cancel(job)

    # --- on the way up -----------------------------------------------------------------------

    def _start_threads(self) -> None:
        self._hands, self._caller = CallThread("supervisor"), CallThread("link")

    def _begin(self) -> None:
        self._due_at = 0.0
        command, hands = self._command, self._hands
        assert hands is not None  # since `start`
        if command is not None:
            self._spawning = hands.submit(lambda: self._spawn_in_turn(command))
        else:
            self._begin_connecting(self._find_connection)

    def _spawn_in_turn(self, command: Sequence[str]) -> SidecarProcess:
        # Two in one folder would take each other's connection file for their own.
        if self._before is not None:
            self._before.wait(PREDECESSOR_S)
        return self._spawn(command, self._folder)

    def _find_connection(self) -> Connection:
        if self._file is None:
            return connection_files.read_connection(self._folder)
        return connection_files.read_connection_file(self._file)

    def _begin_connecting(self, find: Callable[[], Connection]) -> None:
        assert self._hands is not None  # since `start`
        self._connecting = self._hands.submit(lambda: self._connect(find(), book=self.book))

    def _advance(self) -> None:
        if self._client is not None:
            self._watch(self._client)
        elif self._spawning is not None or self._process is not None or self._connecting:
            self._watch_start()
        elif self._now() >= self._due_at:
            self._begin()

    def _watch_start(self) -> None:
        if self._spawning is not None:
            if not self._spawning.done():
                return
            spawning, self._spawning = self._spawning, None
            self._process = _result(spawning)
            self.log_path = self._process.log_path
        self._watch_process()
        if self._connecting is not None and self._connecting.done():
            connecting, self._connecting = self._connecting, None
            self._take_client(_result(connecting))

    def _watch_process(self) -> None:
        process = self._process
        if process is None:
            return
        state = process.poll()
        if state is SidecarState.FAILED and process.error is not None:
            raise process.error
        is_waited_for = self._client is None and self._connecting is None
        if state is SidecarState.READY and is_waited_for and process.connection is not None:
            connection = process.connection
            self._begin_connecting(lambda: connection)

    def _take_client(self, client: Client) -> None:
        self._client = client
        self.version = client.welcome.affekt
        self.state, self.error = SupervisorState.CONNECTED, None
        self._silent_since = None

    # --- on the way down ---------------------------------------------------------------------

    def _watch(self, client: Client) -> None:
        self._watch_process()
        if not client.is_open:
            raise _gone()
        if not client.is_silent:
            self.state, self._silent_since = SupervisorState.CONNECTED, None
            return
        # After a nap of our own, such as a suspended machine's, the first look shows a long
        # silence: so it must also have been seen for that long.
        if self._silent_since is None:
            self._silent_since = self._now()
        self.state = SupervisorState.SILENT
        if client.silence_s >= HUNG_S and self._now() - self._silent_since >= HUNG_S - SILENT_S:
            raise LinkError(
                "link.silent",
                f"The sidecar has not answered for {HUNG_S:.0f} seconds.",
                "It is started again; your scene is safe.",
            )

    def _lose(self, error: AffektError) -> None:
        """Ends a sidecar that is lost; plans a restart, or gives up."""
        self._clear_away(is_hung=error.code == "link.silent")
        now = self._now()
        while self._restarts and self._restarts[0] <= now - RESTART_WINDOW_S:
            self._restarts.popleft()
        if self._is_adopted or not self.version or error.code in _FOR_GOOD:
            # What never answered would not the next time either.
            self._end_by(SupervisorState.FAILED, error)
        elif len(self._restarts) == len(RESTART_WAITS_S):
            self._end_by(SupervisorState.FAILED, self._too_often(error))
        else:
            self._due_at = now + RESTART_WAITS_S[len(self._restarts)]
            self._restarts.append(now)
            self.state, self.error = SupervisorState.RESTARTING, error

    def _end_by(self, state: SupervisorState, error: AffektError) -> None:
        self.state = state
        self.error = error if state is SupervisorState.FAILED else None
        self.book.give_up(error)
        if self._hands is not None:
            self._hands.submit(self._is_gone.set)  # after what `_clear_away` left to do
        for thread in (self._hands, self._caller):
            if thread is not None:
                thread.stop()
        self._hands = self._caller = None

    def _too_often(self, error: AffektError) -> LinkError:
        times = len(RESTART_WAITS_S)
        if self._command is None:
            return LinkError(
                "link.given_up",
                f"The sidecar did not come back in {times} tries. {error.message}",
                "Start it where it runs ('affekt serve'), then connect again; your scene is safe.",
            )
        doctor = shlex.join([*self._command[:-1], "doctor"])  # in place of `serve`
        said = self._last_words(error)
        remedy = f"In a terminal, this says what is wrong and how to mend it: {doctor}"
        if error.code == "link.start":  # which names the log, and the doctor does not start either
            said, remedy = "", error.remedy
        return LinkError(
            "link.given_up",
            f"The sidecar does not last: {times} restarts were in vain. {error.message}{said}",
            f"Your scene is safe. {remedy}",
        )

    def _last_words(self, error: AffektError) -> str:
        """The log's last words, unless the error has them already, and the log's path."""
        if self.log_path is None:
            return ""
        words = last_words(self.log_path.parent)
        said = "" if words in error.message else f" {words}"
        return f"{said} Its log is {self.log_path}."

    def _clear_away(self, *, is_hung: bool) -> None:
        """Forgets the client and the process; a thread ends them."""
        client, process = self._client, self._process
        spawning, connecting = self._spawning, self._connecting
        self._client = self._process = self._spawning = self._connecting = None
        self._silent_since = None
        if process is not None:
            if is_hung:
                process.kill()
            else:
                process.ask_to_end()
        assert self._hands is not None  # since `start`
        if connecting is not None:
            self._hands.submit(lambda: connecting.result().close())
        if client is not None:
            self._hands.submit(client.close)
        if spawning is not None:
            self._hands.submit(lambda: spawning.result().stop())
        if process is not None:
            self._hands.submit(process.stop)


def _result(future: Future[Answer]) -> Answer:
    """The future's result. Whatever its failure was, it is raised as an AffektError."""
    try:
        return future.result()
    except AffektError:
        raise
    except Exception as error:  # such as no thread or descriptor left
        raise LinkError(
            "link.broken",
            f"The connection to the sidecar cannot be made ({error}).",
            "Close other programs, save your scene and start Blender again.",
        ) from error


def _gone() -> LinkError:
    return LinkError(
        "link.unreachable", "The sidecar has gone.", "Start it again; your scene is safe."
    )
