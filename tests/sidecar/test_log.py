# SPDX-License-Identifier: GPL-3.0-or-later
"""A sidecar's words: kept, and kept few, whoever says them and however many."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from affekt.shared.limits import LOG_PARTS, MAX_LOG_BYTES, RAW_PARTS
from affekt.shared.process import LOG_NAME, RAW_NAME, last_words, rotate
from affekt.sidecar.commands.log import cut
from fakes.link import wait_for

CHATTERBOX = """
import logging, os, sys
from pathlib import Path
from affekt.sidecar.commands import log
log.LOOK_S = 0.01
log.open_log(Path(sys.argv[1]))
for number in range(40_000):
    logging.info("word %s %s", number, "x" * 100)
    os.write(2, b"noise from below Python %d %s\\n" % (number, b"y" * 100))
print("begin", flush=True)
sys.stdin.read()
"""


def sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def run(code: str, folder: Path) -> subprocess.Popen[bytes]:
    """As `start_sidecar` does, but for standard output."""
    with (folder / RAW_NAME).open("ab") as raw:
        return subprocess.Popen(
            [sys.executable, "-c", code, str(folder / LOG_NAME)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=raw,
        )


def test_logs_stay_small(tmp_path: Path) -> None:
    with run(CHATTERBOX, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begin\n"
        wait_for(lambda: sizes(tmp_path)[RAW_NAME] <= MAX_LOG_BYTES, "the raw file to be cut")
        assert process.stdin is not None
        process.stdin.close()
    found = sizes(tmp_path)
    print(found)
    assert set(found) == {
        LOG_NAME,
        *(f"{LOG_NAME}.{n + 1}" for n in range(LOG_PARTS)),
        RAW_NAME,
        f"{RAW_NAME}.1",
    }
    assert max(found.values()) <= MAX_LOG_BYTES
    assert "word 39999 " in (tmp_path / LOG_NAME).read_text().splitlines()[-1]


def test_a_crash_leaves_its_reason(tmp_path: Path) -> None:
    code = """
import ctypes, sys
from pathlib import Path
from affekt.sidecar.commands.log import open_log
open_log(Path(sys.argv[1]))
ctypes.string_at(0)
"""
    with run(code, tmp_path) as process:
        process.communicate()
    assert process.returncode != 0
    assert last_words(tmp_path) == "Fatal Python error: Segmentation fault."


def test_the_last_words(tmp_path: Path) -> None:
    assert last_words(tmp_path) == ""
    (tmp_path / LOG_NAME).write_text("first\n2026-11-21 18:00:03,000 ERROR last of the log\n")
    assert last_words(tmp_path) == "last of the log."
    (tmp_path / RAW_NAME).write_text("2026-11-21 18:00:09,000 INFO worker ready\n")
    assert last_words(tmp_path) == "last of the log."
    (tmp_path / RAW_NAME).write_bytes(b"Traceback\n\n  \xffbad: " + b"x" * 1000 + b"\n\n")
    assert last_words(tmp_path).startswith("\ufffdbad: xxx")
    assert len(last_words(tmp_path)) == 301
    (tmp_path / RAW_NAME).write_text("affekt: No tyro. Install it. [option.not_installed]\n")
    assert last_words(tmp_path) == "No tyro. Install it."


def test_rotation_keeps_a_fixed_number(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    for number in range(5):
        path.write_text(str(number))
        rotate(path, RAW_PARTS + 1)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.log.1": "4", "a.log.2": "3"}
    rotate(tmp_path / "none", 2)


def test_cutting_keeps_the_end_and_the_writer(tmp_path: Path) -> None:
    raw = tmp_path / RAW_NAME
    descriptor = os.open(raw, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, b"0123456789")
        assert not cut(raw, descriptor, 10)
        os.write(descriptor, b"ab")
        assert cut(raw, descriptor, 10)
        os.write(descriptor, b"new")
    finally:
        os.close(descriptor)
    assert raw.read_bytes() == b"new"
    assert raw.with_name(f"{RAW_NAME}.1").read_bytes() == b"23456789ab"


def test_a_log_that_cannot_be_is_said(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "affekt.sidecar", "serve", "--log", str(tmp_path / "no" / "x")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "cannot be written" in " ".join((done.stdout + done.stderr).split())
