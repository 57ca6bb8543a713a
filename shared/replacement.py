# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a finished file in the place of an older one.

Until it is finished it has a name of its own beside its place, `.affekt-HOST-PID-RANDOM.partial`:
whoever writes there next tells by it whose it is, and removes what a dead process left behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .alive import is_process_alive

PARTIAL = ".partial"
_PATIENCE_S = 1.0
_PAUSE_S = 0.02
_STRANGER_S = 24 * 3600.0
"""What another machine writes on a shared disk counts as left behind after a day without a word:
whether its process lives cannot be seen from here."""
_PARTIAL = re.compile(r"\.affekt-([0-9a-f]{8})-([1-9][0-9]{0,18})-[0-9a-f]{8}\.partial")
_swept: set[Path] = set()
_lock = threading.Lock()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields the path of a file to write; afterwards that is flushed to the disk and renamed to
    `path`. If anything fails, what was at `path` stays and nothing is left. Raises OSError."""
    partial = partial_path(path.parent)
    try:
        yield partial
        flush_file(partial)
        replace_file(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def replace_file(source: str | Path, target: Path) -> None:
    """Renames `source` to `target`; an older `target` goes. Raises OSError.

    Windows refuses while a program has `target` open, such as a viewer or a virus scanner: there
    it is tried again for a second.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_S)


def flush_file(path: Path) -> None:
    """Waits until the file's bytes are on the disk, so that no power cut leaves its name without
    them. Raises OSError."""
    with path.open("r+b") as file:  # Windows flushes only what may be written
        os.fsync(file.fileno())


def partial_path(folder: Path) -> Path:
    """A new name in the folder for a file or folder that is not finished. The first time that this
    process asks for one there, partials of dead processes are removed."""
    with _lock:
        is_new = folder not in _swept
        _swept.add(folder)
    if is_new:
        sweep_partials(folder)
    return folder / partial_name()


def try_writing(folder: Path) -> None:
    """Makes a file in the folder and removes it: rights alone do not say whether a disk takes one.
    Raises OSError if it does not."""
    trial = partial_path(folder)
    try:
        trial.touch(exist_ok=False)
    finally:
        with contextlib.suppress(OSError):
            trial.unlink(missing_ok=True)


def partial_name() -> str:
    """A new name for a file or folder that is not finished; it tells whose it is."""
    return f".affekt-{_host()}-{os.getpid()}-{secrets.token_hex(4)}{PARTIAL}"


def sweep_partials(folder: Path) -> None:
    """Removes the partials in the folder that nobody writes any more."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if is_left_behind(entry.name, lambda entry=entry: _age_s(entry)):
                _remove(Path(entry.path))


def is_left_behind(name: str, age_s: Callable[[], float]) -> bool:
    """Whether a file's name is that of a partial whose process has ended. age_s: tells for how many
    seconds it was not written; asked only where the process runs, or ran, on another machine."""
    found = _PARTIAL.fullmatch(name)
    if found is None:
        return False
    if found[1] != _host():
        return age_s() > _STRANGER_S
    return not is_process_alive(int(found[2]))


def _host() -> str:
    """Eight hexadecimal digits for this machine: a container has a name, and processes, of its
    own."""
    return hashlib.blake2b(platform.node().encode(), digest_size=4).hexdigest()


def _age_s(entry: os.DirEntry[str]) -> float:
    return time.time() - entry.stat(follow_symlinks=False).st_mtime


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
