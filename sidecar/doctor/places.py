# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders and their rights, room on disk, loopback, and variables that change where things are."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...shared import limits
from ...shared.connection import CACHE_VARIABLE, FILE_NAME, RUNTIME_VARIABLE
from .finding import Finding, missing, ok, warn
from .machine import Machine

LEAST_FREE_BYTES = 2_000_000_000
"""A bake of ten minutes with its vertices, and the pictures of a few takes."""
PIXEL_BYTES = limits.MAX_PIXEL_SLOTS * limits.MAX_PIXEL_SLOT_BYTES
"""Shared memory of one client."""
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
    if os.name == "posix":
        status = folder.stat()
        if status.st_uid != os.getuid():
            return missing(name, f"{folder} belongs to another user", own)
        if (mode := stat.S_IMODE(status.st_mode)) & 0o077:
            line = machine.mode_line("700", folder)
            return warn(name, f"{folder} is open to others (mode {mode:o})", line)
        for path in sorted(folder.glob(f"**/{FILE_NAME}")):
            if (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077:
                line = machine.mode_line("600", path)
                return warn(name, f"{path} is open to others (mode {mode:o})", line)
    return ok(name, f"{folder}, yours alone")


def check_cache(machine: Machine) -> Finding:
    """Where files are kept between runs: writable, its size, and room on its disk."""
    folder = machine.cache_folder
    nearest = _nearest(folder)
    elsewhere = f"Set {CACHE_VARIABLE} to a folder on another disk"
    if (reason := _why_not_writable(nearest)) is not None:
        return missing("cache", f"{nearest} is not writable ({reason})", elsewhere)
    free = machine.free_bytes(nearest)
    size = sum(_sizes(folder))
    detail = f"{folder}, {size / 1e9:.2f} GB; {free / 1e9:.1f} GB free on its disk"
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
    known = (RUNTIME_VARIABLE, CACHE_VARIABLE, *_HARMLESS)
    said = [f"{name}={machine.environment[name]}" for name in known if name in machine.environment]
    said += sorted(
        name for name in machine.environment if name.startswith("AFFEKT_") and name not in known
    )
    for name in (RUNTIME_VARIABLE, CACHE_VARIABLE):
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


def _sizes(folder: Path) -> Iterator[int]:
    """Of every file below, as far as it can be seen."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(Path(entry.path))
                else:
                    yield entry.stat(follow_symlinks=False).st_size
    except OSError:
        return
