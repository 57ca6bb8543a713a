# SPDX-License-Identifier: GPL-3.0-or-later
"""This Blender's connection to its sidecar. A timer calls `step`, which never waits, and so do
scripts and tests."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from ...shared.client import Client
from ...shared.connection import default_runtime_folder, read_connection, read_connection_file
from ...shared.errors import AffektError, LinkError
from ...shared.limits import HUNG_S
from ...shared.process import SidecarProcess, own_run_folder, remove_old_runs, start_sidecar
from ...shared.supervisor import Supervisor, SupervisorState
from ..words.sentences import translate
from .tasks import Progress
from .warmth import Warmth


class Session:
    """The one session of a Blender: a supervisor, or none. Only the main thread calls it."""

    def __init__(self) -> None:
        self._line: Supervisor | None = None
        self._last: Supervisor | None = None
        self._warmth = Warmth()

    @property
    def state(self) -> SupervisorState:
        """Where the sidecar is."""
        return SupervisorState.OFF if self._line is None else self._line.state

    @property
    def is_there(self) -> bool:
        """Whether there is a sidecar, or one on its way."""
        return self.state not in (SupervisorState.OFF, SupervisorState.FAILED)

    @property
    def error(self) -> AffektError | None:
        """Why it has failed or is started again."""
        return None if self._line is None else self._line.error

    @property
    def log_path(self) -> Path | None:
        """The log of a sidecar that this Blender started."""
        return None if self._line is None else self._line.log_path

    @property
    def version(self) -> str:
        """What the sidecar calls itself."""
        return "" if self._line is None else self._line.version

    def lacks(self, capability: str) -> bool:
        """Whether the sidecar cannot do this, as it said; False while it has said nothing."""
        client = None if self._line is None else self._line.client
        return client is not None and capability not in client.welcome.capabilities

    @property
    def advice(self) -> str:
        """What the panel says while the sidecar does not answer."""
        is_ours = self.log_path is not None
        what = "it is started again" if is_ours else "the connection is made again"
        return f"Your work waits. After {HUNG_S:.0f} s of silence {what}."

    def describe(self) -> str:
        """The state in a few words."""
        return SupervisorState.OFF.value if self._line is None else self._line.describe()

    def start(self, command: Sequence[str], options: Sequence[str] = ()) -> None:
        """Starts a sidecar of our own; `step` then connects to it. command: up to `serve`; options:
        what comes after it."""
        self.stop()
        folder = own_run_folder()
        spawn = functools.partial(_spawn, options)
        self._begin(Supervisor([*command, "serve"], folder, after=self._last, spawn=spawn))

    def connect(self, connection_file: Path | None = None) -> None:
        """Connects to a sidecar that somebody else runs: the user in a terminal, or a remote
        one, whose connection file is given.

        Raises LinkError `link.unreachable`, `link.connection_file`, `link.version`.
        """
        if connection_file is None:
            read_connection()
        else:
            read_connection_file(connection_file)
        folder = default_runtime_folder()
        self._begin(Supervisor(None, folder, connection_file=connection_file))

    def attach(self, client: Client) -> None:
        """Uses a client that is connected already."""
        self.stop()
        self._line = Supervisor.adopt(client)

    def step(self) -> SupervisorState:
        """Looks after the process and the connection. Never blocks: under 1 ms."""
        state = SupervisorState.OFF if self._line is None else self._line.step()
        self._warmth.step(self._line)
        return state

    @property
    def warming(self) -> Progress | None:
        """What the sidecar does for itself after its start, while it does."""
        return self._warmth.progress

    def need_line(self) -> Supervisor:
        """The line to work over. Raises LinkError `link.unreachable`."""
        if self._line is None or not self._line.is_lasting:
            raise LinkError(
                "link.unreachable",
                "The sidecar is not connected.",
                "Start it at the top of the Affekt panel.",
            )
        return self._line

    def poll(self, operator: type) -> bool:
        """For an operator's `poll`: whether there is a connection; if not, tells Blender why."""
        is_there = self._line is not None and self._line.is_lasting
        if self.state is SupervisorState.STARTING:
            operator.poll_message_set(translate("The sidecar is starting"))
        elif not is_there:
            operator.poll_message_set(
                translate("Start the sidecar first, at the top of the Affekt panel")
            )
        return is_there

    def stop(self) -> None:
        """Disconnects, and ends the sidecar if it is ours. Returns at once."""
        line, self._line = self._line, None
        if line is not None:
            line.stop()
            self._last = line

    def _begin(self, line: Supervisor) -> None:
        self.stop()
        self._line = line
        line.start()


def _spawn(options: Sequence[str], command: Sequence[str], runtime_folder: Path) -> SidecarProcess:
    remove_old_runs(runtime_folder.parent)
    return start_sidecar([*command, *options], runtime_folder)


session = Session()
"""The one that panels and operators use."""
