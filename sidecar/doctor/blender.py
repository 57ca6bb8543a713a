# SPDX-License-Identifier: GPL-3.0-or-later
"""Blenders on this machine, where people usually have them."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .finding import Finding, ok, warn
from .machine import PROGRAM_S, Machine

OLDEST = (4, 2)
"""As in `blender_manifest.toml`."""
MOST = 8
_GET = "Install Blender 4.2 or newer from https://www.blender.org/download/"


def check_blender(machine: Machine) -> Finding:
    """Every Blender that is found says its version; one that hangs is left behind."""
    programs = find_blenders(machine)
    with ThreadPoolExecutor(max_workers=MOST) as pool:
        versions = list(pool.map(lambda program: _version(machine, program), programs))
    lines = [f"{text}, {program}" for program, (_, text) in zip(programs, versions, strict=True)]
    if bpy := machine.version_of("bpy"):
        lines.append(f"{bpy} as `bpy` in this Python")
    if not lines:
        return warn("Blender", "none on PATH nor in the usual places", _GET)
    usable = bool(bpy) or any(number >= OLDEST for number, _ in versions)
    detail = "\n".join(lines)
    return ok("Blender", detail) if usable else warn("Blender", detail, _GET)


def find_blenders(machine: Machine) -> list[str]:
    """Programs, each once, the one on PATH first; at most `MOST`."""
    on_path = machine.which("blender")
    found = [on_path] if on_path else []
    for pattern in usual_places(machine.system, machine.home, machine.environment):
        # Newest names first, as far as names tell.
        found += sorted(glob.glob(pattern), reverse=True)
    once = {os.path.realpath(program): program for program in reversed(found)}
    return [program for program in found if once.pop(os.path.realpath(program), None)][:MOST]


def usual_places(system: str, home: Path, environment: Mapping[str, str]) -> list[str]:
    """Patterns of Blender's program."""
    own = glob.escape(str(home))
    if system == "win32":
        folders = [environment.get(name) for name in ("ProgramFiles", "ProgramFiles(x86)")]
        inside = ("Blender Foundation/Blender *", "Steam/steamapps/common/Blender")
        return [
            f"{glob.escape(folder)}/{place}/blender.exe"
            for folder in folders
            if folder
            for place in inside
        ]
    if system == "darwin":
        inside = "Blender*.app/Contents/MacOS/Blender"
        return [f"/Applications/{inside}", f"{own}/Applications/{inside}"]
    return [
        "/opt/blender*/blender",
        "/usr/local/blender*/blender",
        "/usr/local/bin/blender*",
        "/usr/bin/blender",
        "/snap/bin/blender",
        f"{own}/blender*/blender",
        f"{own}/Downloads/blender*/blender",
        f"{own}/.steam/steam/steamapps/common/Blender/blender",
        "/var/lib/flatpak/exports/bin/org.blender.Blender",
        f"{own}/.local/share/flatpak/exports/bin/org.blender.Blender",
    ]


def _version(machine: Machine, program: str) -> tuple[tuple[int, int], str]:
    ran = machine.run([program, "--version"], PROGRAM_S)
    found = re.search(r"^Blender (\d+)\.(\d+)\S*(?: LTS)?", ran.text, re.MULTILINE)
    if ran.code == 0 and found is not None:
        number = int(found[1]), int(found[2])
        older = f" (Affekt needs {OLDEST[0]}.{OLDEST[1]})" if number < OLDEST else ""
        return number, found[0].removeprefix("Blender ") + older
    return (0, 0), ran.text if ran.code is None else f"ends with code {ran.code}, says no version"
