# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread that makes calls one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from affekt.shared.call_thread import CallThread
from fakes.link import DEADLINE_S, wait_for


@pytest.fixture
def thread() -> Iterator[CallThread]:
    thread = CallThread("test")
    yield thread
    thread.stop()
    names = lambda: [thread.name for thread in threading.enumerate()]  # noqa: E731
    wait_for(lambda: "affekt-test" not in names(), "the end of the thread")


def test_calls_in_their_order(thread: CallThread) -> None:
    seen: list[int] = []
    futures = [thread.submit(lambda number=number: seen.append(number)) for number in range(50)]
    futures[-1].result(DEADLINE_S)
    assert seen == list(range(50))


def test_a_call_that_fails(thread: CallThread) -> None:
    with pytest.raises(ZeroDivisionError):
        thread.submit(lambda: 1 / 0).result(DEADLINE_S)
    assert thread.submit(lambda: 7).result(DEADLINE_S) == 7


def test_a_call_that_nobody_wants_any_more(thread: CallThread) -> None:
    """It is not made, and those behind it are."""
    may_go, seen = threading.Event(), []
    first = thread.submit(lambda: may_go.wait(DEADLINE_S))
    unwanted = thread.submit(lambda: seen.append("unwanted"))
    last = thread.submit(lambda: seen.append("last"))
    assert unwanted.cancel()
    may_go.set()
    assert first.result(DEADLINE_S)
    last.result(DEADLINE_S)
    assert seen == ["last"]


def test_what_is_queued_before_the_end_is_done(thread: CallThread) -> None:
    answer = thread.submit(lambda: "done")
    thread.stop()
    assert answer.result(DEADLINE_S) == "done"
