# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidecar's wheel inside the extension: it holds what setuptools would put in, and pip can
install it."""

import base64
import csv
import hashlib
import importlib.metadata
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from affekt.addon.setup.plan import find_wheel
from affekt.sidecar.extension.archive import PROJECT
from affekt.sidecar.extension.own_wheel import write_wheel

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheel(ROOT, tmp_path_factory.mktemp("extension") / "sidecar_wheel")


def test_every_file_of_the_packages_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    for name in (
        "sidecar/cli.py",
        "addon/setup/plan.py",
        "sidecar/assets/demo/take.npz",
        "sidecar/assets/demo/take.wav",
        "LICENSE",
    ):
        assert held[f"affekt/{name}"] == (ROOT / name).read_bytes()
    assert held[f"affekt/{PROJECT}"] == (ROOT / PROJECT).read_bytes()  # it can build the extension
    code = {path for room in ("addon", "shared", "sidecar") for path in (ROOT / room).rglob("*.py")}
    assert {f"affekt/{path.relative_to(ROOT).as_posix()}" for path in code} <= held.keys()
    assert not [name for name in held if "tests/" in name or "__pycache__" in name]


def test_its_record_is_true(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (place,) = [name for name in archive.namelist() if name.endswith("/RECORD")]
        rows = list(csv.reader(archive.read(place).decode().splitlines()))
        assert {row[0] for row in rows} == set(archive.namelist())
        assert rows[-1] == [place, "", ""]
        for name, digest, size in rows:
            data = archive.read(name)
            expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            assert name == place or (digest, size) == (f"sha256={expected}", str(len(data)))


def test_it_says_what_the_project_says(wheel: Path) -> None:
    project = tomllib.loads((ROOT / PROJECT).read_text("utf-8"))["project"]
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(wheel.parent / "unpacked")
    (told,) = importlib.metadata.distributions(path=[str(wheel.parent / "unpacked")])
    assert (told.name, told.version) == (project["name"], project["version"])
    assert told.metadata["Requires-Python"] == project["requires-python"]
    assert told.metadata["Summary"] == project["description"]
    assert told.metadata["License"] == project["license"]
    assert told.metadata["Metadata-Version"] == "2.1"
    extras = project["optional-dependencies"]
    assert told.metadata.get_all("Provides-Extra") == list(extras)
    wanted = [f'{line}; extra == "{extra}"' for extra, lines in extras.items() for line in lines]
    assert told.requires == [*project["dependencies"], *wanted]
    (script,) = told.entry_points
    assert (script.name, script.value) == ("affekt", project["scripts"]["affekt"])
    torch = find_wheel(wheel.parents[1]).torch
    assert torch in extras["sidecar"]


def test_the_same_tree_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    assert write_wheel(ROOT, tmp_path).read_bytes() == wheel.read_bytes()


def test_pip_installs_it(wheel: Path, tmp_path: Path) -> None:
    """From a folder with a space and an umlaut, as set-up does."""
    folder = tmp_path / "Jürgen Müller"
    folder.mkdir()
    (folder / wheel.name).write_bytes(wheel.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "-q"]
    command += ["--no-compile", f"--target={folder / 'there'}", f"./{wheel.name}[sidecar]"]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    assert (folder / "there" / "affekt" / "sidecar" / "__main__.py").is_file()
    assert (folder / "there" / "bin" / "affekt").is_file() or sys.platform == "win32"
