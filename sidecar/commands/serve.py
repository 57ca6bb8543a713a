# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt serve`."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...shared import limits
from ...shared.connection import FILE_NAME, default_cache_folder, default_runtime_folder
from ...shared.errors import InputError
from ..exits import ending_signals
from .log import open_log

if TYPE_CHECKING:
    from ..server.server import ServerOptions
    from ..server.sockets import ClientEndpoint
    from ..worker.services import LamFiles

LEAST_MEMORY_GB = 2.0
"""The least for `--memory-gb`: a worker that has loaded and shown a head takes 1 GB."""
REMOTE_HOST = "0.0.0.0"
REMOTE_PORT = 5870
LEAVE_S = 1.6
"""Longest time from a request to end until the process has ended; the promise is 2 s."""


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Run the sidecar that Blender connects to, until Ctrl-C, SIGTERM or the terminal's end, or
    until its parent is gone."""

    runtime_dir: Path | None = None
    """Folder for the connection file; by default a folder of the user's own."""
    cache_dir: Path | None = None
    """Folder for what the sidecar works on; it is kept from one run to the next."""
    cache_gb: float = limits.CACHE_BYTES / 1e9
    """How large that folder may become; what was not used for longest goes first."""
    memory_gb: float | None = None
    """How much memory the worker may use; what needs more is refused. By default three quarters
    of what this machine has."""
    lam_weights: Path | None = None
    """LAM's checkpoint, your own download: clients may then have avatars of photos made by LAM's
    network. It stays where it is."""
    lam_emotion_weights: Path | None = None
    """With --lam-weights: what `affekt train lam` wrote."""
    lam_unknown_weights: bool = False
    """With --lam-weights: use another file than the published one."""
    parent_pid: int | None = None
    """End when this process has ended."""
    watch_stdin: bool = False
    """End when standard input is closed."""
    log: Path | None = None
    """Log into this file, in parts that are kept small, rather than to standard error."""
    remote: bool = False
    """Serve users on other machines whose keys are trusted (`affekt keys trust`), and nobody
    else. Without it only this machine is served, with fresh keys each time."""
    listen: str | None = None
    """With --remote: the address of this machine to listen on; by default 0.0.0.0, all of them."""
    port: int | None = None
    """With --remote: the port to listen on; by default 5870."""
    keys_dir: Path | None = None
    """With --remote: folder for this server's keys; by default a folder of the user's own."""

    def run(self) -> None:
        from ..parent_watch import watch_input, watch_parent
        from ..server.server import Server
        from ..server.worker_process import WorkerProcess

        options = self._options()
        # After the options are checked: their errors go to the terminal.
        open_log(self.log)
        cache = (options.cache_folder, options.cache_bytes)
        lam = self._lam_files()
        server = Server(
            lambda sockets: WorkerProcess(
                sockets, *cache, memory_bytes=options.memory_bytes, lam=lam
            ),
            options,
        )
        signals: list[int] = []
        for number in (signal.SIGINT, *ending_signals()):
            signal.signal(number, lambda number, _: signals.append(number))
        server.start()
        if self.parent_pid is not None:
            watch_parent(self.parent_pid, server.stopped.set, server.stopped)
        if self.watch_stdin:
            watch_input(server.stopped.set)
        self._say(f"listening on {server.endpoint}, {self._say_how()}")
        # In slices, since a signal handler may not set the event: it may interrupt its lock.
        while not server.stopped.wait(0.25) and not signals:
            pass
        # If the disk does not answer, the process ends anyway. Half-written files have temporary
        # names, and the worker ends with this process.
        last_resort = threading.Timer(LEAVE_S, os._exit, [0])
        last_resort.daemon = True
        last_resort.start()
        if not server.stop(timeout_s=0.3):
            os._exit(0)

    def _options(self) -> ServerOptions:
        """The server's options. Raises as `_cache_bytes`, `_memory_bytes` and `_endpoint`."""
        from ..server.server import ServerOptions

        return ServerOptions(
            runtime_folder=self.runtime_dir or default_runtime_folder(),
            cache_folder=self.cache_dir or default_cache_folder(),
            cache_bytes=self._cache_bytes(),
            memory_bytes=self._memory_bytes(),
            endpoint=self._endpoint(),
            has_lam=self.lam_weights is not None,
        )

    def _lam_files(self) -> LamFiles | None:
        """LAM's files. They are looked at when an avatar is made of a photo: a file that has moved
        away does not keep anybody from other work."""
        from ..worker.services import LamFiles

        if self.lam_weights is None:
            return None
        return LamFiles(
            weights=self.lam_weights.absolute(),
            emotion=self.lam_emotion_weights and self.lam_emotion_weights.absolute(),
            unknown_allowed=self.lam_unknown_weights,
        )

    def _say(self, sentence: str) -> None:
        if self.log is None:
            with contextlib.suppress(OSError):  # nobody reads it
                print(f"affekt: {sentence}", flush=True)
        else:
            logging.getLogger("affekt").info("%s", sentence)

    def _cache_bytes(self) -> int:
        """`--cache-gb` in bytes. Raises InputError `option.cache_gb` if that is too small."""
        if not 0.1 <= self.cache_gb <= 1e6:
            raise InputError(
                "option.cache_gb",
                f"A cache of {self.cache_gb:g} GB is of no use.",
                "Give at least 0.1, better 10 or more.",
            )
        return int(self.cache_gb * 1e9)

    def _memory_bytes(self) -> int:
        """`--memory-gb` in bytes. Raises InputError `option.memory_gb` if that is too small."""
        from ..server.watch import default_memory_bytes

        if self.memory_gb is None:
            return default_memory_bytes()
        if not LEAST_MEMORY_GB <= self.memory_gb <= 1e6:
            raise InputError(
                "option.memory_gb",
                f"The sidecar cannot work in {self.memory_gb:g} GB of memory.",
                f"Give at least {LEAST_MEMORY_GB:g}, better 4 or more.",
            )
        return int(self.memory_gb * 1e9)

    def _endpoint(self) -> ClientEndpoint:
        """Where clients connect. Raises InputError `option.remote`, `option.port`; LinkError
        `link.no_trusted_key`, `link.key_file`."""
        from ..server.key_files import default_keys_folder, remote_endpoint
        from ..server.sockets import local_endpoint

        if not self.remote:
            if not (self.listen is self.port is self.keys_dir is None):
                raise InputError(
                    "option.remote",
                    "Without --remote the sidecar listens to this machine alone.",
                    "Add --remote, or leave out --listen, --port and --keys-dir.",
                )
            return local_endpoint()
        port = REMOTE_PORT if self.port is None else self.port
        if not 0 < port < 65536:
            raise InputError("option.port", f"{port} is no port.", "Give one from 1 to 65535.")
        return remote_endpoint(
            self.keys_dir or default_keys_folder(), self.listen or REMOTE_HOST, port
        )

    def _say_how(self) -> str:
        """What to tell the user once the server listens."""
        if not self.remote:
            runtime = self.runtime_dir or default_runtime_folder()
            return f"see {runtime / FILE_NAME}"
        return _say_remotely(self.keys_dir, self.port or REMOTE_PORT)


def _say_remotely(keys_dir: Path | None, port: int) -> str:
    import socket

    from ..server.key_files import default_keys_folder, read_trusted, server_keys
    from ..server.keys import to_text
    from .keys import connect_line

    folder = keys_dir or default_keys_folder()
    line = connect_line(to_text(server_keys(folder).public), f"tcp://{socket.gethostname()}:{port}")
    return (
        f"for {', '.join(sorted(read_trusted(folder)))}. Each runs once, on the machine with "
        f"Blender (which may know this one by another name):\n\n    {line}\n\n"
        "`affekt keys trust` and `affekt keys forget` take effect at once; Ctrl-C ends the server."
    )
