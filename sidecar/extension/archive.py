# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs Blender's extension into a zip and validates it; the same tree gives the same bytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...shared.errors import InputError
from ..files import not_writable, write_whole

MANIFEST, PROJECT = "blender_manifest.toml", "pyproject.toml"
MANUAL = ("README.md", "docs")
"""What the zip's manual is made of."""
INCLUDED = ("__init__.py", "LICENSE", "addon", "shared")
"""Files and folders of the repository in the zip, beside the manifest and the wheels."""
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_VALIDATOR = "addons_core/bl_pkg/cli/blender_ext.py"


def find_source() -> Path:
    """The root of the source tree of this code.

    Raises InputError `option.source` if it was installed without the add-on's sources.
    """
    root = Path(__file__).resolve().parents[2]
    missing = [
        name for name in (MANIFEST, PROJECT, *MANUAL, *INCLUDED) if not (root / name).exists()
    ]
    if missing:
        raise InputError(
            "option.source",
            f"The add-on's sources are not all here: {', '.join(missing)} is missing in {root}.",
            "Install Affekt anew, or run the command in a clone of its repository.",
        )
    return root


def stage_tree(source: Path, stage: Path, wheels: Mapping[str, Sequence[str]]) -> None:
    """Copies the extension's files to `stage` and writes its manifest.

    wheels: platform -> names of its wheels in `stage`/wheels.
    """
    for name in INCLUDED:
        if (source / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(source / name, stage / name, ignore=ignored)
        else:
            shutil.copyfile(source / name, stage / name)
    text = (source / MANIFEST).read_text(encoding="utf-8")
    (stage / MANIFEST).write_text(complete_manifest(text, wheels), encoding="utf-8")


def complete_manifest(text: str, wheels: Mapping[str, Sequence[str]]) -> str:
    """Adds platforms and wheels to the manifest's text and removes the section [build]."""
    names = sorted({name for group in wheels.values() for name in group})
    lines = [line for line in text.splitlines() if not line.startswith(("platforms", "# "))]
    head, separator, rest = "\n".join(lines).partition("[permissions]")
    permissions = rest.partition("[build]")[0]
    platforms = ", ".join(f'"{name}"' for name in wheels)
    listed = "".join(f'  "./wheels/{name}",\n' for name in names)
    complete = (
        f"{head.rstrip()}\nplatforms = [{platforms}]\nwheels = [\n{listed}]\n\n"
        f"{separator}{permissions.rstrip()}\n"
    )
    tomllib.loads(complete)  # a broken manifest is a bug of ours: fail here, not in Blender
    return complete


def read_version(source: Path) -> str:
    """The version in the manifest."""
    return str(tomllib.loads((source / MANIFEST).read_text(encoding="utf-8"))["version"])


def write_zip(stage: Path, path: Path) -> None:
    """Packs the folder `stage` into a zip at `path`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for item in sorted(p for p in stage.rglob("*") if p.is_file()):
            archive.writestr(zip_entry(item.relative_to(stage).as_posix()), item.read_bytes())


def zip_entry(place: str) -> zipfile.ZipInfo:
    """An entry that tells neither when nor by whom it was made."""
    entry = zipfile.ZipInfo(place, _ZIP_DATE)
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def move_whole(path: Path, folder: Path) -> Path:
    """Moves the finished file atomically into the folder, which is created if it is missing.

    Raises InputError `file.not_writable`.
    """
    target = folder / path.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(target, error) from error
    write_whole(target, path.read_bytes())
    return target


def find_validators(blender: Path | None, source: Path) -> list[list[str]]:
    """Commands that validate a zip whose path is appended: by the given Blender, else by the one on
    PATH and by every `bpy` in the source tree's .venv-bpy* environments."""
    if blender is not None:
        return [[str(blender), "--factory-startup", "--command", "extension", "validate"]]
    commands = []
    if (program := shutil.which("blender")) is not None:
        commands.append([program, "--factory-startup", "--command", "extension", "validate"])
    for script in sorted(source.glob(f".venv-bpy*/lib/*/site-packages/bpy/*/scripts/{_VALIDATOR}")):
        commands.append([sys.executable, str(script), "validate"])
    return commands


def validate_zip(path: Path, command: list[str]) -> None:
    """Runs Blender's validation of the zip.

    Raises InputError `option.extension` with Blender's errors, `option.blender` if it cannot run.
    """
    try:
        done = subprocess.run(
            [*command, str(path)],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=300,
        )
    except OSError as error:
        raise InputError(
            "option.blender",
            f"{command[0]} cannot be run: {error.strerror}.",
            "Give the path of a Blender program.",
        ) from error
    output = done.stdout + done.stderr
    if done.returncode or "Error" in output:
        raise InputError(
            "option.extension",
            f"Blender refuses {path.name}: {output.strip()}",
            "Mend the manifest or the tree and build again.",
        )
