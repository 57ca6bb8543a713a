# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that hang, crash or chatter do not get the doctor out of step."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from affekt.shared.alive import is_process_alive
from affekt.shared.errors import InputError
from affekt.sidecar.doctor.facts import TOPICS
from affekt.sidecar.doctor.machine import CachedFacts, Machine, Ran, run_bounded, version_of
from affekt.sidecar.raster import device
from fakes.link import wait_for

PYTHON = sys.executable


def test_a_program() -> None:
    ran = run_bounded([PYTHON, "-c", "import sys; print('a'); sys.exit(3)"], 30)
    assert (ran.code, ran.text.strip()) == (3, "a")
    assert run_bounded([PYTHON, "-c", "import os; os.write(1, b'\\xff')"], 30).text == "\ufffd"


def test_no_such_program(tmp_path: Path) -> None:
    ran = run_bounded([str(tmp_path / "blender"), "--version"], 30)
    assert ran == Ran(code=None, text="it cannot be started (No such file or directory)")
    assert run_bounded([str(tmp_path)], 30).code is None
    assert run_bounded(["a\0b"], 30).code is None


@pytest.mark.skipif(os.name != "posix", reason="sessions are POSIX's")
def test_a_program_that_hangs_ends_with_all_that_it_started(tmp_path: Path) -> None:
    """A starter script's child holds the pipe; without its end we would wait for ever."""
    child = "import time; time.sleep(100)"
    code = (
        f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}]);"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid)); p.wait()"
    )
    began = time.monotonic()
    ran = run_bounded([PYTHON, "-c", code], 2.0)
    assert ran == Ran(code=None, text="it did not answer in 2 s")
    assert time.monotonic() - began < 20
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: not is_process_alive(pid), "the child's end")


def answer(ran: Ran) -> tuple[dict[str, str], int]:
    asked = []

    def run(command: Sequence[str], limit_s: float) -> Ran:
        asked.append((command, limit_s))
        return ran

    asker = CachedFacts(run)
    facts = dict(asker("torch"))
    assert asker("torch") == facts
    return facts, len(asked)


def test_facts_are_asked_for_once() -> None:
    ran = Ran(code=0, text='Warning: noise\n{"version": "2.13", "cards": 1}\n')
    assert answer(ran) == ({"version": "2.13", "cards": "1"}, 1)


@pytest.mark.parametrize(
    ("ran", "error"),
    [
        (Ran(code=None, text="it did not answer in 60 s"), "it did not answer in 60 s"),
        (Ran(code=-4, text=""), "its import ended Python with code -4"),
        (Ran(code=0, text=""), "it gave no answer"),
        (Ran(code=0, text="[1]"), "it gave no answer"),
        (Ran(code=0, text="Traceback"), "it gave no answer"),
    ],
)
def test_imports_that_go_wrong(ran: Ran, error: str) -> None:
    assert answer(ran)[0] == {"error": error}


def test_facts_for_real() -> None:
    asker = CachedFacts(run_bounded)
    assert asker("numba")["version"] == version_of("numba")
    assert asker("no_such_module")["error"].startswith("ModuleNotFoundError: No module named")
    assert asker("av")["ffmpeg"]
    assert asker("torch")["version"]


def test_this_machine() -> None:
    machine = Machine()
    assert machine.system == sys.platform
    assert machine.version_of("no-such-distribution") is None
    assert machine.free_bytes(Path("/")) > 0


def test_lines_to_copy_fit_the_system() -> None:
    linux, windows = (
        Machine(system="linux", executable="/a b/python"),
        Machine(system="win32", executable="C:/a b/python.exe"),
    )
    paths = [Path("/tmp/one two"), Path("/tmp/three")]
    assert linux.pip("install", "torch>=2.11,<2.14") == (
        "'/a b/python' -m pip install 'torch>=2.11,<2.14'"
    )
    assert windows.pip("install", "torch>=2.11,<2.14") == (
        '"C:/a b/python.exe" -m pip install "torch>=2.11,<2.14"'
    )
    assert linux.remove_line(paths) == "rm '/tmp/one two' /tmp/three"
    assert windows.remove_line(paths) == 'Remove-Item "/tmp/one two", /tmp/three'
    assert (linux.end_line(7), windows.end_line(7)) == ("kill -9 7", "taskkill /F /PID 7")
    assert linux.mode_line("600", paths[0]) == "chmod 600 '/tmp/one two'"


def test_an_import_has_a_minute_and_a_process_of_its_own() -> None:
    asked: list[tuple[Sequence[str], float]] = []

    def run(command: Sequence[str], limit_s: float) -> Ran:
        asked.append((command, limit_s))
        return Ran(code=0, text='{"version": "1"}')

    assert CachedFacts(run)("numba") == {"version": "1"}
    (command, limit_s) = asked[0]
    assert [*command[:2], *command[-1:], limit_s] == [PYTHON, "-m", "numba", 60]


def test_facts_of_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first of two; 143,771 MiB are 140 GiB."""
    torch = pytest.importorskip("torch")
    about = SimpleNamespace(name="a card", total_memory=143_771 << 20, major=9, minor=0)
    monkeypatch.setattr(device, "check_cuda", lambda: None)
    monkeypatch.setattr(device, "kernels_are_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: about)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    facts = {
        "card": "a card",
        "memory": "140 GiB",
        "capability": "9.0",
        "cards": "2",
        "kernels": "built",
    }
    assert TOPICS["cuda"]() == facts
    monkeypatch.setattr(device, "kernels_are_built", lambda: False)
    assert TOPICS["cuda"]() == {**facts, "kernels": ""}

    def refuse() -> None:
        raise InputError("option.device_missing", "No card.", "Buy one.")

    monkeypatch.setattr(device, "check_cuda", refuse)
    assert TOPICS["cuda"]() == {"reason": "No card.", "remedy": "Buy one."}
