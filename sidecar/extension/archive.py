# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's tree and its zip: the same tree gives the same bytes."""

from __future__ import annotations

import shutil
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...shared.errors import InputError
from ...shared.replacement import replace_file

MANIFEST = "blender_manifest.toml"
INCLUDED = ("__init__.py", "LICENSE", "addon", "shared")
"""What Blender needs of the repository, beside the manifest and the wheels."""
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def find_source() -> Path:
    """The root of the source tree that this code lies in.

    Raises InputError `option.source` when it was installed without the add-on's sources.
    """
    root = Path(__file__).resolve().parents[2]
    missing = [name for name in (MANIFEST, *INCLUDED) if not (root / name).exists()]
    if missing:
        raise InputError(
            "option.source",
            f"The add-on's sources are not all here: {', '.join(missing)} is missing in {root}.",
            "Run the command in a clone of Affekt's repository (pip install -e .).",
        )
    return root


def stage_tree(source: Path, stage: Path, wheels: Mapping[str, Sequence[str]]) -> None:
    """Copies what Blender needs to `stage`, and writes the manifest with the wheels by platform
    that lie in `stage`/wheels."""
    for name in INCLUDED:
        if (source / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(source / name, stage / name, ignore=ignored)
        else:
            shutil.copyfile(source / name, stage / name)
    text = (source / MANIFEST).read_text(encoding="utf-8")
    (stage / MANIFEST).write_text(complete_manifest(text, wheels), encoding="utf-8")


def complete_manifest(text: str, wheels: Mapping[str, Sequence[str]]) -> str:
    """The manifest with the platforms that have wheels, the wheels, and without [build]."""
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
    return str(tomllib.loads((source / MANIFEST).read_text(encoding="utf-8"))["version"])


def write_zip(stage: Path, path: Path) -> None:
    """Packs the staged tree."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for item in sorted(p for p in stage.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(item.relative_to(stage).as_posix(), _ZIP_DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, item.read_bytes())


def move_whole(path: Path, folder: Path) -> Path:
    """Moves the finished file into the folder; under its name it is there whole or not at all.

    Raises InputError `file.not_writable`.
    """
    target = folder / path.name
    partial = folder / f"{path.name}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, partial)
        replace_file(partial, target)
    except OSError as error:
        raise InputError(
            "file.not_writable",
            f"{target} cannot be written: {error.strerror}.",
            "Choose another folder with --out.",
        ) from error
    return target
