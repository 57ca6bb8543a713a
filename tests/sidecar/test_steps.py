# SPDX-License-Identifier: GPL-3.0-or-later
"""A generator is gone through to its end, and says what it has made."""

from collections.abc import Generator

import pytest
from affekt.sidecar.steps import finish


def squares(done: list[int]) -> Generator[int, None, str]:
    for number in (2, 5):
        yield number * number
        done.append(number)
    return "all"


def test_each_step_is_told_as_it_comes_and_the_result_returned() -> None:
    done: list[int] = []
    told: list[tuple[int, int]] = []
    assert finish(squares(done), lambda step: told.append((step, len(done)))) == "all"
    assert told == [(4, 0), (25, 1)]
    assert finish(squares(done)) == "all"
    assert done == [2, 5, 2, 5]


def test_what_fails_while_it_is_told_is_no_end() -> None:
    def fail(step: int) -> None:
        raise StopIteration(step)

    with pytest.raises(StopIteration):
        finish(squares([]), fail)
