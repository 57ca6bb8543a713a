# SPDX-License-Identifier: GPL-3.0-or-later
"""Which environment counts, and what is removed."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from affekt.addon.setup import environment as places
from affekt.addon.setup.environment import (
    Environment,
    find_python,
    prepare_folder,
    python_of,
    read_environment,
    sweep,
    write_environment,
)
from affekt.shared.connection import RUNTIME_VARIABLE
from affekt.shared.errors import InputError

WHEEL = "ab" * 32


@pytest.fixture(autouse=True)
def own_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, str(tmp_path / "runtime"))


def environment(folder: Path, pid: int, digits: str = "0123ab") -> Environment:
    """An environment that is there, and its record."""
    name = f"environment-{pid}-{digits}"
    python = python_of(folder / name)
    python.parent.mkdir(parents=True)
    python.touch()
    return Environment(folder=name, base=sys.executable, wheel=WHEEL, affekt="0.1.0", device="cpu")


def ended_pid() -> int:
    done = subprocess.Popen([sys.executable, "-S", "-c", ""])
    done.wait()
    return done.pid


def test_the_one_that_is_written_counts(tmp_path: Path) -> None:
    assert read_environment(tmp_path / "none") is None
    first = environment(tmp_path, os.getpid())
    assert find_python(tmp_path) is None
    write_environment(tmp_path, first)
    assert read_environment(tmp_path) == first
    assert find_python(tmp_path) == python_of(tmp_path / first.folder)
    second = environment(tmp_path, os.getpid(), "456789")
    write_environment(tmp_path, second)
    assert read_environment(tmp_path) == second


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"folder": "environment-1-0123ab", "base": "/", "wheel": "a", "affekt": "1"}',
        '{"folder": "../elsewhere", "base": "B", "wheel": "a", "affekt": "1", "device": "cpu"}',
        "x" * 10_000,
    ],
)
def test_a_record_that_is_none(tmp_path: Path, text: str) -> None:
    python = python_of(tmp_path / "elsewhere")
    python.parent.mkdir(parents=True)
    python.touch()
    data = tmp_path / "data"
    data.mkdir()
    (data / places.RECORD).write_text(text.replace('"B"', json.dumps(sys.executable)))
    assert read_environment(data) is None


def test_one_whose_python_is_gone_does_not_count(tmp_path: Path) -> None:
    """As where the Python on which it was based was removed."""
    made = environment(tmp_path, os.getpid())
    write_environment(tmp_path, replace(made, base=str(tmp_path / "an older Blender's python")))
    assert read_environment(tmp_path) is None
    write_environment(tmp_path, made)
    assert read_environment(tmp_path) == made
    python_of(tmp_path / made.folder).unlink()
    assert read_environment(tmp_path) is None


def test_what_is_removed(tmp_path: Path) -> None:
    """Not the one that counts, the new one, or what another living process makes."""
    mine, dead, living = os.getpid(), ended_pid(), os.getppid()
    current = environment(tmp_path, dead, "aaaaaa")
    write_environment(tmp_path, current)
    for pid, digits in ((dead, "bbbbbb"), (mine, "cccccc"), (living, "dddddd"), (mine, "eeeeee")):
        environment(tmp_path, pid, digits)
    (tmp_path / "environment-of-mine").mkdir()
    sweep(tmp_path, keep=f"environment-{mine}-eeeeee")
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith("env")} == {
        current.folder,
        f"environment-{living}-dddddd",
        f"environment-{mine}-eeeeee",
        "environment-of-mine",
    }


def test_nothing_is_removed_while_a_sidecar_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may run in the one that counted before."""
    old = environment(tmp_path, ended_pid())
    monkeypatch.setattr(places, "_runs_a_sidecar", lambda _: True)
    sweep(tmp_path)
    assert (tmp_path / old.folder).is_dir()
    monkeypatch.undo()
    sweep(tmp_path)
    assert not (tmp_path / old.folder).exists()


def test_a_running_sidecar_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from affekt.shared.connection import Connection, write_connection
    from zmq.utils import z85

    key = z85.encode(bytes(32)).decode()
    for pid, runs in ((os.getpid(), True), (ended_pid(), False)):
        told = Connection(
            endpoint="tcp://127.0.0.1:5000",
            server_public_key=key,
            client_public_key=key,
            client_secret_key=key,
            pid=pid,
            protocol=(3, 5),
            affekt="0.1.0",
        )
        write_connection(told, tmp_path / "run" / "blender-7")
        assert places._runs_a_sidecar(tmp_path / "run") == runs


def test_a_new_environment_is_not_there_yet(tmp_path: Path) -> None:
    new = prepare_folder(tmp_path / "Jürgen Müller" / "affekt", 1)
    assert new.parent == tmp_path / "Jürgen Müller" / "affekt"
    assert new.name.startswith(f"environment-{os.getpid()}-")
    assert read_environment(new.parent) is None


def test_a_full_disk_is_said_before(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="GB free, and the sidecar needs 1000000") as caught:
        prepare_folder(tmp_path / "data", 10**24)
    assert caught.value.code == "setup.disk"
    assert list((tmp_path / "data").iterdir()) == []


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="a file is where a folder should be") as caught:
        prepare_folder(tmp_path / "file" / "data", 1)
    assert caught.value.code == "setup.folder"
    with pytest.raises(InputError) as caught:
        write_environment(tmp_path / "gone", environment(tmp_path, 1))
    assert caught.value.code == "setup.folder"


def test_the_record_is_plain_json(tmp_path: Path) -> None:
    made = environment(tmp_path, 7, "00ff00")
    write_environment(tmp_path, replace(made, base="/usr/bin/python3"))
    assert json.loads((tmp_path / places.RECORD).read_text("utf-8")) == {
        "folder": "environment-7-00ff00",
        "base": "/usr/bin/python3",
        "wheel": WHEEL,
        "affekt": "0.1.0",
        "device": "cpu",
    }


def test_the_newest_python_that_was_brought_comes_first(tmp_path: Path) -> None:
    """By its numbers: as texts, 3.9 would come before 3.13."""
    inside = "python.exe" if sys.platform == "win32" else "bin/python3"
    versions = ("3.9.2", "3.13.11", "3.12.13", "3.13.9")
    for version in versions:
        path = tmp_path / places.BROUGHT / f"cpython-{version}-some-machine" / inside
        path.parent.mkdir(parents=True)
        path.touch()
    found = [
        str(path.relative_to(tmp_path / "python")) for path in places.brought_pythons(tmp_path)
    ]
    assert [name.split("-")[1] for name in found] == ["3.13.11", "3.13.9", "3.12.13", "3.9.2"]
