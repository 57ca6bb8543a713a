# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody waits for two turns of another."""

from __future__ import annotations

from affekt.sidecar.server.round_robin import RoundRobin
from hypothesis import given
from hypothesis import strategies as st


def test_nobody_waits() -> None:
    assert RoundRobin[str]().take([]) is None


def test_round_robin() -> None:
    turns = RoundRobin[str]()
    assert [turns.take("abc") for _ in range(7)] == list("abcabca")


def test_a_newcomer_stands_behind() -> None:
    turns = RoundRobin[str]()
    turns.take("ab")
    assert [turns.take("nab"), turns.take("nab"), turns.take("nab")] == ["b", "a", "n"]


@given(st.lists(st.sets(st.integers(0, 5), min_size=1), max_size=80))
def test_between_two_turns_of_one_every_other_that_waits_has_one(rounds: list[set[int]]) -> None:
    turns, history = RoundRobin[int](), []
    for waiting in rounds:
        chosen = turns.take(sorted(waiting))
        assert chosen in waiting
        history.append((waiting, chosen))
        for other in waiting - {chosen}:
            # Since it began to wait, nobody else has been served twice.
            served = []
            for earlier, who in reversed(history):
                if other not in earlier or who == other:
                    break
                served.append(who)
            assert len(served) == len(set(served)) or len(served) <= 1, (other, served)
