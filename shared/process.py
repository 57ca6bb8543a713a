# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar as a child process, watched without ever waiting for it, and the folder for its
connection file and logs."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from .alive import is_process_alive
from .connection import (
    FILE_NAME,
    RUNTIME_SETTING,
    Connection,
    default_runtime_folder,
    make_private_folder,
    read_connection,
    remove_connection,
)
from .errors import LinkError
from .limits import LOG_PARTS, MAX_OLD_RUNS, RAW_PARTS
from .replacement import replace_file

LOG_NAME = "sidecar.log"
RAW_NAME = "sidecar.stderr"
START_S = 60.0
"""Longest time that a sidecar may take until it listens; a cold disk makes imports slow."""
_KILLED_S = 5.0
_LOG_TAIL_BYTES = 16 * 1024
_CRASH = "Fatal Python error"
_STAMP = re.compile(r"^[0-9-]{10} [0-9:,]{12} [A-Z]+ ")
"""What logging puts before a line."""
_OURS = re.compile(r"^affekt: (.+) \[[a-z_.]+\]$")
"""The last line of a command of ours that has failed; the code in brackets is for programs."""
_NEWS = re.compile(_STAMP.pattern.replace("[A-Z]+", "(DEBUG|INFO)"))


class SidecarState(Enum):
    """STARTING until the connection file is there; READY; FAILED or STOPPED for good."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


class SidecarProcess:
    """A sidecar that `start_sidecar` started. It ends by itself when this process is gone.

    log_path: its log, `sidecar.log`, with older parts `.1` and `.2` beside it; what it printed
    besides, such as a crash's last words, is in `sidecar.stderr`. connection: there once READY,
    for `Client.connect`. error: there once FAILED: `link.start` (it never listened), `link.ended`
    (it died later), `link.version`, `link.connection_file`; its last words are in the text.
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

    def ask_to_end(self) -> None:
        """Closes its standard input, at which it ends. Never blocks."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def kill(self) -> None:
        """Ends a process that hangs, even one that is stopped. Never blocks; `stop` waits for
        the end."""
        self._process.kill()

    def stop(self, *, timeout_s: float = 2.0) -> None:
        """Ends the process: asks, waits at most `timeout_s`, then kills, and waits a little for
        that. May be called twice."""
        self.ask_to_end()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            # One that the system holds in a call, such as for a lost disk, ends when that ends.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILLED_S)
        remove_connection(self._folder, self.pid)  # it does so itself unless it was killed
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
                self._fail(_not_started("it did not get ready in time", self._folder))

    def _ended(self, code: int) -> LinkError:
        if self._state is SidecarState.STARTING:
            return _not_started(_how(code), self._folder)
        return LinkError(
            "link.ended",
            f"The sidecar has gone: {_how(code)}. {last_words(self._folder)}".strip(),
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
    make_private_folder(runtime_folder, RUNTIME_SETTING)
    log_path = runtime_folder / LOG_NAME
    options = ["--runtime-dir", str(runtime_folder), "--parent-pid", str(os.getpid())]
    try:
        # A file from a sidecar that was killed would be taken for the new one's.
        (runtime_folder / FILE_NAME).unlink(missing_ok=True)
        rotate(log_path, LOG_PARTS)
        rotate(runtime_folder / RAW_NAME, RAW_PARTS)
        # Appending, so that who cuts the file cuts it for the one that writes, too.
        with (runtime_folder / RAW_NAME).open("ab") as raw:
            process = subprocess.Popen(
                [*command, *options, "--watch-stdin", "--log", str(log_path)],
                stdin=subprocess.PIPE,
                stdout=raw,
                stderr=subprocess.STDOUT,
                creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
            )
    except OSError as error:
        reason = f"{command[0]}: {error.strerror or error}"
        raise _not_started(reason, runtime_folder) from error
    return SidecarProcess(process, runtime_folder, log_path)


def rotate(path: Path, older: int) -> None:
    """Renames path to path.1, path.1 to path.2 and so on, and keeps at most `older` of them. Does
    nothing where path is empty or absent. Raises OSError."""
    if not path.exists() or path.stat().st_size == 0:
        return  # else failing starts would push out the log that says why the first one ended
    for number in range(older, 0, -1):
        source = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
        if source.exists():
            replace_file(source, path.with_name(f"{path.name}.{number}"))


def last_words(folder: Path) -> str:
    """Why the sidecar of this runtime folder ended, as its logs tell: a crash's reason, else the
    last line, without time and level. Empty if that is only DEBUG or INFO."""
    raw = _tail(folder / RAW_NAME)
    crash = next((line for line in raw if line.startswith(_CRASH)), "")
    lines = [lines[-1] for lines in (raw, _tail(folder / LOG_NAME)) if lines]
    words = crash or next((line for line in lines if not _NEWS.match(line)), "")
    words = _OURS.sub(r"\1", _STAMP.sub("", words))
    return words if not words or words.endswith((".", "!", "?")) else f"{words}."


def _tail(path: Path) -> list[str]:
    """The last lines of a file that say something."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return []
    return [line.strip()[:300] for line in lines if line.strip()]


def _how(code: int) -> str:
    if code >= 0:
        return f"it ended with code {code}"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"


def _not_started(reason: str, folder: Path) -> LinkError:
    return LinkError(
        "link.start",
        f"The sidecar did not start: {reason}. {last_words(folder)}".strip(),
        "Check the sidecar's Python in the add-on's preferences, and that Affekt is installed "
        f"there. The log is {folder / RAW_NAME}.",
    )


# --- runtime folders ---------------------------------------------------------------------------

_RUN_FOLDER = re.compile(r"blender-([1-9][0-9]{0,18})")


def own_run_folder() -> Path:
    """The runtime folder of the sidecar that this process starts; it is not made yet."""
    return default_runtime_folder() / f"blender-{os.getpid()}"


def remove_old_runs(parent: Path) -> None:
    """Removes the run folders in `parent` whose Blender has ended, except the newest few, whose
    logs may still be wanted. What cannot be removed stays."""
    with contextlib.suppress(OSError):
        old = [folder for folder in parent.iterdir() if _is_old(folder)]
        old.sort(key=lambda folder: folder.stat().st_mtime)
        for folder in old[: max(0, len(old) - MAX_OLD_RUNS)]:
            _remove(folder)


def _is_old(folder: Path) -> bool:
    match = _RUN_FOLDER.fullmatch(folder.name)
    return (
        match is not None
        and folder.is_dir()
        and not folder.is_symlink()
        and not is_process_alive(int(match[1]))
    )


def _remove(folder: Path) -> None:
    """Removes our files, and the folder if nothing else is in it."""
    with contextlib.suppress(OSError):
        for pattern in ("sidecar.*", ".affekt-*.partial"):
            for path in folder.glob(pattern):
                path.unlink()
        folder.rmdir()
