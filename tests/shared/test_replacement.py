# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished file takes the place of an older one, on Windows as soon as nobody reads that."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from affekt.shared import replacement
from affekt.shared.replacement import replace_file


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(b"old")
    (tmp_path / "a.partial").write_bytes(b"new")
    return tmp_path / "a.partial"


def hold(monkeypatch: pytest.MonkeyPatch, tries: int) -> Callable[[], int]:
    """Someone has the target open for so many tries; tells how many there were."""
    really, count = os.replace, 0

    def replace(source: Path, target: Path) -> None:
        nonlocal count
        count += 1
        if count <= tries:
            raise PermissionError(13, "in use")
        really(source, target)

    monkeypatch.setattr(os, "replace", replace)
    return lambda: count


def test_the_older_file_goes(partial: Path) -> None:
    replace_file(partial, partial.with_name("a.png"))
    assert partial.with_name("a.png").read_bytes() == b"new"
    assert not partial.exists()


def test_windows_waits_for_a_reader(partial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    tries = hold(monkeypatch, 3)
    replace_file(partial, partial.with_name("a.png"))
    assert tries() == 4
    assert partial.with_name("a.png").read_bytes() == b"new"


def test_not_for_ever(partial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(replacement, "_PATIENCE_S", 0.05)
    hold(monkeypatch, 10**6)
    with pytest.raises(PermissionError):
        replace_file(partial, partial.with_name("a.png"))
    assert partial.with_name("a.png").read_bytes() == b"old"


def test_elsewhere_a_refusal_is_final(partial: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    tries = hold(monkeypatch, 3)
    with pytest.raises(PermissionError):
        replace_file(partial, partial.with_name("a.png"))
    assert tries() == 1
