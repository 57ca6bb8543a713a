# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt serve --remote` as a process, from the exchange of keys to a client that works."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from affekt.shared.client import Client
from affekt.shared.connection import (
    FILE_NAME,
    read_connection_file,
    remote_connection,
    remote_file_text,
)
from affekt.shared.errors import InputError, LinkError
from affekt.sidecar.commands.serve import Serve
from affekt.sidecar.server import key_files
from affekt.sidecar.server.key_files import SERVER_FILE
from affekt.sidecar.worker.services import LamFiles
from fakes.signals import heard

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ends the process by a signal")


@contextmanager
def serving(folder: Path, port: int) -> Iterator[str]:
    """A remote server on loopback; what it said when it was ready. It is ended by Ctrl-C."""
    places = [f"--{name}-dir={folder / name}" for name in ("runtime", "cache", "keys")]
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "affekt.sidecar",
            "serve",
            "--remote",
            "--listen",
            "127.0.0.1",
            "--port",
            str(port),
            *places,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        try:
            said = process.stdout.readline()
            yield said + process.stdout.readline() + process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_trusted_key_gets_in_and_no_other(tmp_path: Path) -> None:
    port, keys = free_port(), tmp_path / "keys"
    for name in ("anna", "stranger"):
        pair = key_files.new_key_file(tmp_path / f"{name}.json")
        connection = remote_connection(
            f"tcp://127.0.0.1:{port}",
            server_public_key=key_files.server_keys(keys).public,
            client_public_key=pair.public,
            client_secret_key=pair.secret,
        )
        key_files.write_secret(tmp_path / f"{name}-remote.json", remote_file_text(connection))
    key_files.trust(keys, "anna", key_files.read_key_file(tmp_path / "anna.json").public)
    with serving(tmp_path, port) as said:
        assert f"listening on tcp://127.0.0.1:{port}, for anna." in said
        assert "affekt keys connect --server" in said
        with Client.connect(read_connection_file(tmp_path / "anna-remote.json")) as client:
            client.ping()
        with pytest.raises(LinkError) as caught:
            Client.connect(read_connection_file(tmp_path / "stranger-remote.json"))
        assert caught.value.code == "link.refused"
        assert not (tmp_path / "runtime" / FILE_NAME).exists()
    assert (tmp_path / "keys" / SERVER_FILE).exists()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_it_as_ctrl_c_does(name: str, tmp_path: Path) -> None:
    """Its end is nothing unusual: exit code 0, and nobody finds it any more."""
    places = [f"--{kind}-dir={tmp_path / kind}" for kind in ("runtime", "cache")]
    command = [sys.executable, "-m", "affekt.sidecar", "serve", *places]
    number = getattr(signal, name)
    with (
        heard(number),
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdout
        assert "listening on" in process.stdout.readline()
        assert (tmp_path / "runtime" / FILE_NAME).exists()
        process.send_signal(number)
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert not (tmp_path / "runtime" / FILE_NAME).exists()
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("gigabytes", [0.0, 1.9, float("nan"), 1e9])
def test_memory_in_which_no_worker_works(gigabytes: float, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Serve(runtime_dir=tmp_path, cache_dir=tmp_path, memory_gb=gigabytes).run()
    assert caught.value.code == "option.memory_gb"


def test_lams_files_are_named_whole_and_looked_at_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker may run in another folder; a file that is gone is no reason not to serve."""
    monkeypatch.chdir(tmp_path)
    given = Serve(lam_weights=Path("gone"), lam_unknown_weights=True)
    assert given._lam_files() == LamFiles(weights=tmp_path / "gone", unknown_allowed=True)
    assert given._options().has_lam
    with_emotion = Serve(lam_weights=Path("a"), lam_emotion_weights=Path("b"))._lam_files()
    assert with_emotion == LamFiles(weights=tmp_path / "a", emotion=tmp_path / "b")
    assert Serve()._lam_files() is None
    assert not Serve()._options().has_lam
