# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tasks take, from those that were done: a task's own time and its frames'."""

from pathlib import Path

import pytest
from affekt.shared.batch_sheet import check_row
from affekt.sidecar.batch.check import LONG, SHORT, estimate
from affekt.sidecar.batch.plan import Settings
from affekt.sidecar.batch.rates import NAME, Rates
from affekt.sidecar.batch.task import Answer, Task
from fakes.engines import FakeEngine


def task(frames: int, kind: str = "bake", **options: object) -> Task:
    return Task(row=1, kind=kind, options=options, files=("a",), frames=frames)  # pyright: ignore[reportArgumentType]


def done(seconds: float, size: int, *, is_first: bool = False) -> Answer:
    return Answer(seconds=seconds, files={"a": (size, "hash")}, is_first=is_first)


def test_a_tasks_own_time_is_told_from_its_frames(tmp_path: Path) -> None:
    """A second and a twentieth of one for each frame."""
    rates = Rates(tmp_path)
    rates.note(task(8), done(1.4, 80))
    assert rates.find(task(16)) is not None
    assert rates.find(task(64)) is None  # of eight frames nobody knows
    rates.note(task(72), done(4.6, 720))
    rates.note(task(500), done(99.0, 1, is_first=True))  # which had to load
    rate = rates.find(task(300))
    assert rate is not None
    assert (rate.task, rate.frame, rate.size) == pytest.approx((1.0, 0.05, 10.0))
    rates.keep()
    again = Rates(tmp_path).find(task(300))
    assert again is not None
    assert (again.task, again.frame) == pytest.approx((1.0, 0.05))


def test_tasks_of_one_length_and_a_line_that_would_fall(tmp_path: Path) -> None:
    rates = Rates(tmp_path)
    for seconds in (6.0, 6.8):
        rates.note(task(64), done(seconds, 64))
    rate = rates.find(task(128))
    assert rate is not None
    assert (rate.task, rate.frame) == pytest.approx((0.0, 0.1))
    rates.note(task(4, "render"), done(9.0, 4))
    rates.note(task(64, "render"), done(3.0, 64))
    rate = rates.find(task(999, "render"))
    assert rate is not None
    assert (rate.task, rate.frame) == pytest.approx((6.0, 0.0))


def test_new_ones_count_twice_as_much_as_old_ones(tmp_path: Path) -> None:
    for seconds in (10.0, 40.0):
        rates = Rates(tmp_path)
        rates.note(task(10), done(seconds, 100))
        rates.keep()
    rate = Rates(tmp_path).find(task(10))
    assert rate is not None
    assert rate.frame == pytest.approx((40 + 0.5 * 10) / 15)


@pytest.mark.parametrize("text", ["", "[]", '{"bake": [1, 2]}', '{"bake": [1, 2, 3, 4, 5, 6, "x"]}',
                                  '{"bake": [0, 0, 0, 0, 0, 0, 0]}',
                                  '{"bake": [1, NaN, 3, 4, 5, 6, 7]}'])  # fmt: skip
def test_rates_that_are_damaged_count_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert Rates(tmp_path).find(task(1)) is None


def test_what_was_never_done_is_said_and_tried_until_no_worker_loads(tmp_path: Path) -> None:
    """Two lengths, in chunks of their own, each as often as a worker did it for the first time."""
    loading, said = {"bake": 3}, list[str]()

    def answer(given: Task) -> Answer:
        if given.kind == "facts":
            text = str(given.options.get("frames", "0-299"))
            first, last = (int(part) for part in text.split("-"))
            return Answer(facts={"frames": last - first + 1, "fps": 30.0, "space": "open"})
        loading["bake"] -= given.kind == "bake"
        is_first = given.kind == "bake" and loading["bake"] >= 0
        files = dict.fromkeys(given.files, (given.frames, "hash"))
        seconds = 2.0 + 0.125 * given.frames + 50 * is_first
        return Answer(seconds=seconds, files=files, is_first=is_first)

    rows = [check_row({"take": "a", "out": "b", "outputs": "bake"}, 1)]
    engine, settings = FakeEngine(answer), Settings(folder=tmp_path)
    found = estimate(rows, settings, engine, Rates(tmp_path / "none"), said.append)
    assert found.seconds == pytest.approx(2.0 + 0.125 * 300)
    tried = [given for given in engine.given if given.kind == "bake"]
    assert [given.frames for given in tried] == [LONG, SHORT, LONG, SHORT, LONG, SHORT]
    assert len({str(given.options["cache_dir"]) for given in tried}) == len(tried)
    assert said[0].startswith("Reading")
    assert [text for text in said if "bake" in text] == said[1:]
    assert not list(tmp_path.glob(".affekt-sample-*"))
