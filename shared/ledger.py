# SPDX-License-Identifier: GPL-3.0-or-later
"""Says which files of a folder are whole: beside them, `.affekt_frames` holds the hash of each
one's bytes, and its recipe (`recipes.py`).

A line is `HASH RECIPE NAME`, each behind a line feed: 40 hexadecimal digits, as many or `-`, and
the file's name; of two lines for one name the later one counts. Lines are appended, until most of
them are of no use any more, and a line that is damaged or was cut off is none. So whatever happens
to the ledger or to a file, the file is made once more at worst, and never taken for what it is not.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import limits
from .errors import InputError, in_the_way, not_writable, what_is_at
from .replacement import replacing

NAME = ".affekt_frames"
_LINE = re.compile(r"([0-9a-f]{40}) ([0-9a-f]{40}|-) ([A-Za-z0-9_.-]{1,100})")
_BLOCK = 1 << 20
_SPARE_LINES = 1000
# Nothing is appended through a link, and no pipe is waited for.
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
for _flag in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"):
    _APPEND |= getattr(os, _flag, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the ledger says of a file. digest: the hash of its bytes. recipe: "" if whoever wrote
    the file does not know it."""

    digest: str
    recipe: str = ""


class Ledger:
    """A folder's ledger as it was read; `note` may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        """Reads the folder's ledger; where there is none, it is empty."""
        self._path = folder / NAME
        self.entries: Mapping[str, Entry] = {}
        self._is_long = False
        self._lock = threading.Lock()
        with contextlib.suppress(OSError):
            self._read()

    def find_whole(self, path: Path) -> Entry | None:
        """The entry of a file of this folder that has the very bytes that were noted, else None:
        it is damaged, gone, or not ours. Reads the whole file."""
        entry = self.entries.get(path.name)
        if entry is None or not path.is_file():  # a pipe would wait for ever
            return None
        with contextlib.suppress(OSError):
            if hash_of(path) == entry.digest:
                return entry
        return None

    def note(self, path: Path, recipe: str = "") -> None:
        """Appends a file of this folder, which is whole. Raises OSError."""
        line = _line(path.name, Entry(digest=hash_of(path), recipe=recipe))
        with self._lock:
            if self._is_long:
                write_ledger(self._path.parent, self.entries)
                self._is_long = False
            handle = os.open(self._path, _APPEND, 0o666)
            try:
                os.write(handle, line)  # in one piece, since other processes may append too
            finally:
                os.close(handle)

    def check_place(self) -> None:
        """Raises InputError `file.not_writable` if something else than a file has the ledger's
        name, so that nothing could be noted."""
        obstacle = what_is_at(self._path)
        if obstacle is not None:
            raise in_the_way(self._path, obstacle)

    def refusal(self, error: OSError) -> InputError:
        """The error for a ledger in which the system let nothing be noted."""
        return not_writable(self._path, error)

    def _read(self) -> None:
        if not self._path.is_file():
            return
        self._is_long = self._path.stat().st_size > limits.MAX_LEDGER_BYTES
        if not self._is_long:
            lines = self._path.read_bytes().decode("latin-1").split("\n")
            self.entries = dict(filter(None, map(_parse, lines)))
            self._is_long = len(lines) > _SPARE_LINES + 2 * len(self.entries)


def write_ledger(folder: Path, entries: Mapping[str, Entry]) -> None:
    """Writes the folder's ledger anew. entries: by their files' names. Raises OSError."""
    with replacing(folder / NAME) as partial:
        partial.write_bytes(b"".join(_line(name, entry) for name, entry in entries.items()))


def hash_of(path: Path) -> str:
    """40 hexadecimal digits of the file's bytes. Raises OSError."""
    digest = hashlib.blake2b(digest_size=20)
    with path.open("rb") as file:
        while data := file.read(_BLOCK):
            digest.update(data)
    return digest.hexdigest()


def _line(name: str, entry: Entry) -> bytes:
    # The line feed comes first, so that a line that was cut off does not spoil this one.
    return f"\n{entry.digest} {entry.recipe or '-'} {name}".encode("ascii")


def _parse(line: str) -> tuple[str, Entry] | None:
    """The file's name and entry; None for what is no line of a ledger."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    return found[3], Entry(digest=found[1], recipe="" if found[2] == "-" else found[2])
