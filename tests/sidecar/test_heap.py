# SPDX-License-Identifier: GPL-3.0-or-later
"""Freed memory goes back to the system."""

from __future__ import annotations

import sys

import numpy as np
import psutil
import pytest
from affekt.sidecar.heap import give_back

BLOCK, BLOCKS = 8_000_000, 30


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system takes it by itself")
def test_freed_blocks_go_back() -> None:
    process = psutil.Process()
    np.ones(4 * BLOCK // 2, np.uint8)  # once freed, glibc keeps blocks of this size for itself
    blocks = [np.ones(BLOCK, np.uint8) for _ in range(BLOCKS)]
    above, full = np.ones(BLOCK, np.uint8), process.memory_info().rss
    blocks.clear()
    give_back()
    left = full - process.memory_info().rss
    print(f"{left / 1e6:.0f} MB given back of {BLOCK * BLOCKS / 1e6:.0f}")
    assert left > 0.9 * BLOCK * BLOCKS
    assert above.all()


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("ctypes.CDLL", lambda *_: pytest.fail("was asked"))
    give_back()
