# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of a set-up: what they are told, what is read of them, and that they end whole."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from affekt.addon.setup.program import Program, environment_for
from affekt.shared.alive import is_process_alive
from fakes.link import wait_for

SCRIPT = r"""
import os, sys, time
sys.stdout.write("one\ntw")
sys.stdout.flush()
assert sys.stdin.read() == ""
while not os.path.exists("go"):
    time.sleep(0.01)
sys.stdout.buffer.write(b"o\r\nthr\xffee\nfour")
sys.exit(3)
"""
"""It waits for a file beside it."""


def started(folder: Path, code: str) -> Program:
    log = folder / "set-up.log"
    environment = {**environment_for(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return Program([sys.executable, "-c", code], log, environment, folder)


def read_all(program: Program, wanted: int) -> list[str]:
    lines: list[str] = []

    def has_them() -> bool:
        lines.extend(program.read_lines())
        return len(lines) >= wanted

    wait_for(has_them, f"{wanted} lines")
    return lines


def test_lines_are_read_whole_and_the_last_one_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "set-up.log").write_bytes(b"of before\n")
    program = started(tmp_path, SCRIPT)
    assert read_all(program, 1) == ["one"]
    assert program.poll() is None
    assert program.read_lines() == []
    (tmp_path / "go").write_bytes(b"")
    wait_for(lambda: program.poll() is not None, "the end")
    assert program.poll() == 3
    assert program.read_lines() == ["two", "thr\ufffdee", "four"]
    assert program.read_lines() == []
    log = (tmp_path / "set-up.log").read_bytes()
    assert log.startswith(b"of before\n\n> ")
    assert sys.executable.encode() in log
    assert log.endswith(b"four")


def test_what_is_told_to_stop_ends_with_all_that_it_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    program = started(tmp_path, code)
    (line,) = read_all(program, 1)
    assert is_process_alive(int(line))
    program.end()
    assert program.poll() not in (None, 0)
    wait_for(lambda: not is_process_alive(int(line)), "the end of its child")
    program.end()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Program([str(tmp_path / "nowhere")], tmp_path / "log", {}, tmp_path)


def test_settings_of_blenders_python_are_left_out_and_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwanted = [
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONUSERBASE",
        "__PYVENV_LAUNCHER__",
        "VIRTUAL_ENV",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_ROOT",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_DRY_RUN",
    ]
    for name in (*unwanted, "PIP_INDEX_URL", "HTTPS_PROXY", "TMPDIR", "PIP_USER"):
        monkeypatch.setenv(name, "theirs")
    found = environment_for(tmp_path)
    assert not set(unwanted) & set(found)
    assert (found["PIP_INDEX_URL"], found["HTTPS_PROXY"]) == ("theirs", "theirs")
    own = {
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(tmp_path)),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "PIP_USER": "0",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    assert {name: found[name] for name in own} == own
    assert set(found) == (set(os.environ) - set(unwanted)) | set(own)
