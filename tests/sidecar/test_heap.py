# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process may use, and that what it has freed goes back."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from affekt.sidecar import heap
from affekt.sidecar.heap import free_bytes, give_back

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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
@pytest.mark.parametrize(("limit", "used"), [("RLIMIT_DATA", "data"), ("RLIMIT_AS", "vms")])
def test_a_process_that_may_use_less_has_less(
    limit: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    its = getattr(psutil.Process().memory_info(), used)
    limits = {getattr(resource, limit): (its + 10**6, resource.RLIM_INFINITY)}
    none = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda one: limits.get(one, none))
    assert free_bytes() < 10**8
    limits.clear()
    assert free_bytes() > 10**8


def test_a_container_may_drop_files_that_it_has_read(tmp_path: Path) -> None:
    free = heap._free_in_container
    assert free(tmp_path, 77) == 77
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.current").write_text("2900\n")
    (tmp_path / "memory.stat").write_text("anon 400\nfile 2400\ninactive_file 2300\n")
    assert free(tmp_path, 77) == 2400
    (tmp_path / "memory.max").write_text("max\n")
    assert free(tmp_path, 77) == 77
