# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar's process and client that do as a test says, and a clock, for the supervisor."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from affekt.shared.errors import LinkError
from affekt.shared.limits import SILENT_S
from affekt.shared.process import SidecarState
from affekt.shared.supervisor import Supervisor, SupervisorState

from .link import wait_for


class FakeProcess:
    """Ready at once unless told otherwise."""

    def __init__(self, folder: Path) -> None:
        self.log_path = folder / "sidecar.log"
        self.connection, self.error = object(), None
        self.state = SidecarState.READY
        self.told: list[str] = []

    def poll(self) -> SidecarState:
        return self.state

    def ask_to_end(self) -> None:
        self.told.append("ask")

    def kill(self) -> None:
        self.told.append("kill")

    def stop(self) -> None:
        self.told.append("stop")

    def die(self, code: str = "link.ended") -> None:
        """It ends by itself."""
        self.error = LinkError(code, "The sidecar has gone: it was ended by SIGKILL.", "Start it.")
        self.state = SidecarState.FAILED


class FakeClient:
    """Open and heard."""

    def __init__(self, book: object) -> None:
        self.welcome = SimpleNamespace(affekt="1.2.3")
        self.is_open, self.silence_s, self.jobs = True, 0.0, book
        self.is_closed = False

    @property
    def is_silent(self) -> bool:
        return self.silence_s >= SILENT_S

    def close(self) -> None:
        self.is_open, self.is_closed = False, True


@dataclass
class Stage:
    """All that a supervisor sees. processes, clients: those that were made, oldest first.
    spawn_error, connect_error: what the next ones fail with, for as long as they are set."""

    folder: Path
    command: list[str] | None
    time: float = 1000.0
    processes: list[FakeProcess] = field(default_factory=list)
    clients: list[FakeClient] = field(default_factory=list)
    spawn_error: Exception | None = None
    connect_error: Exception | None = None

    def make(self, after: Supervisor | None = None) -> Supervisor:
        return Supervisor(
            self.command,
            self.folder,
            after=after,
            now=lambda: self.time,
            spawn=self._spawn,
            connect=self._connect,  # pyright: ignore
        )

    def _spawn(self, command: list[str], folder: Path) -> FakeProcess:
        if self.spawn_error is not None:
            raise self.spawn_error
        self.processes.append(FakeProcess(folder))
        return self.processes[-1]

    def _connect(self, connection: object, *, book: object) -> FakeClient:
        if self.connect_error is not None:
            raise self.connect_error
        self.clients.append(FakeClient(book))
        return self.clients[-1]


def reach(supervisor: Supervisor, state: SupervisorState) -> None:
    """Steps until it is there; its thread's work takes no time to speak of."""
    wait_for(lambda: supervisor.step() is state, f"{state} after {supervisor.state}")
