# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a sidecar ended, out of what it wrote, and how an end is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from affekt.shared.errors import LinkError
from affekt.shared.process import SidecarProcess, SidecarState, last_words, rotate

STAMP = "2026-11-29 18:04:05,123"


@pytest.mark.parametrize(
    ("raw", "log", "words"),
    [
        ("", "", ""),
        (None, None, ""),
        ("", f"{STAMP} ERROR The card is on fire\n", "The card is on fire."),
        ("", f"{STAMP} ERROR Is it? \n\n", "Is it?"),
        ("", f"{STAMP} ERROR Old.\n{STAMP} INFO A client came.\n", ""),
        ("", f"{STAMP} DEBUG A message.\n", ""),
        ("No module named torch\n", f"{STAMP} ERROR The card is on fire", "No module named torch."),
        (
            "affekt: The folder a cannot be used. [link.folder]\n",
            "",
            "The folder a cannot be used.",
        ),
        (f"{STAMP} INFO Started.\n", f"{STAMP} CRITICAL Out of memory!\n", "Out of memory!"),
        (
            "one\nFatal Python error: Segmentation fault\n\nThread 0x1:\n  File a.py\n",
            f"{STAMP} ERROR The card is on fire",
            "Fatal Python error: Segmentation fault.",
        ),
        ("x" * 400 + "\n", "", "x" * 300 + "."),
        ("Fatal Python error: Aborted\n" + "a line\n" * 3000, "", "a line."),
    ],
)
def test_last_words(tmp_path: Path, raw: str | None, log: str | None, words: str) -> None:
    for name, text in (("sidecar.stderr", raw), ("sidecar.log", log)):
        if text is not None:
            (tmp_path / name).write_text(text)
    assert last_words(tmp_path) == words


class Ended:
    """A process as `subprocess` shows it, which has ended with that code."""

    pid, stdin = 4711, None

    def __init__(self, code: int) -> None:
        self._code = code

    def poll(self) -> int:
        return self._code

    def wait(self, timeout_s: float) -> int:
        raise subprocess.TimeoutExpired("affekt", timeout_s)

    def kill(self) -> None:
        pass


@pytest.mark.parametrize(
    ("code", "how"),
    [
        (0, "it ended with code 0"),
        (3, "it ended with code 3"),
        (-9, "it was ended by SIGKILL"),
        (-11, "it was ended by SIGSEGV"),
        (-99, "it was ended by signal 99"),
    ],
)
def test_an_end_before_it_listened(tmp_path: Path, code: int, how: str) -> None:
    (tmp_path / "sidecar.stderr").write_text("No torch")
    process = SidecarProcess(Ended(code), tmp_path, tmp_path / "sidecar.log")
    assert process.poll() is SidecarState.FAILED
    assert isinstance(process.error, LinkError)
    assert process.error.code == "link.start"
    assert process.error.message == f"The sidecar did not start: {how}. No torch."
    assert str(tmp_path / "sidecar.stderr") in process.error.remedy
    process.stop(timeout_s=0)  # one that never leaves is not waited for
    assert process.poll() is SidecarState.FAILED


def test_logs_move_on_by_one(tmp_path: Path) -> None:
    log = tmp_path / "sidecar.log"
    for number in range(5):
        log.write_text(str(number))
        rotate(log, 3)
        assert not log.exists()
        rotate(log, 3)  # of nothing
        log.touch()
        rotate(log, 3)  # of an empty one
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    expected = {"sidecar.log": "", "sidecar.log.1": "4", "sidecar.log.2": "3", "sidecar.log.3": "2"}
    assert found == expected
