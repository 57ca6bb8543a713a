# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds a Python on which the sidecar can run: it asks each one that lies where Pythons usually
lie, then one that an earlier set-up has brought, and Blender's own last, since that goes with its
Blender."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ...shared.errors import InputError

OLDEST, TOO_NEW = (3, 11), (3, 14)
"""As in `pyproject.toml`; a test compares them."""
VERSIONS = ("3.12", "3.13", "3.11")
"""In the order in which they are looked for: most packages have been tried on the first."""
_PATIENCE_S = 8.0
_MOST_ASKED = 24
GET = "Install Python 3.12 from python.org for yourself alone (no administrator is needed)"
"""What who has no Python can do."""
_QUESTION = """
import importlib.util as find, json, platform, struct, sys, sysconfig
print(json.dumps({
    "path": getattr(sys, "_base_executable", "") or sys.executable,
    "version": sys.version_info[:3],
    "bits": 8 * struct.calcsize("P"),
    "machine": platform.machine(),
    "system": sys.platform,
    "lacks": [name for name in ("venv", "ensurepip") if find.find_spec(name) is None],
    "is_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """A Python that was asked. why_not: why the sidecar cannot run on it; empty if it can."""

    path: Path
    version: str
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where to look; by default this machine. own: the Python of this Blender. brought: those that
    a set-up has downloaded."""

    system: str = sys.platform
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    home: Path = field(default_factory=Path.home)
    which: Callable[[str], str | None] = shutil.which
    own: str = sys.executable
    brought: Sequence[Path] = ()


def choose_python(given: Path | None, around: Surroundings | None = None) -> Python:
    """The given Python, or the first that is usable. Raises InputError `setup.python`,
    `setup.no_python`."""
    if given is not None:
        python = ask_python([str(given)])
        if python.why_not:
            raise InputError(
                "setup.python",
                f"{given} cannot carry the sidecar: {python.why_not}.",
                "Choose a Python 3.11, 3.12 or 3.13 of 64 bits, or leave the field empty.",
            )
        return python
    asked = find_pythons(around or Surroundings())
    usable = [python for python in asked if not python.why_not]
    if not usable:
        raise no_python(asked)
    return usable[0]


def no_python(asked: Sequence[Python]) -> InputError:
    """The error that says which Pythons there are and why none will do."""
    told = "; ".join(f"{python.path}: {python.why_not}" for python in asked[:4])
    return InputError(
        "setup.no_python",
        "No Python was found on which the sidecar can run." + (f" {told}." if told else ""),
        f"{GET}, then press Set Up Sidecar again; or name a Python in its settings.",
    )


def find_pythons(around: Surroundings) -> list[Python]:
    """Every Python that is found, asked, in the order in which it would be chosen."""
    commands = list(candidates(around))[:_MOST_ASKED]
    with ThreadPoolExecutor(max_workers=8) as pool:
        asked = list(pool.map(ask_python, commands))
    once: dict[Path, Python] = {}
    for python in asked:
        once.setdefault(Path(os.path.realpath(python.path)), python)
    return list(once.values())


def candidates(around: Surroundings) -> Iterator[list[str]]:
    """Command lines that may run a Python, without those that are not there."""
    if around.system == "win32" and (launcher := around.which("py")):
        yield from ([launcher, f"-{version}"] for version in VERSIONS)
    for name in (*(f"python{version}" for version in VERSIONS), "python3", "python"):
        if found := around.which(name):
            yield [found]
    for version in VERSIONS:
        for folder, pattern in _usual_places(around, version):
            # The newest of those that differ only in their last number comes first.
            found = sorted(folder.glob(pattern), key=numbers_in, reverse=True)
            yield from ([str(path)] for path in found)
    yield from ([str(path)] for path in around.brought)
    if around.own:
        yield [around.own]


def numbers_in(path: Path) -> list[int]:
    """Those in the path: 3.12.10 is newer than 3.12.9."""
    return [int(digits) for digits in re.findall(r"\d+", str(path))]


def _usual_places(around: Surroundings, version: str) -> Iterator[tuple[Path, str]]:
    """Folders and patterns in them: a program that was started from an icon has a short PATH."""
    home, plain = around.home, version.replace(".", "")
    if around.system == "win32":
        local = around.environment.get("LOCALAPPDATA")
        places = [Path(local, "Programs", "Python")] if local else []
        places += [Path(p) for p in (around.environment.get("ProgramFiles"),) if p]
        yield from ((place, f"Python{plain}/python.exe") for place in places)
        data = Path(around.environment.get("APPDATA", home))
        yield data / "uv" / "python", f"cpython-{version}.*/python.exe"
        return
    yield Path("/usr/bin"), f"python{version}"
    yield Path("/usr/local/bin"), f"python{version}"
    if around.system == "darwin":
        yield Path("/opt/homebrew/bin"), f"python{version}"
        yield Path("/Library/Frameworks/Python.framework/Versions"), f"{version}/bin/python3"
    yield home / ".local" / "share" / "uv" / "python", f"cpython-{version}.*/bin/python3"
    yield home / ".pyenv" / "versions", f"{version}.*/bin/python3"


def ask_python(command: Sequence[str]) -> Python:
    """Starts it and asks what it is; never raises."""
    path, why = Path(command[0]), "it does not start"
    try:
        # -I: neither the user's variables nor Blender's folders change what it says.
        done = subprocess.run(
            [*command, "-I", "-c", _QUESTION],
            capture_output=True,
            check=False,
            timeout=_PATIENCE_S,
            stdin=subprocess.DEVNULL,
            creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
        )
        told = json.loads(done.stdout) if done.returncode == 0 else None
    except subprocess.TimeoutExpired:
        told, why = None, f"it does not answer within {_PATIENCE_S:.0f} seconds"
    except OSError as error:
        told, why = None, error.strerror or "it does not start"
    except ValueError:
        told, why = None, "it is no Python"
    if not isinstance(told, dict) or told.keys() < {"path", "version", "bits", "lacks"}:
        return Python(path=path, version="", why_not=why)
    version = ".".join(map(str, told["version"]))
    return Python(path=Path(told["path"]), version=version, why_not=_why_not(told))


def _why_not(told: Mapping[str, object]) -> str:
    """Why this Python will not do, in words; empty if it will."""
    version = tuple(told["version"])[:2]  # pyright: ignore[reportArgumentType]
    if not OLDEST <= version < TOO_NEW:
        return f"it is Python {version[0]}.{version[1]}, and 3.11, 3.12 or 3.13 is needed"
    if told["bits"] != 64:
        return "it is a Python of 32 bits"
    if told.get("system") == "darwin" and told.get("machine") == "x86_64":
        return "it is a Python for Intel Macs, for which PyTorch is no longer made"
    if told.get("is_threaded"):
        return "it is a Python without the global lock, for which packages are missing"
    if told["lacks"]:
        names = " and ".join(map(str, told["lacks"]))  # pyright: ignore[reportArgumentType]
        return f"it lacks {names} (on Debian and Ubuntu: the package python3-venv)"
    return ""
