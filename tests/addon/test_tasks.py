# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks step by step, without Blender."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from affekt.addon.link import tasks
from affekt.addon.link.tasks import Progress, Steps, Task
from affekt.shared.errors import InputError, JobError


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


def test_a_task_is_stepped_to_its_sentence() -> None:
    ended: list[str] = []
    task = Task("Count", count(ended))
    assert (task.progress.fraction, task.progress.text, task.result) == (0, "Count", "")
    assert not task.outlives_file
    seen = []
    while not task.step():
        seen.append((task.progress.fraction, task.progress.text))
    assert seen == [(0.25, "One"), (0.75, "Two")]
    assert (task.result, ended) == ("Counted to two.", ["done", "left"])
    task.cancel()
    assert Task("Count", count(ended)).run() == "Counted to two."


def test_a_task_that_is_cancelled_cleans_up_where_it_is() -> None:
    ended: list[str] = []
    task = Task("Count", count(ended))
    assert not task.step()
    task.cancel()
    assert ended == ["left"]
    assert task.result == ""


def test_what_ends_a_task_is_raised() -> None:
    def fail() -> Steps:
        yield Progress(fraction=0.5, text="Half")
        raise InputError("file.missing", "It is not there.", "Look for it.")

    task = Task("Fail", fail())
    task.step()
    with pytest.raises(InputError) as caught:
        task.step()
    assert caught.value.code == "file.missing"


def test_one_task_at_a_time() -> None:
    assert tasks.running_task() is None
    ended: list[str] = []
    first = tasks.start_task(Task("Bake", count(ended)))
    assert tasks.running_task() is first
    first.step()
    with pytest.raises(JobError, match="Bake is still under way") as caught:
        tasks.start_task(Task("Count", count([])))
    assert caught.value.code == "job.busy"
    assert tasks.running_task() is first
    tasks.end_task()
    assert tasks.running_task() is None
    assert ended == ["left"]
    tasks.end_task()
    second = tasks.start_task(Task("Count", count([])))
    assert tasks.running_task() is second


@pytest.mark.parametrize("outlives_file", [True, False])
def test_another_file_ends_what_is_about_the_old_one(outlives_file: bool) -> None:
    tasks.end_task_of_file()
    task = tasks.start_task(Task("Count", count([]), outlives_file=outlives_file))
    tasks.end_task_of_file()
    assert tasks.running_task() is (task if outlives_file else None)
