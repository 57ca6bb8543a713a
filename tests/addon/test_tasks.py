# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a task ends; how it goes on is in test_requests, beside what it waits for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from affekt.addon.link import tasks
from affekt.addon.link.tasks import Progress, Steps, Task


@pytest.fixture(autouse=True)
def nothing_runs() -> Iterator[None]:
    tasks.end_task()
    yield
    tasks.end_task()


def count(ended: list[str]) -> Steps:
    """Two steps and a sentence; says how it ended."""
    try:
        yield Progress(fraction=0.25, text="One")
        yield Progress(fraction=0.75, text="Two")
        ended.append("done")
        return "Counted to two."
    finally:
        ended.append("left")


def test_a_task_that_is_cancelled_cleans_up_where_it_is() -> None:
    ended: list[str] = []
    task = Task("Count", count(ended))
    assert not task.step()
    task.cancel()
    assert (ended, task.result) == (["left"], "")
    whole = Task("Count", count(ended))
    whole.run()
    whole.cancel()  # once it is done nothing is left of it
    assert ended == ["left", "done", "left"]


@pytest.mark.parametrize("outlives_file", [True, False])
def test_another_file_ends_what_is_about_the_old_one(outlives_file: bool) -> None:
    tasks.end_task_of_file()
    assert not Task("Count", count([])).outlives_file
    task = tasks.start_task(Task("Count", count([]), outlives_file=outlives_file))
    tasks.end_task_of_file()
    assert tasks.running_task() is (task if outlives_file else None)


def test_a_task_whose_end_fails_is_forgotten_all_the_same() -> None:
    """The next one can begin; while the old one clears up it is no more the running one."""
    seen: list[object] = []

    def fail() -> Steps:
        try:
            yield Progress(fraction=0.5, text="Half")
        finally:
            seen.append(tasks.running_task())
            raise OSError("the disk has gone")

    task = tasks.start_task(Task("Fail", fail()))
    assert not task.step()
    with pytest.raises(OSError, match="has gone"):
        tasks.end_task()
    assert seen == [None]
    assert tasks.running_task() is None
    tasks.start_task(Task("Count", count([])))
