# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar as a child process, watched without ever waiting for it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from .connection import Connection
from .errors import LinkError


class SidecarState(Enum):
    """STARTING until the connection file is there; READY; FAILED or STOPPED for good."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


class SidecarProcess:
    """A sidecar that `start_sidecar` started. It ends by itself when this process is gone."""

    log_path: Path
    """Everything that the sidecar printed."""
    pid: int
    connection: Connection | None
    """There once READY; for `Client.connect`."""
    error: LinkError | None
    """There once FAILED: `link.start` with the log's last lines, `link.version`, ..."""

    def poll(self) -> SidecarState:
        """Looks after the process; never blocks (under 1 ms). Call it on a timer."""
        raise NotImplementedError

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """Ends the process: asks, waits at most `timeout_s`, then kills. May be called twice."""
        raise NotImplementedError


def start_sidecar(command: Sequence[str], runtime_folder: Path) -> SidecarProcess:
    """Starts `command` (such as [python, "-m", "affekt.sidecar", "serve"]) with the options that
    tie it to this process, and returns at once. Give each Blender a folder of its own.

    Raises LinkError `link.start` if there is no such program, `link.folder`.
    """
    raise NotImplementedError
