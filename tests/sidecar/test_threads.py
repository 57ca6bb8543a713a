# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces come back in order, few at a time, each with one thread of torch's."""

import threading

import pytest
import torch
from affekt.sidecar.threads import in_order


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_are_in_the_order_of_the_pieces(threads: int):
    assert list(in_order(lambda x: x * x, range(50))) == [x * x for x in range(50)]


def test_torch_has_one_thread_inside_and_as_many_as_before_outside(threads: int):
    assert set(in_order(lambda _: torch.get_num_threads(), range(8))) == {1}
    assert torch.get_num_threads() == threads


def test_pieces_run_at_the_same_time():
    torch.set_num_threads(2)
    both = threading.Barrier(2, timeout=20)
    assert sorted(in_order(lambda _: both.wait(), range(2))) == [0, 1]  # one alone would time out


def test_few_pieces_are_ahead_of_the_caller(threads: int):
    begun: list[int] = []

    def work(piece: int) -> int:
        begun.append(piece)
        return piece

    for done in in_order(work, range(40)):
        assert len(begun) <= done + 2 + threads


def test_an_error_reaches_the_caller_and_the_next_call_works(threads: int):
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda x: 1 // x, [1, 0, 1]))
    assert list(in_order(abs, [-1])) == [1]
