# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Pythons are found, and why some will not do."""

import json
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from affekt.addon.setup import pythons
from affekt.addon.setup.pythons import Surroundings, ask_python, candidates, choose_python
from affekt.shared.errors import InputError
from fakes.set_up import ANSWER, fake_python

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts are no programs there")


def around(home: Path, *named: Path, own: str = "") -> Surroundings:
    """A machine with these Pythons on its PATH and nothing else."""
    by_name = {path.name: str(path) for path in named}
    return Surroundings(system="linux", environment={}, home=home, which=by_name.get, own=own)


@pytest.fixture(autouse=True)
def no_usual_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pythons, "_usual_places", lambda *_: iter(()))


def other(folder: Path, name: str, **told: object) -> Path:
    """A Python that answers otherwise."""
    answer = json.dumps({**ANSWER, "path": str(folder / name), **told})
    return fake_python(folder, name=name, question=([answer], 0))


def test_this_python_will_do() -> None:
    found = ask_python([sys.executable])
    assert found.why_not == ""
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    assert ask_python([str(found.path)]) == found


def test_the_versions_are_those_of_the_project() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    low, high = pythons.OLDEST, pythons.TOO_NEW
    assert wanted["requires-python"] == f">={low[0]}.{low[1]},<{high[0]}.{high[1]}"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"version": [3, 10, 2]}, "it is Python 3.10, and 3.11, 3.12 or 3.13 is needed"),
        ({"version": [3, 14, 0]}, "it is Python 3.14, and 3.11, 3.12 or 3.13 is needed"),
        ({"bits": 32}, "it is a Python of 32 bits"),
        ({"system": "darwin"}, "it is a Python for Intel Macs"),
        ({"is_threaded": True}, "without the global lock"),
        ({"lacks": ["venv", "ensurepip"]}, "it lacks venv and ensurepip"),
        ({"system": "darwin", "machine": "arm64"}, ""),
    ],
)
def test_why_a_python_will_not_do(tmp_path: Path, told: dict, reason: str) -> None:
    why_not = ask_python([str(other(tmp_path, "python3", **told))]).why_not
    assert reason in why_not
    assert bool(why_not) == bool(reason)


@pytest.mark.parametrize(
    ("lines", "code", "reason"),
    [
        (["Python was not found; run without arguments to install"], 9, "it does not start"),
        (["no JSON"], 0, "it is no Python"),
        (["[]"], 0, "it does not start"),
    ],
)
def test_what_is_no_python(tmp_path: Path, lines: list[str], code: int, reason: str) -> None:
    assert ask_python([str(fake_python(tmp_path, question=(lines, code)))]).why_not == reason


def test_a_python_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pythons, "_PATIENCE_S", 0.2)
    assert (
        "does not answer" in ask_python([str(fake_python(tmp_path, question=([], "hang")))]).why_not
    )


def test_the_first_that_will_do_is_taken_and_blenders_own_is_the_last(tmp_path: Path) -> None:
    old = other(tmp_path / "a", "python3", version=[3, 9, 2])
    good, own = fake_python(tmp_path / "b", name="python"), fake_python(tmp_path / "c")
    assert choose_python(None, around(tmp_path, old, good, own=str(own))).path == good
    assert choose_python(None, around(tmp_path, old, own=str(own))).path == own
    brought = fake_python(tmp_path / "d")
    before_own = replace(around(tmp_path, old, own=str(own)), brought=(brought,))
    assert choose_python(None, before_own).path == brought
    with pytest.raises(InputError) as caught:
        choose_python(None, around(tmp_path, old))
    assert caught.value.code == "setup.no_python"
    assert f"{old}: it is Python 3.9" in caught.value.message
    with pytest.raises(InputError) as caught:
        choose_python(None, around(tmp_path))
    assert caught.value.message == "No Python was found on which the sidecar can run."


def test_one_python_of_several_names_is_told_once(tmp_path: Path) -> None:
    real = fake_python(tmp_path, name="python3")
    (tmp_path / "python").symlink_to(real)
    found = pythons.find_pythons(around(tmp_path, real, tmp_path / "python"))
    assert [python.path for python in found] == [real]


def test_a_given_python_counts_alone(tmp_path: Path) -> None:
    good, old = fake_python(tmp_path / "a"), other(tmp_path / "b", "python3", version=[3, 8, 0])
    assert choose_python(good, around(tmp_path)).path == good
    for given in (old, tmp_path / "gone"):
        with pytest.raises(InputError) as caught:
            choose_python(given, around(tmp_path, good))
        assert caught.value.code == "setup.python"
        assert str(given) in caught.value.message


def test_the_launcher_of_windows_is_asked_first() -> None:
    which = {"py": "C:/py.exe", "python": "C:/python.exe"}.get
    told = list(
        candidates(Surroundings(system="win32", environment={}, which=which, own="own.exe"))
    )
    assert told == [
        ["C:/py.exe", "-3.12"],
        ["C:/py.exe", "-3.13"],
        ["C:/py.exe", "-3.11"],
        ["C:/python.exe"],
        ["own.exe"],
    ]


@pytest.mark.parametrize(
    ("system", "place"),
    [
        ("linux", ".local/share/uv/python/cpython-3.12.7-linux/bin/python3"),
        ("darwin", ".pyenv/versions/3.13.0/bin/python3"),
        ("win32", "Roaming/uv/python/cpython-3.11.9-windows/python.exe"),
        ("win32", "Local/Programs/Python/Python312/python.exe"),
    ],
)
def test_usual_places(
    tmp_path: Path, system: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.touch()
    variables = {"APPDATA": str(tmp_path / "Roaming"), "LOCALAPPDATA": str(tmp_path / "Local")}
    here = Surroundings(
        system=system, environment=variables, home=tmp_path, which=lambda _: None, own=""
    )
    assert [str(path)] in list(candidates(here))


def test_the_newest_of_one_version_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its last number's value; another version, which is looked for later, comes later."""
    monkeypatch.undo()
    versions = tmp_path / ".pyenv" / "versions"
    for version in ("3.12.9", "3.12.10", "3.13.1", "3.12.2", "3.10.4"):
        path = versions / version / "bin" / "python3"
        path.parent.mkdir(parents=True)
        path.touch()
    here = Surroundings(system="linux", environment={}, home=tmp_path, which=lambda _: None, own="")
    found = [Path(path).relative_to(versions).parts[0]
             for (path,) in candidates(here) if path.startswith(str(versions))]  # fmt: skip
    assert found == ["3.12.10", "3.12.9", "3.12.2", "3.13.1"]
