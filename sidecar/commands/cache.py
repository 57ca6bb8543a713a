# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt cache`: the files that sidecars keep between runs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ...shared import limits
from ...shared.connection import default_cache_folder
from ...shared.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Info:
    """Say where the cache is, how large it is and how large it may become."""

    cache_dir: Path | None = None
    """Another folder than the user's own."""

    def run(self) -> None:
        from ..cache.cache import Cache

        folder = self.cache_dir or default_cache_folder()
        if not folder.exists():
            print(f"{folder}: not there, nothing is kept")
            return
        size, free = Cache(folder).size_bytes(), shutil.disk_usage(folder).free
        print(
            f"{folder}: {size / 1e9:.2f} of {limits.CACHE_BYTES / 1e9:.0f} GB "
            f"(`affekt serve --cache-gb` sets another limit), {free / 1e9:.1f} GB free on its disk"
        )


@dataclass(frozen=True, kw_only=True)
class Clear:
    """Remove all that the cache keeps; what is baked again takes its full time again."""

    cache_dir: Path | None = None
    """Another folder than the user's own."""

    def run(self) -> None:
        """Empties the cache. Raises InputError `option.cache_in_use` while a sidecar of this user
        runs, JobError `job.disk` if the disk fails."""
        from ..cache.cache import Cache
        from ..cache.claim import is_claimed
        from ..doctor.machine import Machine
        from ..doctor.running import running_sidecars

        if running := running_sidecars(Machine()):
            raise InputError(
                "option.cache_in_use",
                f"A sidecar is running (process {running[0].pid}) and may use the cache.",
                "Stop it in Blender or end that process, and try again.",
            )
        folder = self.cache_dir or default_cache_folder()
        if is_claimed(folder):  # by one for other machines, or of another runtime folder
            raise InputError(
                "option.cache_in_use",
                f"A sidecar works with the cache {folder}.",
                "End it, such as `affekt serve --remote`, and try again.",
            )
        cleared = 0
        if folder.exists():
            cleared = Cache(folder).size_bytes()
            Cache(folder, limit_bytes=0).make_room(0, in_use_since=None)
        print(f"{folder}: {cleared / 1e9:.2f} GB removed")
