# SPDX-License-Identifier: GPL-3.0-or-later
"""Sidecars: one that answers, one that has ended, one that hangs; and what was left behind."""

from __future__ import annotations

import json
import os
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from affekt.shared.client import Client
from affekt.shared.connection import FILE_NAME, Connection, write_connection
from affekt.shared.messages import Status
from affekt.sidecar.doctor import running
from fakes.link import running_server, wait_for
from fakes.machine import make_machine

GONE = 999_999_999
SAMPLE = Connection(
    endpoint="tcp://127.0.0.1:1",
    server_public_key="a" * 40,
    client_public_key="b" * 40,
    client_secret_key="c" * 40,
    pid=GONE,
    protocol=(3, 0),
    affekt="0.1.0",
)
posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no mode bits")


def test_none(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    assert running.runtime_folders(machine) == [machine.runtime_folder]
    finding = running.check_sidecar(machine, machine.runtime_folder)
    assert running.sidecar_name(machine.runtime_folder) == "sidecar"
    assert (finding.state, finding.detail) == ("ok", "not running")


def test_one_that_answers(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, alive=[os.getpid()])
    with running_server(tmp_path) as link:
        with Client.connect(link.connection) as client:
            wait_for(lambda: client.status().worker == "ready", "the worker")
            finding = running.check_sidecar(machine, tmp_path / "run")
        assert running.running_sidecars(machine) == [link.connection]
    first, second = finding.detail.splitlines()
    begin = f"process {os.getpid()}, Affekt 0.1.0, protocol 3.12, answers in "
    assert finding.state == "ok"
    assert first.startswith(begin)
    assert float(first.removeprefix(begin).split()[0]) < 1000
    assert re.fullmatch(
        r"worker ready on \w+, 1 other clients, 0 jobs, \d+ MB of memory, up for \d+ s", second
    )


def test_one_whose_worker_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = Status(
        uptime_s=61.4,
        worker="failed",
        worker_restarts=5,
        device="cpu",
        clients=1,
        jobs=0,
        cache_bytes=0,
        cache_limit_bytes=1,
        memory_bytes=50_000_000,
    )
    monkeypatch.setattr(Client, "status", lambda *_, **__: failed)
    machine = make_machine(tmp_path, alive=[os.getpid()])
    with running_server(tmp_path):
        (tmp_path / "run" / "sidecar.log").touch()
        finding = running.check_sidecar(machine, tmp_path / "run")
    assert finding.state == "warn"
    assert finding.detail.splitlines()[1] == (
        "worker failed after 5 restarts, 0 other clients, 0 jobs, 50 MB of memory, up for 61 s"
    )
    assert finding.remedy == (
        f"Start the sidecar again; its log is {tmp_path / 'run' / 'sidecar.log'}"
    )


def test_one_that_has_ended(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    path = write_connection(SAMPLE, tmp_path / "run")
    finding = running.check_sidecar(machine, tmp_path / "run")
    assert finding.state == "warn"
    assert finding.detail == f"process {GONE} has ended and left its connection file"
    assert finding.remedy == f"rm {path}"


def test_one_that_hangs(tmp_path: Path) -> None:
    """A process that listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        write_connection(replace(SAMPLE, endpoint=endpoint, pid=os.getpid()), tmp_path / "run")
        machine = make_machine(tmp_path, alive=[os.getpid()], patience_s=0.3)
        finding = running.check_sidecar(machine, tmp_path / "run")
    assert finding.state == "warn"
    assert finding.detail.startswith(f"process {os.getpid()} is there and does not answer: ")
    assert finding.remedy == (
        f"If process {os.getpid()} is Affekt's, end it: kill -9 {os.getpid()}\n"
        f"If it is another: rm {tmp_path / 'run' / 'sidecar.json'}"
    )


@posix
@pytest.mark.parametrize(
    ("change", "mode", "detail"),
    [
        ({"protocol": [1, 0]}, 0o600, "they do not understand each other"),
        ({"client_secret_key": "short"}, 0o600, "its client_secret_key is no key"),
        ({}, 0o644, "others may read it"),
    ],
)
def test_files_that_cannot_be_used(
    tmp_path: Path, change: dict[str, object], mode: int, detail: str
) -> None:
    path = write_connection(SAMPLE, tmp_path / "run")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    path.chmod(mode)
    finding = running.check_sidecar(make_machine(tmp_path), tmp_path / "run")
    assert finding.state == "warn"
    assert detail in finding.detail
    assert finding.remedy


def test_those_of_blenders_have_a_finding_each(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, alive=[11])
    for name in ("blender-11", "blender-22", "blender-x", "other"):
        write_connection(SAMPLE, tmp_path / "run" / name)
    (tmp_path / "run" / "blender-33").mkdir()  # it holds an old log at most
    folders = running.runtime_folders(machine)
    assert [folder.name for folder in folders] == ["run", "blender-11", "blender-22"]
    assert running.sidecar_name(folders[1]) == "sidecar of Blender 11"


def orphans(folder: Path, count: int) -> list[Path]:
    """Shared memory of a process that has ended."""
    folder.mkdir()
    paths = [folder / f"affekt-{GONE}-{number:016x}" for number in range(count)]
    for path in paths:
        path.touch(mode=0o600)
    return paths


def test_leftovers(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, alive=[11])
    assert running.check_leftovers(machine).detail == "none"
    for name in ("blender-11", "blender-22"):  # the second has ended: its log may be wanted
        (tmp_path / "run" / name).mkdir(parents=True)
    paths = orphans(tmp_path / "shm", 2)
    (tmp_path / "shm" / f"affekt-{os.getpid()}-{'0' * 16}").touch(mode=0o600)
    finding = running.check_leftovers(machine)
    assert finding.state == "warn"
    assert finding.detail.endswith(": " + ", ".join(map(str, paths)))
    assert finding.remedy == f"rm {' '.join(map(str, paths))}"


def test_many_leftovers_are_not_all_named(tmp_path: Path) -> None:
    orphans(tmp_path / "shm", 9)
    finding = running.check_leftovers(make_machine(tmp_path))
    assert finding.detail.endswith(f"{4:016x} and 4 more")


def test_as_many_leftovers_as_are_named(tmp_path: Path) -> None:
    """The line removes those that are named, and no others."""
    paths = orphans(tmp_path / "shm", 6)
    machine = make_machine(tmp_path)
    six = running.check_leftovers(machine)
    assert six.detail == (
        f"shared memory of processes that have ended: {', '.join(map(str, paths[:5]))} and 1 more"
    )
    assert six.remedy == f"rm {' '.join(map(str, paths[:5]))}"
    paths[0].unlink()
    five = running.check_leftovers(machine)
    assert five.detail.endswith(f": {', '.join(map(str, paths[1:]))}")


def test_the_log_of_one_that_hangs_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        write_connection(replace(SAMPLE, endpoint=endpoint, pid=os.getpid()), tmp_path / "run")
        (tmp_path / "run" / "sidecar.log").touch()
        machine = make_machine(tmp_path, alive=[os.getpid()], patience_s=0.2)
        finding = running.check_sidecar(machine, tmp_path / "run")
    ends = finding.remedy.splitlines()[0]
    assert ends.endswith(f"kill -9 {os.getpid()}; its log is {tmp_path / 'run' / 'sidecar.log'}")


def test_the_file_is_named_as_the_link_names_it(tmp_path: Path) -> None:
    assert write_connection(SAMPLE, tmp_path).name == FILE_NAME
