# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wheel carries: every module, all data, and what `affekt extension build` needs. It is
listed by hand in pyproject.toml, so it is compared with the tree."""

import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
from affekt.sidecar.extension.archive import INCLUDED, MANIFEST, MANUAL

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("addon", "shared", "sidecar")
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]


def folder_of(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:])


def test_every_folder_of_code_is_a_package_and_no_other() -> None:
    found = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")} | {ROOT}
    assert {folder_of(package) for package in SETUPTOOLS["packages"]} == found
    assert all((folder / "__init__.py").is_file() for folder in found)


def test_all_data_is_listed() -> None:
    listed = {
        path
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for path in folder_of(package).glob(pattern)
    }
    rooms = (path for room in ROOMS for path in (ROOT / room).rglob("*"))
    files = (path for path in rooms if path.is_file() and path.parent.name != "__pycache__")
    data = {path for path in files if path.suffix != ".py"}
    assert data <= listed
    assert not SETUPTOOLS["include-package-data"]


def test_a_wheel_can_build_the_extension(tmp_path: Path) -> None:
    """It holds the extension's files, byte for byte."""
    # Looking for the module itself would import setuptools' hook into this process.
    if not {"setuptools", "pip"} <= {found.name for found in distributions()}:
        pytest.skip("neither pip nor setuptools is installed here")
    copy = tmp_path / "copy"
    for name in ("pyproject.toml", MANIFEST, *MANUAL, *INCLUDED):
        for path in [ROOT / name, *(ROOT / name).rglob("*")]:
            if path.is_file() and path.suffix != ".pyc":
                target = copy / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
    text = (copy / "pyproject.toml").read_text("utf-8")
    for package in SETUPTOOLS["packages"]:  # the sidecar's megabytes are not what is asked here
        if package.startswith("affekt.sidecar"):
            text = text.replace(f'  "{package}",\n', "")
    (copy / "pyproject.toml").write_text(text, "utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q"]
    done = subprocess.run(
        [*command, "-w", str(tmp_path), str(copy)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("affekt-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    for name in (MANIFEST, *INCLUDED):
        for path in [ROOT / name, *(ROOT / name).rglob("*")]:
            if path.is_file() and path.suffix != ".pyc":
                place = f"affekt/{path.relative_to(ROOT).as_posix()}"
                assert held[place] == path.read_bytes()
    pages = {f"affekt/docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert {"affekt/README.md", *pages} <= held.keys()
