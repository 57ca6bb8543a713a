# SPDX-License-Identifier: GPL-3.0-or-later
"""Bands are all rows, each once, and what goes wrong in one is raised."""

import threading

import numpy as np
import pytest
from affekt.sidecar.raster.row_parallel import in_bands, thread_count, together


@pytest.mark.parametrize("threads", ["1", "2", "7"])
@pytest.mark.parametrize("rows", [0, 1, 16, 17, 33, 512, 1000])
def test_every_row_is_done_once(monkeypatch: pytest.MonkeyPatch, threads: str, rows: int):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    done: list[int] = []
    lock = threading.Lock()

    def work(first: int, stop: int) -> None:
        with lock:
            done.extend(range(first, stop))

    in_bands(work, rows)
    assert sorted(done) == list(range(rows))


def test_an_error_in_a_band_is_raised(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def work(first: int, stop: int) -> None:
        if first > 0:
            raise RuntimeError("late")

    with pytest.raises(RuntimeError, match="late"):
        in_bands(work, 100)


@pytest.mark.parametrize("said", ["", "0", "four", "4,2"])
def test_without_a_usable_number_the_cores_count(monkeypatch: pytest.MonkeyPatch, said: str):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert thread_count() >= 1
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_count() == 3


def test_work_together_is_done_band_by_band_in_the_order_given():
    rows, first, second = 100, np.zeros(100), np.zeros(100)

    def double(a: int, b: int) -> None:
        second[a:b] = 2 * first[a:b]

    def fill(a: int, b: int) -> None:
        first[a:b] = np.arange(a, b)

    with together():
        in_bands(fill, rows)
        in_bands(double, rows)
        assert not first.any()
    np.testing.assert_array_equal(second, 2 * np.arange(rows))
    in_bands(lambda a, b: first.__setitem__(slice(a, b), -1), rows)
    assert (first == -1).all()


def test_work_together_that_fails_leaves_nothing_waiting():
    done: list[int] = []

    def fail() -> None:
        with together():
            in_bands(lambda a, b: done.append(a), 10)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    in_bands(lambda a, b: done.append(a), 1)
    assert done == [0]


def test_work_together_is_on_equally_many_rows():
    def mix() -> None:
        with together():
            in_bands(lambda a, b: None, 10)
            in_bands(lambda a, b: None, 11)

    with pytest.raises(ValueError, match="equally many"):
        mix()
