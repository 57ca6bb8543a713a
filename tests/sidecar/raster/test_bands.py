# SPDX-License-Identifier: GPL-3.0-or-later
"""Bands are all rows, each once, and what goes wrong in one is raised."""

import threading

import pytest
from affekt.sidecar.raster import workers
from affekt.sidecar.raster.bands import in_bands


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("rows", [0, 1, 16, 17, 33, 512, 1000])
def test_every_row_is_done_once(monkeypatch: pytest.MonkeyPatch, threads: int, rows: int):
    monkeypatch.setattr(workers, "thread_count", lambda: threads)
    done: list[int] = []
    lock = threading.Lock()

    def work(first: int, stop: int) -> None:
        with lock:
            done.extend(range(first, stop))

    in_bands(work, rows)
    assert sorted(done) == list(range(rows))


def test_an_error_in_a_band_is_raised(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "thread_count", lambda: 2)

    def work(first: int, stop: int) -> None:
        if first > 0:
            raise RuntimeError("late")

    with pytest.raises(RuntimeError, match="late"):
        in_bands(work, 100)
