# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment that *Set Up Sidecar* made: where it lies, and which one counts.

    data folder/  current.json               names the environment that is whole
                  environment-PID-RANDOM/     one that process PID makes or has made
                  python/                     Pythons that a set-up has downloaded
                  set-up.log

A new one is made beside the old one, which counts until the new one is whole: `current.json` is
replaced last. The folder is outside of the extension's, so that updates of it keep what is there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from ...shared.alive import is_process_alive
from ...shared.connection import FILE_NAME, default_runtime_folder, read_connection
from ...shared.errors import InputError, LinkError, refusal
from ...shared.replacement import replacing
from .pythons import numbers_in

RECORD = "current.json"
BROUGHT = "python"
LOG = "set-up.log"
ELSEWHERE = "Choose another folder in the settings of Set Up Sidecar"
_FOLDER = re.compile(r"environment-([1-9][0-9]{0,18})-[0-9a-f]{6}")
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """folder: its name in the data folder. base: path of the Python on which it is based. wheel:
    SHA-256 of the sidecar's wheel in it. affekt: its version. device: what PyTorch was chosen for,
    `cpu` or `cuda`."""

    folder: str
    base: str
    wheel: str
    affekt: str
    device: str


def python_of(environment: Path) -> Path:
    """The Python of an environment."""
    if sys.platform == "win32":
        return environment / "Scripts" / "python.exe"
    return environment / "bin" / "python"


def brought_pythons(data_folder: Path) -> list[Path]:
    """The Pythons that set-ups have downloaded into the folder, the newest first."""
    inside = "python.exe" if sys.platform == "win32" else "bin/python3"
    found = (data_folder / BROUGHT).glob(f"cpython-*.*.*-*/{inside}")
    return sorted(found, key=numbers_in, reverse=True)


def read_environment(data_folder: Path) -> Environment | None:
    """The environment that is whole and whose Python, and the one below it, are there; None if
    there is none."""
    try:
        with (data_folder / RECORD).open("rb") as file:
            told = json.loads(file.read(_MOST_BYTES))
        found = Environment(**{name: str(told[name]) for name in Environment.__slots__})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if _FOLDER.fullmatch(found.folder) is None:
        return None
    # Windows keeps the environment's Python where its base, such as an older Blender's, is gone.
    needed = (python_of(data_folder / found.folder), Path(found.base))
    return found if all(path.is_file() for path in needed) else None


def find_python(data_folder: Path) -> Path | None:
    """The Python of the environment that is whole; None if there is none."""
    found = read_environment(data_folder)
    return None if found is None else python_of(data_folder / found.folder)


def write_environment(data_folder: Path, environment: Environment) -> None:
    """From now on this one counts. Raises InputError `setup.folder`, `setup.disk`."""
    try:
        with replacing(data_folder / RECORD) as partial:
            partial.write_text(json.dumps(asdict(environment), indent=1), encoding="utf-8")
    except OSError as error:
        raise unusable(data_folder, error) from error


def prepare_folder(data_folder: Path, needed_bytes: int) -> Path:
    """Makes the data folder; the path of a new environment in it, which is not there yet. Removes
    what ended set-ups left. Raises InputError `setup.folder`, `setup.disk`."""
    try:
        data_folder.mkdir(parents=True, exist_ok=True)
        new = data_folder / f"environment-{os.getpid()}-{secrets.token_hex(3)}"
        new.mkdir()  # the test of whether it may be written
        sweep(data_folder, keep=new.name)
        free = shutil.disk_usage(data_folder).free
    except OSError as error:
        raise unusable(data_folder, error) from error
    if free < needed_bytes:
        new.rmdir()
        raise InputError(
            "setup.disk",
            f"The disk of {data_folder} has {free / 1e9:.1f} GB free, and the sidecar needs "
            f"{needed_bytes / 1e9:.1f} GB while it is set up.",
            f"Make room there. {ELSEWHERE}.",
        )
    return new


def sweep(data_folder: Path, *, keep: str = "") -> None:
    """Removes environments that do not count, except those that a living process makes, and all of
    them only where no sidecar runs, which may be in one."""
    current = read_environment(data_folder)
    kept = {keep, current.folder if current else ""}
    old = [path for path in _environments(data_folder) if path.name not in kept]
    if old and not _runs_a_sidecar(default_runtime_folder()):
        for path in old:
            shutil.rmtree(path, ignore_errors=True)


def unusable(data_folder: Path, error: OSError) -> InputError:
    """The error for a folder in which nothing can be made."""
    reason, remedy = refusal(error)
    return InputError(
        "setup.folder", f"{data_folder} cannot be used: {reason}.", f"{remedy} {ELSEWHERE}."
    )


def _environments(data_folder: Path) -> list[Path]:
    """Folders of environments, without those that another living process makes or has made."""
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(data_folder.iterdir()):
            name = _FOLDER.fullmatch(path.name)
            if name and (int(name[1]) == os.getpid() or not is_process_alive(int(name[1]))):
                found.append(path)
    return found


def _runs_a_sidecar(runtime_folder: Path) -> bool:
    for file in runtime_folder.glob(f"**/{FILE_NAME}"):
        with contextlib.suppress(LinkError):
            pid = read_connection(file.parent).pid
            if pid is not None and is_process_alive(pid):
                return True
    return False
