# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects the wheels inside the extension: pyzmq and msgpack for each platform and each Python of
Blender since 4.2 (3.11 up to 5.0, 3.13 from 5.1 on)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ...shared.errors import InputError

PACKAGES = {"pyzmq": "pyzmq>=26.2", "msgpack": "msgpack>=1.1"}
PYTHONS = ("3.11", "3.13")
DISTRIBUTION_PYTHONS = ("3.12", "3.14")
"""Pythons of Blenders that Linux distributions build; included if pip has wheels for them."""

# Blender's platforms and pip's tags of wheels that run there. Blender 4.2 requires glibc 2.28 and
# macOS 11.
PLATFORMS = {
    "linux-x64": tuple(f"manylinux_2_{n}_x86_64" for n in (28, 27, 26, 24, 17)),
    "windows-x64": ("win_amd64",),
    "macos-arm64": tuple(
        f"macosx_{v}_{arch}" for v in ("11_0", "10_15") for arch in ("arm64", "universal2")
    ),
    "macos-x64": tuple(
        f"macosx_{v}_{arch}"
        for v in ("11_0", "10_15", "10_13", "10_9")
        for arch in ("x86_64", "universal2")
    ),
}

_NAME = re.compile(
    r"(?P<package>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?-(?P<python>[^-]+)-[^-]+-[^-]+\.whl"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Blender's platform (a key of `PLATFORMS`) and Python version, such as "3.11"."""

    platform: str
    python: str


def all_targets() -> list[Target]:
    """All targets; the optional ones come last."""
    required = [Target(platform=name, python=python) for name in PLATFORMS for python in PYTHONS]
    return required + [Target(platform="linux-x64", python=p) for p in DISTRIBUTION_PYTHONS]


def find_wheel(folder: Path, package: str, target: Target) -> Path | None:
    """The latest wheel of the package in the folder that runs on the target, or None."""
    version = int(target.python.replace(".", ""))
    for path in sorted(folder.glob("*.whl"), key=_age, reverse=True):
        name = _NAME.fullmatch(path.name)
        if name is None or name["package"].lower() != package:
            continue
        if not any(tag in path.name for tag in PLATFORMS[target.platform]):
            continue
        exact = name["python"] == f"cp{version}"
        stable = "-abi3-" in path.name and int(name["python"].removeprefix("cp")) <= version
        if exact or stable:
            return path
    return None


def _age(path: Path) -> tuple[list[int], str]:
    """Orders wheels by the numbers of their versions, of which 1.10 comes after 1.9."""
    name = _NAME.fullmatch(path.name)
    numbers = re.findall(r"\d+", name["version"]) if name else ()
    return [int(number) for number in numbers], path.name


def download_wheels(folder: Path, target: Target) -> None:
    """Downloads the target's wheels with pip if it finds all of them: a part is of no use."""
    platforms = [word for tag in PLATFORMS[target.platform] for word in ("--platform", tag)]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-input",
        "--only-binary=:all:",
        "--python-version",
        target.python,
        *platforms,
        "--dest",
        str(folder),
        *PACKAGES.values(),
    ]
    subprocess.run(command, check=False, capture_output=True)


def collect_wheels(source: Path, destination: Path, *, download: bool) -> dict[str, list[str]]:
    """Copies the wheels of every platform that has them for all Pythons from `source` to
    `destination`; if `download`, missing ones are first downloaded into `source`.

    Returns the names of the wheels by platform. Raises InputError `option.wheels` if no platform
    is complete.
    """
    found: dict[str, list[Path]] = {}
    incomplete: set[str] = set()
    for target in all_targets():
        wheels = [find_wheel(source, package, target) for package in PACKAGES]
        if download and None in wheels:
            download_wheels(source, target)
            wheels = [find_wheel(source, package, target) for package in PACKAGES]
        if None not in wheels:
            found.setdefault(target.platform, []).extend(w for w in wheels if w is not None)
        elif target.python in PYTHONS:
            incomplete.add(target.platform)
    complete = {name: wheels for name, wheels in found.items() if name not in incomplete}
    if not complete:
        raise InputError(
            "option.wheels",
            f"No platform has all its wheels of {' and '.join(PACKAGES)} in {source}.",
            "Let the command download them, or give a folder that has them (--wheels-from).",
        )
    destination.mkdir(parents=True, exist_ok=True)
    for path in {path for wheels in complete.values() for path in wheels}:
        shutil.copyfile(path, destination / path.name)
    return {platform: sorted({p.name for p in wheels}) for platform, wheels in complete.items()}
