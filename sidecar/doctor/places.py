# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders and their rights, room on disk, loopback, and variables that change where things are."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...shared import limits
from ...shared.connection import CACHE_VARIABLE, FILE_NAME, RUNTIME_VARIABLE
from ..cache.cache import Cache
from ..server.key_files import KEYS_VARIABLE
from .finding import Finding, missing, ok, warn
from .machine import Machine

LEAST_FREE_BYTES = 2_000_000_000
"""A bake of ten minutes with its vertices, and the pictures of a few takes."""
PIXEL_BYTES = limits.MAX_PIXEL_SLOTS * limits.MAX_PIXEL_SLOT_BYTES
"""Shared memory of one client."""
_PLACES = (RUNTIME_VARIABLE, CACHE_VARIABLE, KEYS_VARIABLE)
_HARMLESS = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "TORCH_CUDA_ARCH_LIST")


def check_runtime_folder(machine: Machine) -> Finding:
    """Of the connection files, which are keys: for its user alone."""
    folder, own = machine.runtime_folder, f"Set {RUNTIME_VARIABLE} to a folder of your own"
    name = "runtime folder"
    if not folder.exists():
        nearest = _nearest(folder)
        if os.access(nearest, os.W_OK | os.X_OK):
            return ok(name, f"{folder} will be made when a sidecar starts")
        return missing(name, f"{folder} is not there, and {nearest} is not writable", own)
    if (reason := _why_not_writable(folder)) is not None:
        return missing(name, f"{folder} is not writable ({reason})", own)
    if _is_anothers(folder):
        return missing(name, f"{folder} belongs to another user", own)
    opened = _open_to_others(machine, name, folder, sorted(folder.glob(f"**/{FILE_NAME}")))
    return opened or ok(name, f"{folder}, yours alone")


def check_keys(machine: Machine) -> Finding:
    """Keys that stay, for work over a network: for their user alone, or they are not used."""
    folder = machine.keys_folder
    if not folder.exists():
        return ok("keys", "none; only `affekt serve --remote` needs them")
    if _is_anothers(folder):
        own = f"Set {KEYS_VARIABLE} to a folder of your own"
        return warn("keys", f"{folder} belongs to another user", own)
    opened = _open_to_others(machine, "keys", folder, sorted(folder.glob("*.json")))
    return opened or ok("keys", f"{folder}, yours alone")


def _is_anothers(folder: Path) -> bool:
    return os.name == "posix" and folder.stat().st_uid != os.getuid()


def _open_to_others(
    machine: Machine, name: str, folder: Path, files: Sequence[Path]
) -> Finding | None:
    """What is said of the first of these that others may read; None if all are private."""
    if os.name != "posix":  # Windows keeps the profile's folders private by its own rights
        return None
    for path in (folder, *files):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            line = machine.mode_line("700" if path == folder else "600", path)
            return warn(name, f"{path} is open to others (mode {mode:o})", line)
    return None


def check_cache(machine: Machine) -> Finding:
    """Where files are kept between runs: writable, its size, and room on its disk."""
    folder = machine.cache_folder
    nearest = _nearest(folder)
    elsewhere = f"Set {CACHE_VARIABLE} to a folder on another disk"
    if (reason := _why_not_writable(nearest)) is not None:
        return missing("cache", f"{nearest} is not writable ({reason})", elsewhere)
    free = machine.free_bytes(nearest)
    size = Cache(folder).size_bytes() if folder.exists() else 0
    most = limits.CACHE_BYTES / 1e9
    detail = f"{folder}, {size / 1e9:.2f} of {most:.0f} GB; {free / 1e9:.1f} GB free on its disk"
    if free < LEAST_FREE_BYTES:
        return warn("cache", detail, elsewhere)
    return ok("cache", detail)


def check_shared_memory(machine: Machine) -> Finding:
    """For pixels of previews; without it they go through the connection."""
    folder = machine.pixel_folder
    nearest = _nearest(folder)
    slower = "previews are a little slower without it"
    if (reason := _why_not_writable(nearest)) is not None:
        line = machine.mode_line("1777", folder)
        return warn("shared memory", f"{folder} is not writable ({reason}); {slower}", line)
    free = machine.free_bytes(nearest)
    if free < PIXEL_BYTES:
        return warn(
            "shared memory",
            f"{folder} has {free / 1e6:.0f} MB free of {PIXEL_BYTES / 1e6:.0f} MB; {slower}",
            "Make room in it; in a container: --shm-size=256m",
        )
    return ok("shared memory", f"{folder}, {free / 1e9:.1f} GB free")


def check_loopback(machine: Machine) -> Finding:
    """Whether one program of this machine may talk to another."""
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
            "loopback",
            f"programs here cannot talk to each other on 127.0.0.1 ({error.strerror or error})",
            f"Allow {machine.executable} to listen on 127.0.0.1 in the firewall or sandbox",
        )
    return ok("loopback", "a program can listen on 127.0.0.1 and be reached")


def check_environment(machine: Machine) -> Finding:
    """Variables that Affekt takes notice of. Of those that it does not know only the names."""
    known = (*_PLACES, *_HARMLESS)
    said = [f"{name}={machine.environment[name]}" for name in known if name in machine.environment]
    said += sorted(
        name for name in machine.environment if name.startswith("AFFEKT_") and name not in known
    )
    for name in _PLACES:
        value = machine.environment.get(name)
        if value and not Path(value).is_absolute():
            return warn(
                "environment",
                f"{name}={value} is another folder for each program that is started elsewhere",
                f"Set {name} to a path from the root, such as {Path(value).absolute()}",
            )
    return ok("environment", "\n".join(said) or "no AFFEKT_ variables")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _why_not_writable(folder: Path) -> str | None:
    """Tried, since rights alone do not tell of read-only disks. None if it is writable."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"affekt")
    except OSError as error:
        return error.strerror or str(error)
    return None
