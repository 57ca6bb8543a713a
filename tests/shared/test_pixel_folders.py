# SPDX-License-Identifier: GPL-3.0-or-later
"""Where shared memory for pixels lies: in memory where the system has a folder for it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from affekt.shared import pixels
from affekt.shared.connection import RUNTIME_VARIABLE
from affekt.shared.pixels import PixelRing

PICTURE = np.arange(12 * 16 * 4, dtype=np.uint8).reshape(12, 16, 4)


def test_where_there_is_no_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "_SHARED_MEMORY", tmp_path / "none")
    monkeypatch.setenv(RUNTIME_VARIABLE, str(tmp_path / "run"))
    ring = PixelRing.create(1, PICTURE.size)
    assert [path.name for path in (tmp_path / "run").iterdir()] == [ring.name]
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    opened = PixelRing.open(ring.name, ring.token)
    written = ring.write(PICTURE)
    found = opened.read(written.slot, written.sequence, written.checksum, *PICTURE.shape[:2])
    np.testing.assert_array_equal(found, PICTURE)
    opened.close()
    ring.remove()


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_only_linux_has_a_folder_in_memory(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv(RUNTIME_VARIABLE, str(tmp_path))
    assert pixels.default_pixel_folder() == tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such folder")
def test_linuxs_folder_in_memory_is_taken_where_it_may_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNTIME_VARIABLE, str(tmp_path / "run"))
    monkeypatch.setattr(pixels, "_SHARED_MEMORY", tmp_path)
    assert pixels.default_pixel_folder() == tmp_path
    ring = PixelRing.create(1, PICTURE.size)
    assert (tmp_path / ring.name).exists()
    assert not (tmp_path / "run").exists()
    ring.remove()
    asked: list[int] = []
    monkeypatch.setattr(os, "access", lambda _, mode: asked.append(mode))
    assert pixels.default_pixel_folder() == tmp_path / "run"
    assert asked == [os.R_OK | os.W_OK | os.X_OK]
