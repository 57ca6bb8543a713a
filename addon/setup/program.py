# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that a set-up runs: it writes into the log, and is looked after without waiting."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_ENDED_S = 5.0
_UNWANTED = (
    # Blender's Python and its folders are not those of the environment that is made.
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "__PYVENV_LAUNCHER__",
    "VIRTUAL_ENV",
    # They would lead packages elsewhere. All other settings of pip's are the user's, and count.
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_DRY_RUN",
)


def environment_for(scratch: Path) -> dict[str, str]:
    """The variables for a set-up's programs. scratch: where they unpack, on the disk whose room
    was looked at."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    return {
        **kept,
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "PIP_USER": "0",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


class Program:
    """A running program. Its output goes to the end of the log. Raises OSError if it does not
    start."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str], folder: Path
    ) -> None:
        with log.open("ab") as output:
            output.write(f"\n> {subprocess.list2cmdline(command)}\n".encode())
            output.flush()
            self._read_to = output.tell()
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A session of its own: it ends with all that it has started.
                start_new_session=True,
                creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
            )
        self._log = log
        self._rest = b""

    def poll(self) -> int | None:
        """Its exit code; None while it runs. Never waits."""
        return self._process.poll()

    def read_lines(self) -> list[str]:
        """What it has written since the last call, in whole lines; after its end all of it."""
        is_over = self.poll() is not None
        with self._log.open("rb") as file:
            file.seek(self._read_to)
            data = file.read()
        self._read_to += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if is_over and self._rest:
            lines.append(self._rest)
            self._rest = b""
        return [line.decode("utf-8", "replace").strip("\r") for line in lines]

    def end(self) -> None:
        """Ends it, and what it has started, if it still runs."""
        if self.poll() is not None:
            return
        if sys.platform == "win32":
            words = ["taskkill", "/F", "/T", "/PID", str(self._process.pid)]
            with contextlib.suppress(OSError):
                subprocess.run(
                    words,
                    check=False,
                    capture_output=True,
                    creationflags=subprocess.CREATE_NO_WINDOW,
                )
        else:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDED_S)
