# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar as a child process, watched without ever waiting for it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from .connection import FILE_NAME, Connection, make_private_folder, read_connection
from .errors import LinkError

LOG_NAME = "sidecar.log"
START_S = 60.0
"""Longest time that a sidecar may take until it listens; a cold disk makes imports slow."""
_LOG_TAIL_BYTES = 2000


class SidecarState(Enum):
    """STARTING until the connection file is there; READY; FAILED or STOPPED for good."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


class SidecarProcess:
    """A sidecar that `start_sidecar` started. It ends by itself when this process is gone.

    log_path: everything that the sidecar printed. connection: there once READY, for
    `Client.connect`. error: there once FAILED: `link.start` (it never listened), `link.ended`
    (it died later), `link.version`, `link.connection_file`; the log's last line is in the text.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], runtime_folder: Path, log_path: Path
    ) -> None:
        self.pid = process.pid
        self.log_path = log_path
        self.connection: Connection | None = None
        self.error: LinkError | None = None
        self._process = process
        self._folder = runtime_folder
        self._state = SidecarState.STARTING
        self._deadline = time.monotonic() + START_S

    def poll(self) -> SidecarState:
        """Looks after the process; never blocks (under 1 ms). Call it on a timer."""
        if self._state in (SidecarState.STARTING, SidecarState.READY):
            code = self._process.poll()
            if code is not None:
                self._fail(self._ended(code))
            elif self._state is SidecarState.STARTING:
                self._look_for_connection()
        return self._state

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """Ends the process: asks, waits at most `timeout_s`, then kills. May be called twice."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            with contextlib.suppress(OSError):
                (self._folder / FILE_NAME).unlink(missing_ok=True)
        if self._state is not SidecarState.FAILED:
            self._state = SidecarState.STOPPED

    def _look_for_connection(self) -> None:
        try:
            self.connection = read_connection(self._folder)
            self._state = SidecarState.READY
        except LinkError as error:
            if error.code != "link.unreachable":
                self._fail(error)
            elif time.monotonic() > self._deadline:
                self._fail(_not_started("it did not get ready in time", self.log_path))

    def _ended(self, code: int) -> LinkError:
        if self._state is SidecarState.STARTING:
            return _not_started(f"it ended with code {code}", self.log_path)
        return LinkError(
            "link.ended",
            f"The sidecar has ended with code {code}. {_last_line(self.log_path)}".strip(),
            f"Start it again; its log is {self.log_path}.",
        )

    def _fail(self, error: LinkError) -> None:
        self.error = error
        self._state = SidecarState.FAILED


def start_sidecar(command: Sequence[str], runtime_folder: Path) -> SidecarProcess:
    """Starts `command` (such as [python, "-m", "affekt.sidecar", "serve"]) with the options that
    tie it to this process, and returns at once. Give each Blender a folder of its own.

    Raises LinkError `link.start` if there is no such program, `link.folder`.
    """
    make_private_folder(runtime_folder)
    log_path = runtime_folder / LOG_NAME
    options = ["--runtime-dir", str(runtime_folder), "--parent-pid", str(os.getpid())]
    try:
        # A file from a sidecar that was killed would be taken for the new one's.
        (runtime_folder / FILE_NAME).unlink(missing_ok=True)
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [*command, *options, "--watch-stdin"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
            )
    except OSError as error:
        raise _not_started(f"{command[0]}: {error.strerror or error}", log_path) from error
    return SidecarProcess(process, runtime_folder, log_path)


def _not_started(reason: str, log_path: Path) -> LinkError:
    return LinkError(
        "link.start",
        f"The sidecar did not start: {reason}. {_last_line(log_path)}".strip(),
        "Check the sidecar's Python in the add-on's preferences, and that Affekt is installed "
        f"there. The log is {log_path}.",
    )


def _last_line(log_path: Path) -> str:
    try:
        with log_path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
