# SPDX-License-Identifier: GPL-3.0-or-later
"""Sidecars that run, and what those that ended without a word have left."""

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
from .finding import Finding, ok, warn
from .machine import Machine

_OF_BLENDER = re.compile(r"blender-([1-9][0-9]*)")
MOST_NAMED = 5


def runtime_folders(machine: Machine) -> list[Path]:
    """The folder of `affekt serve`, and those of Blenders that have a connection file."""
    of_blenders = _folders(machine.runtime_folder, _OF_BLENDER)
    return [machine.runtime_folder, *(path for path in of_blenders if (path / FILE_NAME).exists())]


def running_sidecars(machine: Machine) -> list[Connection]:
    """Of this user's on this machine, whose process is there."""
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
    """Whether the sidecar whose connection file lies in the folder is there and answers."""
    of_blender = _OF_BLENDER.fullmatch(folder.name)
    name = f"sidecar of Blender {of_blender[1]}" if of_blender else "sidecar"
    try:
        connection = read_connection(folder)
    except LinkError as error:
        if error.code == "link.unreachable":
            return ok(name, "not running")
        return warn(name, error.message, error.remedy)
    if not _is_there(machine, connection):
        return warn(
            name,
            f"process {connection.pid} has ended and left its connection file",
            machine.remove_line([folder / FILE_NAME]),
        )
    return _check_answers(machine, name, folder, connection)


def _check_answers(machine: Machine, name: str, folder: Path, connection: Connection) -> Finding:
    try:
        with Client.connect(connection, timeout_s=machine.patience_s) as client:
            client.ping(timeout_s=machine.patience_s)
            ping_s = min(client.ping(timeout_s=machine.patience_s) for _ in range(5))
            status = client.status(timeout_s=machine.patience_s)
            major, minor = client.welcome.protocol
            about = f"Affekt {client.welcome.affekt}, protocol {major}.{minor}"
    except LinkError as error:
        return warn(
            name,
            f"process {connection.pid} is there and does not answer: {error.message}",
            f"If process {connection.pid} is Affekt's, end it: "
            f"{machine.end_line(connection.pid or 0)}{_log(folder)}\n"
            f"If it is another: {machine.remove_line([folder / FILE_NAME])}",
        )
    detail = f"process {connection.pid}, {about}, answers in {1e3 * ping_s:.2f} ms\n"
    detail += _say_status(status)
    if status.worker != "failed":
        return ok(name, detail)
    return warn(name, detail, f"Start the sidecar again{_log(folder)}")


def _log(folder: Path) -> str:
    """There is one where Blender started the sidecar."""
    path = folder / LOG_NAME
    return f"; its log is {path}" if path.exists() else ""


def _say_status(status: Status) -> str:
    restarts = f" after {status.worker_restarts} restarts" if status.worker_restarts else ""
    device = f" on {status.device}" if status.worker == "ready" else ""
    others = max(status.clients - 1, 0)  # one is the doctor
    return (
        f"worker {status.worker}{restarts}{device}, {others} other clients, {status.jobs} jobs, "
        f"{status.memory_bytes / 1e6:.0f} MB of memory, up for {status.uptime_s:.0f} s"
    )


def check_leftovers(machine: Machine) -> Finding:
    """Shared memory of processes that were killed, which the next sidecar removes. Folders of
    Blenders that have ended are no leftovers: their logs are kept on purpose, a few of them."""
    left = find_orphans(machine.pixel_folder)
    if not left:
        return ok("leftovers", "none")
    named = ", ".join(str(path) for path in left[:MOST_NAMED])
    more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
    return warn(
        "leftovers",
        f"shared memory of processes that have ended: {named}{more}",
        machine.remove_line(left[:MOST_NAMED]),
    )


def _folders(parent: Path, pattern: re.Pattern[str]) -> list[Path]:
    try:
        found = sorted(parent.iterdir())
    except OSError:
        return []
    return [path for path in found if pattern.fullmatch(path.name) and path.is_dir()]
