# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that the doctor asks of the machine; each question ends within a time limit."""

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
from dataclasses import dataclass, field
from pathlib import Path

from ...shared.alive import is_process_alive
from ...shared.connection import default_cache_folder, default_runtime_folder
from ...shared.pixels import default_pixel_folder
from ..server.key_files import default_keys_folder

PROGRAM_S = 10.0
"""Time limit of a program that says its version; Blender needs a few seconds on a cold disk."""
FACTS_S = 60.0
"""Time limit of an import; torch takes seconds, and more on a cold disk."""

Facts = Mapping[str, str]
"""Facts about a package, printed by `facts.py`; `error` if it cannot be imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A program's exit code and output; code None and the reason in `text` if it could not be
    started or did not end in time."""

    code: int | None
    text: str


def version_of(distribution: str) -> str | None:
    """The version of an installed distribution, read without importing it; None if absent."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


class CachedFacts:
    """Gets facts from `facts.py`, each topic once, from any thread.

    It runs in a child process, because a package that does not fit the machine may crash or hang
    the process that imports it.
    """

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
        ran = self._run([sys.executable, "-m", f"{__package__}.facts", topic], FACTS_S)
        if ran.code is None:
            return {"error": ran.text}
        if ran.code != 0:
            return {"error": f"its import ended Python with code {ran.code}"}
        with contextlib.suppress(ValueError):
            # The answer is the last line; packages may print others while they are imported.
            answer = json.loads(ran.text.strip().rpartition("\n")[2])
            if isinstance(answer, dict):
                return {str(key): str(value) for key, value in answer.items()}
        return {"error": "it gave no answer"}


def run_bounded(command: Sequence[str], limit_s: float) -> Ran:
    """Runs a program and, if it exceeds its time limit, kills it with all that it has started."""
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
        return Ran(code=process.returncode, text=output.decode("utf-8", "replace"))
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)  # with the children, which hold the pipe
            else:
                process.kill()
            process.wait(1)
        if process.stdout is not None:
            process.stdout.close()
        return Ran(code=None, text=f"it did not answer in {limit_s:g} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine's folders and the functions that probe it; by default the real ones.

    system: as `sys.platform`. run: runs a program for at most so many seconds. which: path of a
    program on PATH. version_of: version of an installed distribution, or None. facts: facts about
    a topic of `facts.py`. patience_s: time limit of a sidecar's answer.
    """

    system: str = sys.platform
    python: tuple[int, int, int] = sys.version_info[:3]
    executable: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    home: Path = field(default_factory=Path.home)
    runtime_folder: Path = field(default_factory=default_runtime_folder)
    cache_folder: Path = field(default_factory=default_cache_folder)
    keys_folder: Path = field(default_factory=default_keys_folder)
    pixel_folder: Path = field(default_factory=default_pixel_folder)
    run: Callable[[Sequence[str], float], Ran] = run_bounded
    which: Callable[[str], str | None] = shutil.which
    version_of: Callable[[str], str | None] = version_of
    facts: Callable[[str], Facts] = field(default_factory=lambda: CachedFacts(run_bounded))
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    is_alive: Callable[[int], bool] = is_process_alive
    patience_s: float = 3.0

    def pip(self, *words: str) -> str:
        """The terminal command that runs this Python's pip with these arguments."""
        return " ".join(self._quote(word) for word in (self.executable, "-m", "pip", *words))

    def remove_line(self, paths: Sequence[Path]) -> str:
        """The terminal command that removes the files."""
        names = [self._quote(str(path)) for path in paths]
        if self.system == "win32":
            return f"Remove-Item {', '.join(names)}"
        return f"rm {' '.join(names)}"

    def end_line(self, pid: int) -> str:
        """The terminal command that kills a process."""
        return f"taskkill /F /PID {pid}" if self.system == "win32" else f"kill -9 {pid}"

    def mode_line(self, mode: str, path: Path) -> str:
        """The terminal command that sets the permissions of a file or folder (not on Windows)."""
        return f"chmod {mode} {self._quote(str(path))}"

    def _quote(self, text: str) -> str:
        if self.system == "win32":
            return f'"{text}"' if set(text) & set(" <>|&,") else text
        return shlex.quote(text)
