# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn asks the disk once a second, and at once where something else is asked."""

import pytest
from affekt.addon import glance as module
from affekt.addon.glance import glance, look_again


def test_files_are_looked_at_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks = [100.0], []
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def look(name: str) -> int:
        def ask() -> int:
            looks.append(name)
            return len(looks)

        return glance(("test", name), ask)

    look_again()
    assert [look("a"), look("a"), look("b"), look("a")] == [1, 1, 2, 1]
    now[0] += 0.999
    assert look("a") == 1
    now[0] += 0.002
    assert look("a") == 3
    look_again()
    assert look("a") == 4
    for number in range(1000):
        look(str(number))
    assert len(module._known) <= module._MOST_KNOWN
    look_again()


def test_an_answer_of_none_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "monotonic", lambda: 5.0)
    looks = []
    look_again()
    for _ in range(3):
        assert glance("test", lambda: looks.append(1)) is None
    assert looks == [1]
    look_again()
