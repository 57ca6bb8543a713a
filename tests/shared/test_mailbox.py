# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue whose reader sleeps on sockets."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator

import pytest
from affekt.shared.mailbox import Mailbox
from fakes.link import DEADLINE_S


@pytest.fixture
def mailbox() -> Iterator[Mailbox[int]]:
    mailbox: Mailbox[int] = Mailbox()
    yield mailbox
    mailbox.close()


def is_readable(mailbox: Mailbox[int], deadline_s: float = 0.0) -> bool:
    return bool(select.select([mailbox], [], [], deadline_s)[0])


def test_readable_while_items_wait(mailbox: Mailbox[int]) -> None:
    assert not is_readable(mailbox)
    mailbox.put(1)
    mailbox.put(2)
    assert is_readable(mailbox)
    assert mailbox.take_all() == [1, 2]
    assert not is_readable(mailbox)
    assert mailbox.take_all() == []


def test_more_items_than_the_pipe_holds(mailbox: Mailbox[int]) -> None:
    count = 300_000
    for number in range(count):
        mailbox.put(number)
    assert is_readable(mailbox)
    assert mailbox.take_all() == list(range(count))
    mailbox.put(7)
    assert is_readable(mailbox)


def test_no_item_of_many_threads_is_slept_through(mailbox: Mailbox[int]) -> None:
    def put_all() -> None:
        for number in range(500):
            mailbox.put(number)

    threads = [threading.Thread(target=put_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    taken: list[int] = []
    while len(taken) < 2000:
        assert is_readable(mailbox, DEADLINE_S)
        taken += mailbox.take_all()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted([*range(500)] * 4)


def test_after_the_end_nothing_happens(mailbox: Mailbox[int]) -> None:
    mailbox.close()
    mailbox.put(1)
