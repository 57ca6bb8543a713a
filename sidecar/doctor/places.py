# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of folders and their permissions, disk space, loopback, and environment variables."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...shared import limits
from ...shared.connection import CACHE_VARIABLE, DATA_VARIABLE, FILE_NAME, RUNTIME_VARIABLE
from ...shared.errors import LinkError
from ..cache.cache import Cache
from ..server.key_files import KEYS_VARIABLE
from .machine import Machine
from .report import Finding, missing, ok, warn

LEAST_FREE_BYTES = 2_000_000_000
"""Enough for a bake of ten minutes with its vertices and the pictures of a few takes."""
PIXEL_BYTES = limits.MAX_PIXEL_SLOTS * limits.MAX_PIXEL_SLOT_BYTES
"""Shared memory that one client needs."""
_FOLDER_VARIABLES = (RUNTIME_VARIABLE, CACHE_VARIABLE, DATA_VARIABLE, KEYS_VARIABLE)
_OTHER_VARIABLES = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "TORCH_CUDA_ARCH_LIST")


def check_runtime_folder(machine: Machine) -> Finding:
    """Checks the folder of the connection files, which hold keys: only its user may read it."""
    folder, own = machine.runtime_folder, f"Set {RUNTIME_VARIABLE} to a folder of your own"
    if not folder.exists():
        nearest = _nearest(folder)
        if os.access(nearest, os.W_OK | os.X_OK):
            return ok(f"{folder} will be made when a sidecar starts")
        return missing(f"{folder} is not there, and {nearest} is not writable", own)
    if (reason := _why_not_writable(folder)) is not None:
        return missing(f"{folder} is not writable ({reason})", own)
    if _is_anothers(folder):
        return missing(f"{folder} belongs to another user", own)
    return _check_private(machine, folder, sorted(folder.glob(f"**/{FILE_NAME}")))


def check_keys(machine: Machine) -> Finding:
    """Checks the folder of the keys for work over a network: only its user may read it."""
    folder = machine.keys_folder
    if not folder.exists():
        return ok("none; only `affekt serve --remote` needs them")
    if _is_anothers(folder):
        own = f"Set {KEYS_VARIABLE} to a folder of your own"
        return warn(f"{folder} belongs to another user", own)
    return _check_private(machine, folder, sorted(folder.glob("*.json")))


def _is_anothers(folder: Path) -> bool:
    return os.name == "posix" and folder.stat().st_uid != os.getuid()


def _check_private(machine: Machine, folder: Path, files: Sequence[Path]) -> Finding:
    """Warns of the first of the folder and its files that other users may read. On Windows the
    user's profile, in which they lie, is private already."""
    for path in (folder, *files) if os.name == "posix" else ():
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            line = machine.mode_line("700" if path == folder else "600", path)
            return warn(f"{path} is open to others (mode {mode:o})", line)
    return ok(f"{folder}, yours alone")


def check_cache(machine: Machine) -> Finding:
    """Checks that the cache folder is writable and its disk has room."""
    folder = machine.cache_folder
    nearest = _nearest(folder)
    elsewhere = f"Set {CACHE_VARIABLE} to a folder on another disk"
    if (reason := _why_not_writable(nearest)) is not None:
        return missing(f"{nearest} is not writable ({reason})", elsewhere)
    free = machine.free_bytes(nearest)
    try:
        size = Cache(folder).size_bytes() if folder.exists() else 0
    except LinkError as error:
        return missing(error.message, elsewhere)
    most = limits.CACHE_BYTES / 1e9
    detail = f"{folder}, {size / 1e9:.2f} of {most:.0f} GB; {free / 1e9:.1f} GB free on its disk"
    return warn(detail, elsewhere) if free < LEAST_FREE_BYTES else ok(detail)


def check_shared_memory(machine: Machine) -> Finding:
    """Checks the shared memory for previews' pixels, which otherwise go through the connection."""
    folder = machine.pixel_folder
    nearest = _nearest(folder)
    slower = "previews are a little slower without it"
    if (reason := _why_not_writable(nearest)) is not None:
        line = machine.mode_line("1777", folder)
        return warn(f"{folder} is not writable ({reason}); {slower}", line)
    free = machine.free_bytes(nearest)
    if free < PIXEL_BYTES:
        return warn(
            f"{folder} has {free / 1e6:.0f} MB free of {PIXEL_BYTES / 1e6:.0f} MB; {slower}",
            "Make room in it; in a container: --shm-size=256m",
        )
    return ok(f"{folder}, {free / 1e9:.1f} GB free")


def check_loopback(machine: Machine) -> Finding:
    """Checks that programs on this machine can connect to each other."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(machine.patience_s)
            address = server.getsockname()
            with socket.create_connection(address, machine.patience_s) as client:
                served, _ = server.accept()
                with served:
                    served.settimeout(machine.patience_s)
                    client.sendall(b"affekt")
                    if served.recv(6) != b"affekt":
                        raise OSError("bytes came back changed")
    except OSError as error:
        return missing(
            f"programs here cannot talk to each other on 127.0.0.1 ({error.strerror or error})",
            f"Allow {machine.executable} to listen on 127.0.0.1 in the firewall or sandbox",
        )
    return ok("a program can listen on 127.0.0.1 and be reached")


def check_environment(machine: Machine) -> Finding:
    """Lists the variables that Affekt reads, and the names of unknown AFFEKT_ variables."""
    known = (*_FOLDER_VARIABLES, *_OTHER_VARIABLES)
    said = [f"{name}={machine.environment[name]}" for name in known if name in machine.environment]
    said += sorted(
        name for name in machine.environment if name.startswith("AFFEKT_") and name not in known
    )
    for name in _FOLDER_VARIABLES:
        value = machine.environment.get(name)
        if value and not Path(value).is_absolute():
            return warn(
                f"{name}={value} is another folder for each program that is started elsewhere",
                f"Set {name} to a path from the root, such as {Path(value).absolute()}",
            )
    return ok("\n".join(said) or "no AFFEKT_ variables")


def _nearest(folder: Path) -> Path:
    """The folder itself, or its nearest parent that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _why_not_writable(folder: Path) -> str | None:
    """Writes a test file, since permissions do not tell of read-only disks; the reason if that
    fails, else None."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"affekt")
    except OSError as error:
        return error.strerror or str(error)
    return None
