# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk of a few megabytes that really runs full: a tmpfs in a mount namespace of its own, which
no other process sees. Only root of a Linux machine may make one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from affekt.shared import ledger

_HOLD = 'mount -t tmpfs -o mode=0700,size="$1" tmpfs "$0" && echo mounted && exec cat'
"""It lives as long as `cat` does, which waits for the end of its input."""
_FILLER = "filler"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallDisk:
    """folder: where programs that are started behind `before` see the disk; view: where we do."""

    folder: Path
    view: Path
    before: tuple[str, ...]

    def fill(self, free_bytes: int) -> None:
        """Leaves so many bytes."""
        self.empty()
        about = os.statvfs(self.view)
        with (self.view / _FILLER).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, about.f_bavail * about.f_frsize - free_bytes)

    def empty(self) -> None:
        """Makes room again."""
        (self.view / _FILLER).unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """All that was written, by its path in the view, but the ledger of what is whole."""
        found = (path for path in self.view.rglob("*") if path.is_file())
        return sorted(path for path in found if path.name not in (_FILLER, ledger.NAME))


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """Mounts one at the folder, which is made. Skips where that is not allowed."""
    if sys.platform != "linux" or not shutil.which("nsenter") or not shutil.which("unshare"):
        pytest.skip("only Linux, with util-linux, has mount namespaces")
    folder.mkdir(parents=True)
    command = ["unshare", "--mount", "sh", "-c", _HOLD, str(folder), str(size_bytes)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "mounted\n":
            pytest.skip(f"no disk may be mounted here: {holder.stderr.read().strip()}")
        try:
            yield SmallDisk(
                folder=folder,
                view=Path(f"/proc/{holder.pid}/root{folder.resolve()}"),
                before=("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "--"),
            )
        finally:
            holder.stdin.close()
            holder.wait(20)
