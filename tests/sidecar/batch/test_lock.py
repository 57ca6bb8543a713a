# SPDX-License-Identifier: GPL-3.0-or-later
"""One batch at a time in a folder, and what is measured of a task."""

import errno
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from affekt.shared.errors import InputError
from affekt.sidecar.batch import lock
from affekt.sidecar.batch.lock import FolderLock
from fakes.link import wait_for

HOLD = """
import sys, time, pathlib
from affekt.sidecar.batch.lock import FolderLock
with FolderLock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(100)
"""


def test_a_second_batch_is_told_of_the_first_until_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(InputError) as caught:
            FolderLock(tmp_path, 0.01)
        first.kill()
    assert caught.value.code == "batch.running"
    assert f"process {first.pid}." in caught.value.message
    note = tmp_path / ".affekt_batch" / "running.json"
    with FolderLock(tmp_path):  # whose note is still there
        assert json.loads(note.read_text()) == [platform.node(), os.getpid()]
    assert not note.exists()
    with FolderLock(tmp_path), pytest.raises(InputError, match=f"process {os.getpid()}"):
        FolderLock(tmp_path, 0.01)


class NoLock:
    error: Exception = NotImplementedError()

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def acquire(self) -> None:
        raise self.error

    def release(self) -> None:
        pass


@pytest.mark.parametrize(
    "error", [NotImplementedError(), OSError(errno.ENOLCK, ""), OSError(errno.EOPNOTSUPP, "")]
)
def test_where_the_disk_knows_no_locks_the_process_counts(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoLock, "error", error)
    monkeypatch.setattr(lock, "FileLock", NoLock)
    note = tmp_path / ".affekt_batch" / "running.json"
    note.parent.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        note.write_text(json.dumps([platform.node(), other.pid]))
        with pytest.raises(InputError) as caught:
            FolderLock(tmp_path)
        assert caught.value.code == "batch.running"
        other.kill()
    wait_for(lambda: other.poll() is not None, "its end")
    for text in (json.dumps([platform.node(), other.pid]), '["elsewhere", 1]', "broken", "[1]"):
        note.write_text(text)
        with FolderLock(tmp_path):
            pass


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        FolderLock(tmp_path / "file")
    assert caught.value.code == "file.not_writable"
