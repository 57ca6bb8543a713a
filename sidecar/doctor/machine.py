# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the doctor asks of the machine. Every question ends by itself, in bounded time."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...shared.alive import is_process_alive
from ...shared.connection import default_cache_folder, default_runtime_folder
from ...shared.pixels import default_pixel_folder
from ..server.key_files import default_keys_folder

PROGRAM_S = 10.0
"""Blender says its version in under a second; a cold disk takes a few."""
FACTS_S = 60.0
"""torch takes seconds to import, and more on a cold disk."""

Facts = Mapping[str, str]
"""What a package says of itself; `error` where it cannot be imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A program's exit code and all that it printed; code None, and why in `text`, if it could
    not be started or did not end in time."""

    code: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the doctor is, and its probes: what a test replaces.

    system: as `sys.platform`. run: a program, in at most so many seconds. which: a program's path
    on PATH. version_of: an installed distribution's version. facts: of a topic in `facts.py`, in
    a Python of its own. patience_s: for a sidecar's answer.
    """

    system: str
    python: tuple[int, int, int]
    executable: str
    environment: Mapping[str, str]
    home: Path
    runtime_folder: Path
    cache_folder: Path
    keys_folder: Path
    pixel_folder: Path
    run: Callable[[Sequence[str], float], Ran]
    which: Callable[[str], str | None]
    version_of: Callable[[str], str | None]
    facts: Callable[[str], Facts]
    free_bytes: Callable[[Path], int]
    is_alive: Callable[[int], bool] = is_process_alive
    patience_s: float = 3.0

    def pip(self, *words: str) -> str:
        """The line for this Python's pip, such as of `install numba>=0.61`."""
        return " ".join(self._quote(word) for word in (self.executable, "-m", "pip", *words))

    def remove_line(self, paths: Sequence[Path]) -> str:
        """What removes the files and folders."""
        names = [self._quote(str(path)) for path in paths]
        if self.system == "win32":
            return f"Remove-Item -Recurse {', '.join(names)}"
        command = "rm -r" if any(path.is_dir() for path in paths) else "rm"
        return f"{command} {' '.join(names)}"

    def end_line(self, pid: int) -> str:
        """What ends a process, even one that does not listen."""
        return f"taskkill /F /PID {pid}" if self.system == "win32" else f"kill -9 {pid}"

    def mode_line(self, mode: str, path: Path) -> str:
        """What sets the rights of a file or folder, where there are such rights."""
        return f"chmod {mode} {self._quote(str(path))}"

    def _quote(self, text: str) -> str:
        if self.system == "win32":
            return f'"{text}"' if set(text) & set(" <>|&,") else text
        return shlex.quote(text)


def this_machine() -> Machine:
    """The real one."""
    return Machine(
        system=sys.platform,
        python=sys.version_info[:3],
        executable=sys.executable,
        environment=os.environ,
        home=Path.home(),
        runtime_folder=default_runtime_folder(),
        cache_folder=default_cache_folder(),
        keys_folder=default_keys_folder(),
        pixel_folder=default_pixel_folder(),
        run=run_bounded,
        which=shutil.which,
        version_of=version_of,
        facts=Asker(run_bounded),
        free_bytes=lambda folder: shutil.disk_usage(folder).free,
    )


def version_of(distribution: str) -> str | None:
    """An installed distribution's version; imports nothing of it."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


class Asker:
    """The facts of a topic, asked for once, from any thread. A child, since a package that does
    not fit its machine may end the process that imports it, or hang."""

    def __init__(self, run: Callable[[Sequence[str], float], Ran]) -> None:
        self._run = run
        self._known: dict[str, Facts] = {}
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def __call__(self, topic: str) -> Facts:
        with self._locks[topic]:
            if topic not in self._known:
                self._known[topic] = self._ask(topic)
            return self._known[topic]

    def _ask(self, topic: str) -> Facts:
        module = f"{__package__}.facts"
        ran = self._run([sys.executable, "-m", module, topic], FACTS_S)
        if ran.code is None:
            return {"error": ran.text}
        if ran.code != 0:
            return {"error": f"its import ended Python with code {ran.code}"}
        with contextlib.suppress(ValueError):
            # What packages print when they are imported comes first.
            answer = json.loads(ran.text.strip().rpartition("\n")[2])
            if isinstance(answer, dict):
                return {str(key): str(value) for key, value in answer.items()}
        return {"error": "it gave no answer"}


def run_bounded(command: Sequence[str], limit_s: float) -> Ran:
    """Runs a program that must not outlive its time, with whatever it has started."""
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
        )
    except (OSError, ValueError) as error:
        return Ran(code=None, text=f"it cannot be started ({getattr(error, 'strerror', error)})")
    try:
        output, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        _end(process)
        return Ran(code=None, text=f"it did not answer in {limit_s:g} s")
    return Ran(code=process.returncode, text=output.decode("utf-8", "replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if os.name == "posix":
            # Its own session: a starter script's children hold our pipe as well.
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
    if process.stdout is not None:
        process.stdout.close()
