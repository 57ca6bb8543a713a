# SPDX-License-Identifier: GPL-3.0-or-later
"""This Blender's line to its sidecar: started, connected, watched. `step` does all of it and
never waits; a timer calls it, and so do scripts and tests."""

from __future__ import annotations

import os
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum

from ...shared.client import Client
from ...shared.connection import Connection, default_runtime_folder, read_connection
from ...shared.errors import AffektError, LinkError
from ...shared.process import SidecarProcess, SidecarState, start_sidecar
from .worker import Worker


class LinkState(Enum):
    """Where the line is."""

    OFF = "Not running"
    STARTING = "Starting"
    CONNECTED = "Connected"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """A connected client, and the only thread that may call it."""

    client: Client
    worker: Worker


class Session:
    """The one session of a Blender. Only the main thread calls it."""

    def __init__(self) -> None:
        self.state = LinkState.OFF
        self.error: AffektError | None = None
        self._process: SidecarProcess | None = None
        self._connecting: Future[Client] | None = None
        self._worker: Worker | None = None
        self._line: Line | None = None

    def start(self, command: list[str]) -> None:
        """Starts a sidecar of our own; `step` then connects to it.

        command: up to the word `serve`. Raises LinkError `link.start`, `link.folder`.
        """
        self.stop()
        folder = default_runtime_folder() / f"blender-{os.getpid()}"
        self._process = start_sidecar([*command, "serve"], folder)
        self.state = LinkState.STARTING

    def connect(self) -> None:
        """Connects to the sidecar that the user started in a terminal.

        Raises LinkError `link.unreachable`, `link.connection_file`, `link.version`.
        """
        self.stop()
        self._begin_connecting(read_connection())
        self.state = LinkState.STARTING

    def attach(self, client: Client) -> None:
        """Uses a client that is connected already."""
        self.stop()
        self._line = Line(client=client, worker=Worker())
        self._worker = self._line.worker
        self.state = LinkState.CONNECTED

    def step(self) -> LinkState:
        """Looks after the process and the connection."""
        try:
            if self._process is not None and self.state in (
                LinkState.STARTING, LinkState.CONNECTED,
            ):  # fmt: skip
                self._watch_process(self._process)
            self._watch_connection()
        except AffektError as error:
            self.stop()
            self.state, self.error = LinkState.FAILED, error
        return self.state

    def _watch_process(self, process: SidecarProcess) -> None:
        state = process.poll()
        if state is SidecarState.FAILED and process.error is not None:
            raise process.error
        if state is SidecarState.STOPPED:
            raise LinkError("link.unreachable", "The sidecar has stopped.", "Start it again.")
        if state is SidecarState.READY and self._connecting is None and self._line is None:
            assert process.connection is not None  # READY promises it
            self._begin_connecting(process.connection)

    def _begin_connecting(self, connection: Connection) -> None:
        self._worker = Worker()
        self._connecting = self._worker.submit(lambda: Client.connect(connection))

    def _watch_connection(self) -> None:
        if self._connecting is not None and self._connecting.done():
            client, self._connecting = self._connecting.result(), None
            assert self._worker is not None  # it made the connection
            self._line = Line(client=client, worker=self._worker)
            self.state, self.error = LinkState.CONNECTED, None
        elif self._line is not None and not self._line.client.is_open:
            raise LinkError(
                "link.unreachable", "The sidecar has gone.", "Start it again; your scene is safe."
            )

    def need_client(self) -> Line:
        """The line to work over. Raises LinkError `link.unreachable`."""
        if self._line is None:
            raise LinkError(
                "link.unreachable",
                "The sidecar is not connected.",
                "Start it at the top of the Affekt panel.",
            )
        return self._line

    def poll(self, operator: type) -> bool:
        """For an operator's `poll`: whether the line is there, else saying why not."""
        if self._line is None:
            operator.poll_message_set("Start the sidecar first, at the top of the Affekt panel")
        return self._line is not None

    def version(self) -> str:
        """What the sidecar calls itself."""
        return "" if self._line is None else self._line.client.welcome.affekt

    def stop(self) -> None:
        """Leaves the sidecar, and ends it if it is ours."""
        line, connecting, worker = self._line, self._connecting, self._worker
        self._line = self._connecting = self._worker = None
        if worker is not None:
            if line is not None:
                worker.submit(line.client.close)
            elif connecting is not None:
                worker.submit(lambda: connecting.result().close())
            worker.stop()
        if self._process is not None:
            process, self._process = self._process, None
            process.stop()
        self.state, self.error = LinkState.OFF, None


session = Session()
"""The one that panels and operators use."""
