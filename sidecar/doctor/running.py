# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of running sidecars, and of shared memory that killed processes have left behind."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from ...shared.client import Client
from ...shared.connection import FILE_NAME, Connection, read_connection
from ...shared.errors import LinkError
from ...shared.messages import Status
from ...shared.pixels import find_orphans
from ...shared.process import LOG_NAME
from .machine import Machine
from .report import Finding, ok, warn

_OF_BLENDER = re.compile(r"blender-([1-9][0-9]*)")
MOST_NAMED = 5
"""At most this many leftover files are named."""


def runtime_folders(machine: Machine) -> list[Path]:
    """The folder of `affekt serve`, and those of Blenders that hold a connection file."""
    found: list[Path] = []
    with contextlib.suppress(OSError):
        found = sorted(machine.runtime_folder.iterdir())
    of_blenders = [path for path in found if _OF_BLENDER.fullmatch(path.name)]
    return [machine.runtime_folder, *(path for path in of_blenders if (path / FILE_NAME).exists())]


def sidecar_name(folder: Path) -> str:
    """The name of the check of the sidecar with this runtime folder."""
    of_blender = _OF_BLENDER.fullmatch(folder.name)
    return f"sidecar of Blender {of_blender[1]}" if of_blender else "sidecar"


def running_sidecars(machine: Machine) -> list[Connection]:
    """The connections of this user's sidecars on this machine whose process is alive."""
    found: list[Connection] = []
    for folder in runtime_folders(machine):
        with contextlib.suppress(LinkError):
            connection = read_connection(folder)
            if _is_there(machine, connection):
                found.append(connection)
    return found


def _is_there(machine: Machine, connection: Connection) -> bool:
    return connection.pid is not None and machine.is_alive(connection.pid)


def check_sidecar(machine: Machine, folder: Path) -> Finding:
    """Checks that the sidecar of the folder's connection file, if there is one, answers."""
    try:
        connection = read_connection(folder)
    except LinkError as error:
        if error.code == "link.unreachable":
            return ok("not running")
        return warn(error.message, error.remedy)
    pid, remove = connection.pid, machine.remove_line([folder / FILE_NAME])
    if not _is_there(machine, connection):
        return warn(f"process {pid} has ended and left its connection file", remove)
    log = f"; its log is {folder / LOG_NAME}" if (folder / LOG_NAME).exists() else ""
    try:
        with Client.connect(connection, timeout_s=machine.patience_s) as client:
            client.ping(timeout_s=machine.patience_s)
            ping_s = min(client.ping(timeout_s=machine.patience_s) for _ in range(5))
            status = client.status(timeout_s=machine.patience_s)
            major, minor = client.welcome.protocol
            about = f"Affekt {client.welcome.affekt}, protocol {major}.{minor}"
    except LinkError as error:
        return warn(
            f"process {pid} is there and does not answer: {error.message}",
            f"If process {pid} is Affekt's, end it: {machine.end_line(pid or 0)}{log}\n"
            f"If it is another: {remove}",
        )
    detail = f"process {pid}, {about}, answers in {1e3 * ping_s:.2f} ms\n{_say_status(status)}"
    return (
        warn(detail, f"Start the sidecar again{log}") if status.worker == "failed" else ok(detail)
    )


def _say_status(status: Status) -> str:
    restarts = f" after {status.worker_restarts} restarts" if status.worker_restarts else ""
    device = f" on {status.device}" if status.worker == "ready" else ""
    others = max(status.clients - 1, 0)  # without the doctor
    return (
        f"worker {status.worker}{restarts}{device}, {others} other clients, {status.jobs} jobs, "
        f"{status.memory_bytes / 1e6:.0f} MB of memory, up for {status.uptime_s:.0f} s"
    )


def check_leftovers(machine: Machine) -> Finding:
    """Warns of shared memory of killed processes, which the next sidecar removes. Folders of ended
    Blenders are no leftovers: a few of them are kept for their logs."""
    left = find_orphans(machine.pixel_folder)
    if not left:
        return ok("none")
    named = ", ".join(str(path) for path in left[:MOST_NAMED])
    more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
    return warn(
        f"shared memory of processes that have ended: {named}{more}",
        machine.remove_line(left[:MOST_NAMED]),
    )
