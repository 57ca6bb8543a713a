# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheel of Affekt itself, which the extension carries: its button installs the sidecar from it.

A wheel is a zip of the packages and of what `pyproject.toml` says about them. It is written here
rather than by setuptools, which a user need not have: from a clone as from an installed wheel, and
the same tree gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .archive import PROJECT, zip_entry

Files = dict[str, bytes]
"""Path in the wheel -> bytes."""


def write_wheel(source: Path, folder: Path) -> Path:
    """Writes the wheel of the source tree into the folder; its path."""
    project = tomllib.loads((source / PROJECT).read_text(encoding="utf-8"))
    name, version = project["project"]["name"], project["project"]["version"]
    files = dict(_packages(source, project["tool"]["setuptools"]))
    about = f"{name}-{version}.dist-info"
    files[f"{about}/METADATA"] = _metadata(project["project"]).encode()
    files[f"{about}/WHEEL"] = _WHEEL.encode()
    files[f"{about}/entry_points.txt"] = _entry_points(project["project"]["scripts"]).encode()
    files[f"{about}/licenses/LICENSE"] = (source / "LICENSE").read_bytes()
    files[f"{about}/RECORD"] = _record(files, f"{about}/RECORD").encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for place, data in files.items():
            archive.writestr(zip_entry(place), data)
    return path


_WHEEL = "Wheel-Version: 1.0\nGenerator: affekt\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _packages(source: Path, setuptools: Mapping[str, object]) -> Iterator[tuple[str, bytes]]:
    """What setuptools would take: each listed package's modules and listed data."""
    packages, data = setuptools["packages"], setuptools["package-data"]
    assert isinstance(packages, list)
    assert isinstance(data, dict)
    for package in packages:
        folder = source.joinpath(*package.split(".")[1:])
        found = {
            path for pattern in ("*.py", *data.get(package, ())) for path in folder.glob(pattern)
        }
        for path in sorted(path for path in found if path.is_file()):
            place = "/".join((*package.split("."), path.relative_to(folder).as_posix()))
            yield place, path.read_bytes()


def _metadata(project: Mapping[str, object]) -> str:
    """Of the oldest version that has all we say, so that every pip reads it."""
    lines = [f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}"]
    lines.append(f"Summary: {project['description']}\nLicense: {project['license']}")
    lines.append(f"Requires-Python: {project['requires-python']}")
    needed, extras = project["dependencies"], project["optional-dependencies"]
    assert isinstance(needed, list)
    assert isinstance(extras, dict)
    lines += [f"Requires-Dist: {line}" for line in needed]
    for extra, wanted in extras.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {line}; extra == "{extra}"' for line in wanted]
    return "\n".join(lines) + "\n"


def _entry_points(scripts: Mapping[str, str]) -> str:
    listed = "".join(f"{name} = {place}\n" for name, place in scripts.items())
    return f"[console_scripts]\n{listed}"


def _record(files: Files, own: str) -> str:
    """The list of all files with their hashes; of itself it has none."""
    lines = []
    for place, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{place},sha256={digest},{len(data)}")
    return "\n".join([*lines, f"{own},,"]) + "\n"
