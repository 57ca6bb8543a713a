# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders, their rights and room, loopback and variables: every state."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from pathlib import Path

import pytest
from affekt.sidecar.doctor import places
from affekt.sidecar.doctor.report import Finding
from fakes.machine import make_machine

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no mode bits")
OWN = "Set AFFEKT_RUNTIME_DIR to a folder of your own"
ELSEWHERE = "Set AFFEKT_CACHE_DIR to a folder on another disk"


def said(finding: Finding) -> tuple[str, str, str]:
    return finding.state, finding.detail, finding.remedy


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a disk that is mounted read-only; tests may run as root, whom rights do not stop."""

    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(os, "access", lambda *_: False)


@posix
def test_runtime_folder(tmp_path: Path) -> None:
    machine, folder = make_machine(tmp_path), tmp_path / "run"
    assert said(places.check_runtime_folder(machine)) == (
        "ok",
        f"{folder} will be made when a sidecar starts",
        "",
    )
    folder.mkdir(mode=0o755)
    assert said(places.check_runtime_folder(machine)) == (
        "warn",
        f"{folder} is open to others (mode 755)",
        f"chmod 700 {folder}",
    )
    folder.chmod(0o700)
    path = folder / "blender-7" / "sidecar.json"
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    assert said(places.check_runtime_folder(machine)) == ("ok", f"{folder}, yours alone", "")
    path.chmod(0o640)
    assert said(places.check_runtime_folder(machine)) == (
        "warn",
        f"{path} is open to others (mode 640)",
        f"chmod 600 {path}",
    )


@pytest.mark.usefixtures("read_only")
def test_runtime_folder_that_is_read_only(tmp_path: Path) -> None:
    machine, folder = make_machine(tmp_path), tmp_path / "run"
    assert said(places.check_runtime_folder(machine)) == (
        "missing",
        f"{folder} is not there, and {tmp_path} is not writable",
        OWN,
    )
    folder.mkdir()
    assert said(places.check_runtime_folder(machine)) == (
        "missing",
        f"{folder} is not writable (Read-only file system)",
        OWN,
    )


@posix
def test_another_users_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    assert said(places.check_runtime_folder(make_machine(tmp_path))) == (
        "missing",
        f"{tmp_path / 'run'} belongs to another user",
        OWN,
    )


@posix
def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, folder = make_machine(tmp_path), tmp_path / "keys"
    assert said(places.check_keys(machine)) == (
        "ok",
        "none; only `affekt serve --remote` needs them",
        "",
    )
    folder.mkdir(mode=0o700)
    (folder / "server.json").touch(mode=0o600)
    assert said(places.check_keys(machine)) == ("ok", f"{folder}, yours alone", "")
    (folder / "server.json").chmod(0o604)
    assert said(places.check_keys(machine)) == (
        "warn",
        f"{folder / 'server.json'} is open to others (mode 604)",
        f"chmod 600 {folder / 'server.json'}",
    )
    folder.chmod(0o750)
    assert places.check_keys(machine).remedy == f"chmod 700 {folder}"
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    assert said(places.check_keys(machine)) == (
        "warn",
        f"{folder} belongs to another user",
        "Set AFFEKT_KEYS_DIR to a folder of your own",
    )


def test_cache(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    empty = places.check_cache(make_machine(tmp_path))
    assert said(empty) == ("ok", f"{folder}, 0.00 of 20 GB; 50.0 GB free on its disk", "")
    folder.mkdir(mode=0o755, exist_ok=True)
    (folder / "theirs").touch()
    folder.chmod(0o755)
    assert said(places.check_cache(make_machine(tmp_path)))[0] == "missing"
    folder.chmod(0o700)
    (folder / "users" / "local" / "chunks").mkdir(parents=True)
    (folder / "users" / "local" / "chunks" / "file").write_bytes(bytes(25_000_000))
    assert "0.03 of 20 GB;" in places.check_cache(make_machine(tmp_path)).detail
    full = make_machine(tmp_path, free_bytes=lambda _: 500_000_000)
    assert said(places.check_cache(full)) == (
        "warn",
        f"{folder}, 0.03 of 20 GB; 0.5 GB free on its disk",
        ELSEWHERE,
    )


@pytest.mark.usefixtures("read_only")
def test_cache_that_is_read_only(tmp_path: Path) -> None:
    assert said(places.check_cache(make_machine(tmp_path))) == (
        "missing",
        f"{tmp_path} is not writable (Read-only file system)",
        ELSEWHERE,
    )


def test_shared_memory(tmp_path: Path) -> None:
    folder = tmp_path / "shm"
    machine = make_machine(tmp_path)
    assert said(places.check_shared_memory(machine)) == ("ok", f"{folder}, 50.0 GB free", "")
    small = make_machine(tmp_path, free_bytes=lambda _: 1_000_000)
    assert said(places.check_shared_memory(small)) == (
        "warn",
        f"{folder} has 1 MB free of 17 MB; previews are a little slower without it",
        "Make room in it; in a container: --shm-size=256m",
    )


@pytest.mark.usefixtures("read_only")
def test_shared_memory_that_is_read_only(tmp_path: Path) -> None:
    finding = places.check_shared_memory(make_machine(tmp_path))
    assert finding.state == "warn"
    assert finding.remedy == f"chmod 1777 {tmp_path / 'shm'}"


def test_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert places.check_loopback(make_machine(tmp_path)).state == "ok"

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(socket, "create_server", refuse)
    assert said(places.check_loopback(make_machine(tmp_path))) == (
        "missing",
        "programs here cannot talk to each other on 127.0.0.1 (Operation not permitted)",
        "Allow /env/bin/python to listen on 127.0.0.1 in the firewall or sandbox",
    )


def test_environment(tmp_path: Path) -> None:
    assert places.check_environment(make_machine(tmp_path)).detail == "no AFFEKT_ variables"
    some = {"AFFEKT_CACHE_DIR": "/c", "AFFEKT_SECRET": "hush", "OMP_NUM_THREADS": "1", "HOME": "/"}
    finding = places.check_environment(make_machine(tmp_path, environment=some))
    assert said(finding) == ("ok", "AFFEKT_CACHE_DIR=/c\nOMP_NUM_THREADS=1\nAFFEKT_SECRET", "")
    relative = make_machine(tmp_path, environment={"AFFEKT_RUNTIME_DIR": "run"})
    assert said(places.check_environment(relative)) == (
        "warn",
        "AFFEKT_RUNTIME_DIR=run is another folder for each program that is started elsewhere",
        f"Set AFFEKT_RUNTIME_DIR to a path from the root, such as {Path('run').absolute()}",
    )


@pytest.mark.parametrize(("free", "state"), [(2_000_000_000, "ok"), (1_999_999_999, "warn")])
def test_how_much_room_a_cache_needs(tmp_path: Path, free: int, state: str) -> None:
    machine = make_machine(tmp_path, free_bytes=lambda _: free)
    assert places.check_cache(machine).state == state


def test_how_much_room_shared_memory_needs(tmp_path: Path) -> None:
    for free, state in ((places.PIXEL_BYTES, "ok"), (places.PIXEL_BYTES - 1, "warn")):
        machine = make_machine(tmp_path, free_bytes=lambda _, free=free: free)
        assert places.check_shared_memory(machine).state == state


def test_what_comes_back_changed_is_no_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(client: socket.socket, _: bytes) -> None:
        client.send(b"AFFEKT")

    monkeypatch.setattr(socket.socket, "sendall", change)
    finding = places.check_loopback(make_machine(tmp_path))
    assert finding.state == "missing"
    assert "on 127.0.0.1 (bytes came back changed)" in finding.detail


def test_every_folders_variable_must_be_a_whole_path(tmp_path: Path) -> None:
    for name in ("RUNTIME", "CACHE", "DATA", "KEYS"):
        variable = f"AFFEKT_{name}_DIR"
        finding = places.check_environment(
            make_machine(tmp_path, environment={variable: "here", "CUDA_HOME": "there"})
        )
        assert finding.state == "warn"
        assert finding.detail.startswith(f"{variable}=here is another folder for each program")
        unset = make_machine(tmp_path, environment={variable: ""})
        assert places.check_environment(unset).state == "ok"
