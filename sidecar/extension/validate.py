# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own validation of an extension's zip, where a Blender is at hand."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from ...shared.errors import InputError

_VALIDATOR = "addons_core/bl_pkg/cli/blender_ext.py"


def find_validators(blender: Path | None, source: Path) -> list[list[str]]:
    """Command lines that validate a zip when it is appended: of the Blender that was named, else
    of the one on the PATH and of every `bpy` in the source tree's .venv-bpy* environments."""
    if blender is not None:
        return [[str(blender), "--factory-startup", "--command", "extension", "validate"]]
    commands = []
    if (program := shutil.which("blender")) is not None:
        commands.append([program, "--factory-startup", "--command", "extension", "validate"])
    for script in sorted(source.glob(f".venv-bpy*/lib/*/site-packages/bpy/*/scripts/{_VALIDATOR}")):
        commands.append([sys.executable, str(script), "validate"])
    return commands


def validate_zip(path: Path, command: list[str]) -> None:
    """Raises InputError `option.extension` with what Blender says against the zip."""
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
