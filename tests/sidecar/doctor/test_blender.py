# SPDX-License-Identifier: GPL-3.0-or-later
"""Blenders are found where people have them, and one that hangs stops nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from affekt.sidecar.doctor import blender
from affekt.sidecar.doctor.machine import Machine, Ran
from fakes.machine import make_machine

ROOT = Path(__file__).resolve().parents[3]
GET = "Install Blender 4.2 or newer from https://www.blender.org/download/"
NEW = Ran(code=0, text="Read prefs: x\nBlender 4.2.3 LTS\n\tbuild date: 2024-10-14\n")
OLD = Ran(code=0, text="Blender 3.6.1\n")
HANGS = Ran(code=None, text="it did not answer in 10 s")


usual_places = blender.usual_places


@pytest.fixture(autouse=True)
def _only_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own Blenders are not the test's."""

    def at_home(system: str, home: Path, environment: Mapping[str, str]) -> list[str]:
        return [p for p in usual_places(system, home, environment) if p.startswith(str(home))]

    monkeypatch.setattr(blender, "usual_places", at_home)


def with_home(machine: Machine, *places: str) -> Machine:
    for place in places:
        path = machine.home / place
        path.parent.mkdir(parents=True)
        path.touch(mode=0o755)
    return machine


def test_the_oldest_is_that_of_the_manifest() -> None:
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    oldest = tuple(map(int, manifest["blender_version_min"].split(".")))[:2]
    assert oldest == blender.OLDEST
    assert f"{oldest[0]}.{oldest[1]}" in GET


def test_none(tmp_path: Path) -> None:
    finding = blender.check_blender(make_machine(tmp_path))
    assert (finding.state, finding.remedy) == ("warn", GET)
    assert finding.detail == "none on PATH nor in the usual places"


def test_on_path_and_in_homes(tmp_path: Path) -> None:
    where = with_home(
        make_machine(tmp_path, programs={"blender": NEW}),
        "Downloads/blender-4.2.3-linux-x64/blender",
        "blender-4.5/blender",
    )
    finding = blender.check_blender(where)
    assert finding.state == "ok"
    assert finding.detail == "\n".join(
        f"4.2.3 LTS, {program}"
        for program in (
            "/bin/blender",
            where.home / "blender-4.5/blender",
            where.home / "Downloads/blender-4.2.3-linux-x64/blender",
        )
    )


def test_one_program_by_two_names_is_one(tmp_path: Path) -> None:
    where = with_home(make_machine(tmp_path), "blender-4.2/blender")
    (where.home / "blender-now").symlink_to(where.home / "blender-4.2")
    assert len(blender.find_blenders(where)) == 1


def test_too_old_broken_and_hanging(tmp_path: Path) -> None:
    for ran, said in (
        (OLD, "3.6.1 (Affekt needs 4.2), /bin/blender"),
        (HANGS, "it did not answer in 10 s, /bin/blender"),
        (Ran(code=127, text="libX11.so.6"), "ends with code 127, says no version, /bin/blender"),
        (Ran(code=0, text="Hello"), "ends with code 0, says no version, /bin/blender"),
    ):
        finding = blender.check_blender(make_machine(tmp_path, programs={"blender": ran}))
        assert (finding.state, finding.detail, finding.remedy) == ("warn", said, GET)


def test_bpy_counts(tmp_path: Path) -> None:
    finding = blender.check_blender(make_machine(tmp_path, versions={"bpy": "5.2.0"}))
    assert (finding.state, finding.detail) == ("ok", "5.2.0 as `bpy` in this Python")


def test_not_more_than_a_few(tmp_path: Path) -> None:
    where = make_machine(tmp_path)
    with_home(where, *(f"blender-{number:02}/blender" for number in range(30)))
    assert len(blender.find_blenders(where)) == 8


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_every_system_has_usual_places(system: str) -> None:
    environment = {"ProgramFiles": "C:/Program Files"} if system == "win32" else {}
    places = usual_places(system, Path("/home/[me]"), environment)
    assert places
    programs = [place.lower().rpartition("/")[2] for place in places]
    assert all(name.startswith(("blender", "org.blender")) for name in programs)
    assert not [place for place in places if "/home/[me]" in place]  # a pattern's brackets


def test_of_several_in_one_place_the_newest_is_first(tmp_path: Path) -> None:
    where = with_home(
        make_machine(tmp_path), "blender-4.2/blender", "blender-4.5/blender", "blender-3.6/blender"
    )
    names = [Path(program).parent.name for program in blender.find_blenders(where)]
    assert names == ["blender-4.5", "blender-4.2", "blender-3.6"]


def test_the_usual_places_of_a_mac_and_of_windows() -> None:
    program = "/Applications/Blender*.app/Contents/MacOS/Blender"
    assert usual_places("darwin", Path("/Users/me"), {}) == [program, f"/Users/me{program}"]
    both = {"ProgramFiles": "C:/P", "ProgramFiles(x86)": "C:/P86"}
    assert usual_places("win32", Path("C:/Users/me"), both) == [
        "C:/P/Blender Foundation/Blender */blender.exe",
        "C:/P/Steam/steamapps/common/Blender/blender.exe",
        "C:/P86/Blender Foundation/Blender */blender.exe",
        "C:/P86/Steam/steamapps/common/Blender/blender.exe",
    ]
    assert usual_places("win32", Path("C:/Users/me"), {}) == []
    linux = usual_places("linux", Path("/home/me"), {})
    assert {"/opt/blender*/blender", "/home/me/blender*/blender", "/snap/bin/blender"} <= set(linux)


def test_one_new_among_old_ones_will_do(tmp_path: Path) -> None:
    where = with_home(make_machine(tmp_path, programs={"blender": OLD}), "blender-9/blender")
    answers = {"/bin/blender": OLD, str(where.home / "blender-9/blender"): NEW}
    finding = blender.check_blender(replace(where, run=lambda command, _: answers[command[0]]))
    assert finding.state == "ok"
    exact = Ran(code=0, text="Blender 4.2.0\n")
    assert blender.check_blender(make_machine(tmp_path, programs={"blender": exact})).state == "ok"
    newer = Ran(code=0, text="Blender 5.0.0\n")
    assert blender.check_blender(make_machine(tmp_path, programs={"blender": newer})).state == "ok"
