# SPDX-License-Identifier: GPL-3.0-or-later
"""Bands are all rows, each once, and what goes wrong in one is raised."""

import threading

import numpy as np
import pytest
from affekt.sidecar.raster.parallel import RowWork, even_pieces, run_ranges, run_rows, thread_count


@pytest.mark.parametrize("threads", ["1", "2", "7"])
@pytest.mark.parametrize("rows", [0, 1, 16, 17, 33, 512, 1000])
def test_every_row_is_done_once(monkeypatch: pytest.MonkeyPatch, threads: str, rows: int):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    done: list[int] = []
    lock = threading.Lock()

    def work(first: int, stop: int) -> None:
        with lock:
            done.extend(range(first, stop))

    run_rows([work], rows)
    assert sorted(done) == list(range(rows))


def test_an_error_in_a_band_is_raised(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def work(first: int, stop: int) -> None:
        if first > 0:
            raise RuntimeError("late")

    with pytest.raises(RuntimeError, match="late"):
        run_rows([work], 100)


@pytest.mark.parametrize("fails_on_the_caller", [True, False])
def test_an_error_on_either_thread_is_raised(
    fails_on_the_caller: bool, monkeypatch: pytest.MonkeyPatch
):
    """Of two pieces each thread does one: neither ends before the other has begun."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    both = threading.Barrier(2, timeout=30)

    def work(first: int, stop: int) -> None:
        both.wait()
        if (threading.current_thread() is threading.main_thread()) == fails_on_the_caller:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        run_ranges(work, [0, 1, 2])


@pytest.mark.parametrize("said", ["", "0", "four", "4,2"])
def test_without_a_usable_number_the_cores_count(monkeypatch: pytest.MonkeyPatch, said: str):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert thread_count() >= 1
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_count() == 3


def test_kernels_run_together_are_done_band_by_band_in_the_order_given():
    rows, first, second = 100, np.zeros(100), np.zeros(100)

    def double(a: int, b: int) -> None:
        second[a:b] = 2 * first[a:b]

    def fill(a: int, b: int) -> None:
        first[a:b] = np.arange(a, b)

    run_rows([fill, double], rows)
    np.testing.assert_array_equal(second, 2 * np.arange(rows))


def test_work_is_done_when_it_is_run_and_not_before():
    out = np.zeros((40, 3), np.float32)
    work = RowWork(result=out, fill=lambda a, b: out.__setitem__(slice(a, b), 1))
    assert not out.any()
    assert work.run() is out
    assert (out == 1).all()


def test_work_is_split_as_evenly_as_it_goes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert even_pieces(10, 2) == [0, 2, 5, 7, 10]
    assert even_pieces(80) == [0, 10, 20, 30, 40, 50, 60, 70, 80]
    assert even_pieces(3) == [0, 1, 2, 3]
    assert even_pieces(0) == [0, 0]


def test_one_kernel_has_wide_bands_and_several_narrow_ones(monkeypatch: pytest.MonkeyPatch):
    """With 2 threads and 400 rows: eight bands of 50, or bands of 16."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    bands: list[tuple[int, int]] = []

    def note(first: int, stop: int) -> None:
        bands.append((first, stop))

    run_rows([note], 400)
    assert sorted(bands) == [(first, first + 50) for first in range(0, 400, 50)]
    bands.clear()
    run_rows([note, lambda first, stop: None], 40)
    assert sorted(bands) == [(0, 16), (16, 32), (32, 40)]
