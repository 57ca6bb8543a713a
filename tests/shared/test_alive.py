# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that run, have ended, and were not waited for."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest
from affekt.shared.alive import is_process_alive


def test_is_process_alive() -> None:
    assert is_process_alive(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert is_process_alive(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_process_alive(child.pid)  # ended, though nobody has waited for it
        child.wait()
    assert not is_process_alive(child.pid)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(PermissionError, True), (ProcessLookupError, False), (OverflowError, False)],
)
def test_what_the_kernel_says_of_another(
    error: type[Exception], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's runs, though we may not touch it; no number of a process is that large."""

    def kill(pid: int, number: int) -> None:
        assert (pid, number) == (4711, 0)
        raise error

    monkeypatch.setattr(os, "kill", kill)
    assert is_process_alive(4711) == expected


@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        ("4711 (affekt) S 1 4711", True),
        ("4711 (affekt) Z 1 4711", False),
        ("4711 (affekt) X 1 4711", False),
        ("4711 (a) Z (b) R 1 4711", True),  # a program may be called like that
        (None, True),  # no Linux, or it may not be looked at
    ],
)
def test_a_name_is_no_state(
    stat: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_text(path: Path, *_: str) -> str:
        assert path == Path("/proc/4711/stat")
        if stat is None:
            raise FileNotFoundError
        return stat

    monkeypatch.setattr(os, "kill", lambda *_: None)
    monkeypatch.setattr(Path, "read_text", read_text)
    assert is_process_alive(4711) == expected


class FakeKernel:
    """Windows' kernel32 as `is_process_alive` calls it. handle: what OpenProcess gives, 0 for
    none; wait: what WaitForSingleObject says of it."""

    def __init__(self, handle: int, wait: int) -> None:
        self._handle, self._wait = handle, wait
        self.closed: list[int] = []
        self.OpenProcess = lambda *asked: self._open(*asked)  # whose `restype` can be set

    def _open(self, access: int, inherit: bool, pid: int) -> int:
        assert (access, inherit, pid) == (0x00100000, False, 4711)
        return self._handle

    def WaitForSingleObject(self, handle: ctypes.c_void_p, milliseconds: int) -> int:  # noqa: N802
        assert (handle.value, milliseconds) == (self._handle, 0)
        return self._wait

    def CloseHandle(self, handle: ctypes.c_void_p) -> None:  # noqa: N802
        self.closed.append(handle.value or 0)


@pytest.mark.parametrize(
    ("handle", "wait", "error", "expected"),
    [
        (2**40, 0x102, 0, True),  # WAIT_TIMEOUT: it has not ended
        (2**40, 0, 0, False),  # it has ended, though somebody still holds it
        (0, 0, 5, True),  # ERROR_ACCESS_DENIED: another user's
        (0, 0, 87, False),  # ERROR_INVALID_PARAMETER: no such process
    ],
)
def test_on_windows(
    handle: int, wait: int, error: int, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = FakeKernel(handle, wait)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "WinDLL", lambda *_, **__: kernel, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: error, raising=False)
    # There it would end the process.
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("os.kill was called"))
    assert is_process_alive(4711) is expected
    assert kernel.closed == ([handle] if handle else [])


def test_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS has none; what os.kill says must do."""

    def read_text(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr("pathlib.Path.read_text", read_text)
    assert is_process_alive(os.getpid())
