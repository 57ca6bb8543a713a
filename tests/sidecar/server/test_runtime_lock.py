# SPDX-License-Identifier: GPL-3.0-or-later
"""One sidecar a runtime folder, however the one before ended."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from affekt.shared.connection import FILE_NAME, Connection, read_connection, write_connection
from affekt.shared.errors import LinkError
from affekt.shared.limits import PROTOCOL_VERSION
from affekt.sidecar.server import runtime_lock
from affekt.sidecar.server.runtime_lock import RuntimeLock
from fakes.link import wait_for
from filelock import FileLock

KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"


def running(folder: Path, pid: int) -> None:
    """What a sidecar that listens has written."""
    write_connection(
        Connection(
            endpoint="tcp://127.0.0.1:5000",
            server_public_key=KEY,
            client_public_key=KEY,
            client_secret_key=KEY,
            pid=pid,
            protocol=PROTOCOL_VERSION,
            affekt="0",
        ),
        folder,
    )


def refusal(folder: Path) -> LinkError:
    with pytest.raises(LinkError) as caught:
        RuntimeLock(folder, patience_s=0.05)
    assert caught.value.code == "link.running"
    return caught.value


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    lock = RuntimeLock(tmp_path)
    assert "process" not in refusal(tmp_path).message  # it does not listen yet
    running(tmp_path, 4711)
    error = refusal(tmp_path)
    assert error.message.endswith(", process 4711.")
    assert str(tmp_path) in error.message
    assert "AFFEKT_RUNTIME_DIR" in error.remedy
    assert "AFFEKT_CACHE_DIR" not in error.remedy
    lock.release()
    RuntimeLock(tmp_path, patience_s=0.05).release()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no mode bits")
def test_the_lock_is_for_its_user_alone(tmp_path: Path) -> None:
    lock = RuntimeLock(tmp_path / "run")
    assert stat.S_IMODE((tmp_path / "run" / "sidecar.lock").stat().st_mode) == 0o600
    lock.release()


def test_any_thread_may_let_the_folder_go(tmp_path: Path) -> None:
    lock = RuntimeLock(tmp_path)
    letting_go = threading.Thread(target=lock.release)
    letting_go.start()
    letting_go.join(10)
    RuntimeLock(tmp_path, patience_s=0.05).release()


def test_one_that_is_ending_is_waited_for(tmp_path: Path) -> None:
    lock = RuntimeLock(tmp_path)
    leaving = threading.Timer(0.2, lock.release)
    leaving.start()
    RuntimeLock(tmp_path, patience_s=30).release()
    leaving.join(10)


def test_a_killed_one_leaves_the_folder_free(tmp_path: Path) -> None:
    """Even if another program has its process id by now."""
    script = (
        "import sys, pathlib\n"
        "from affekt.sidecar.server.runtime_lock import RuntimeLock\n"
        "lock = RuntimeLock(pathlib.Path(sys.argv[1]))\n"
        "print('has it', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "has it\n"
        running(tmp_path, os.getpid())
        refusal(tmp_path)
        process.kill()
    RuntimeLock(tmp_path, patience_s=10).release()


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unable(FileLock):
        def acquire(self, *_: object, **__: object) -> None:
            raise NotImplementedError

    monkeypatch.setattr(runtime_lock, "FileLock", Unable)
    RuntimeLock(tmp_path).release()


def test_the_second_sidecar_ends_and_the_first_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "affekt.sidecar", "serve", "--watch-stdin"]
    command += [f"--runtime-dir={tmp_path / 'run'}", f"--cache-dir={tmp_path / 'cache'}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as first:
        assert first.stdin
        try:
            wait_for(lambda: (tmp_path / "run" / FILE_NAME).exists(), "the first to listen")
            before = (tmp_path / "run" / FILE_NAME).read_bytes()
            second = subprocess.run(
                command, stdin=subprocess.PIPE, capture_output=True, text=True, check=False
            )
            assert second.returncode == 2
            assert re.search(rf"already running in .*, process {first.pid}\.", second.stderr)
            assert len(second.stderr.splitlines()) == 1
            assert (tmp_path / "run" / FILE_NAME).read_bytes() == before
            assert read_connection(tmp_path / "run").pid == first.pid
        finally:
            first.stdin.close()
            assert first.wait(30) == 0
    assert not (tmp_path / "run" / FILE_NAME).exists()
