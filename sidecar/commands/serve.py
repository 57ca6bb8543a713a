# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt serve`."""

from __future__ import annotations

import logging
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from ...shared.connection import FILE_NAME, default_cache_folder, default_runtime_folder
from .log import open_log


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Run the sidecar that Blender connects to, until Ctrl-C, or until its parent is gone."""

    runtime_dir: Path | None = None
    """Folder for the connection file; by default a folder of the user's own."""
    cache_dir: Path | None = None
    """Folder for what the sidecar works on; it is emptied when the sidecar ends."""
    parent_pid: int | None = None
    """End when this process has ended."""
    watch_stdin: bool = False
    """End when standard input is closed."""
    log: Path | None = None
    """Log into this file, in parts that are kept small, rather than to standard error."""

    def run(self) -> None:
        from ..server.parent import watch_input, watch_parent
        from ..server.server import Server, ServerOptions
        from ..server.services import real_services

        open_log(self.log)
        runtime = self.runtime_dir or default_runtime_folder()
        options = ServerOptions(
            runtime_folder=runtime, cache_folder=self.cache_dir or default_cache_folder()
        )
        server = Server(real_services(), options)
        signals: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: signals.append(number))
        connection = server.start()
        if self.parent_pid is not None:
            watch_parent(self.parent_pid, server.stopped.set, server.stopped)
        if self.watch_stdin:
            watch_input(server.stopped.set)
        self._say(f"listening on {connection.endpoint}, see {runtime / FILE_NAME}")
        # In slices: an event may not be set from a signal handler, which may interrupt its lock.
        while not server.stopped.wait(0.25) and not signals:
            pass
        if not server.stop():
            # A worker is deep in a chunk. Its files are gone, nobody waits for its result.
            os._exit(0)

    def _say(self, sentence: str) -> None:
        if self.log is None:
            print(f"affekt: {sentence}", flush=True)
        else:
            logging.getLogger("affekt").info("%s", sentence)
