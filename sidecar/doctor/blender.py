# SPDX-License-Identifier: GPL-3.0-or-later
"""Check of the Blenders on this machine, where people usually install them."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .machine import PROGRAM_S, Machine
from .report import Finding, ok, warn

OLDEST = (4, 2)
"""The oldest supported version, as in `blender_manifest.toml`."""
MOST = 8
"""At most this many Blenders are asked for their version."""
_GET = "Install Blender 4.2 or newer from https://www.blender.org/download/"
_LINUX = (
    "/opt/blender*/blender",
    "/usr/local/blender*/blender",
    "/usr/local/bin/blender*",
    "/usr/bin/blender",
    "/snap/bin/blender",
    "~/blender*/blender",
    "~/Downloads/blender*/blender",
    "~/.steam/steam/steamapps/common/Blender/blender",
    "/var/lib/flatpak/exports/bin/org.blender.Blender",
    "~/.local/share/flatpak/exports/bin/org.blender.Blender",
)


def check_blender(machine: Machine) -> Finding:
    """Asks every Blender that is found for its version, each with a time limit."""
    programs = find_blenders(machine)
    with ThreadPoolExecutor(max_workers=MOST) as pool:
        versions = list(pool.map(lambda program: _version(machine, program), programs))
    lines = [f"{text}, {program}" for program, (_, text) in zip(programs, versions, strict=True)]
    if bpy := machine.version_of("bpy"):
        lines.append(f"{bpy} as `bpy` in this Python")
    if not lines:
        return warn("none on PATH nor in the usual places", _GET)
    usable = bool(bpy) or any(number >= OLDEST for number, _ in versions)
    return ok("\n".join(lines)) if usable else warn("\n".join(lines), _GET)


def find_blenders(machine: Machine) -> list[str]:
    """Paths of Blender programs without duplicates, the one on PATH first; at most `MOST`."""
    on_path = machine.which("blender")
    found = [on_path] if on_path else []
    for pattern in usual_places(machine.system, machine.home, machine.environment):
        found += sorted(glob.glob(pattern), reverse=True)  # the newest first, going by names
    once = {os.path.realpath(program): program for program in reversed(found)}
    return [program for program in found if once.pop(os.path.realpath(program), None)][:MOST]


def usual_places(system: str, home: Path, environment: Mapping[str, str]) -> list[str]:
    """Glob patterns of Blender's program."""
    if system == "win32":
        folders = [environment.get(name) for name in ("ProgramFiles", "ProgramFiles(x86)")]
        return [
            f"{glob.escape(folder)}/{place}/blender.exe"
            for folder in folders
            if folder
            for place in ("Blender Foundation/Blender *", "Steam/steamapps/common/Blender")
        ]
    mac = [f"{root}/Applications/Blender*.app/Contents/MacOS/Blender" for root in ("", "~")]
    places = mac if system == "darwin" else _LINUX
    return [place.replace("~", glob.escape(str(home)), 1) for place in places]


def _version(machine: Machine, program: str) -> tuple[tuple[int, int], str]:
    """The version as numbers and as text; (0, 0) and the reason where there is none."""
    ran = machine.run([program, "--version"], PROGRAM_S)
    found = re.search(r"^Blender (\d+)\.(\d+)\S*(?: LTS)?", ran.text, re.MULTILINE)
    if ran.code == 0 and found is not None:
        number = int(found[1]), int(found[2])
        older = f" (Affekt needs {OLDEST[0]}.{OLDEST[1]})" if number < OLDEST else ""
        return number, found[0].removeprefix("Blender ") + older
    return (0, 0), ran.text if ran.code is None else f"ends with code {ran.code}, says no version"
