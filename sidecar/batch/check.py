# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch will take, before it is begun: which rows cannot be made, how long it takes, how
much of the disk. Times come from measured rates (`rates.py`); what was never done here is tried
on a few frames."""

from __future__ import annotations

import collections
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from ...shared.batch_sheet import SheetRow
from ...shared.errors import AffektError
from .plan import Facts, Settings, first_task, plan_row
from .rates import Rates, kind_of
from .run import Done, Engine, run_rows
from .sheet import Fault
from .task import Task, decode_answer, encode_task
from .work import version_text

_Known: TypeAlias = "tuple[SheetRow, Facts] | tuple[SheetRow | Fault, str]"
SAMPLE = 16
"""Frames of a sample, behind as many that warm up."""


@dataclass(slots=True, kw_only=True)
class Estimate:
    """What is known beforehand. faults: row and sentence. seconds: of work, all workers together.
    unknown: kinds of tasks whose sample failed too."""

    rows: int = 0
    frames: int = 0
    seconds: float = 0.0
    bytes: float = 0.0
    faults: list[tuple[int, str]] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)

    def fail(self, number: int, sentence: str) -> None:
        """Notes a row that cannot be made."""
        self.faults.append((number, sentence))


def estimate(
    rows: Iterable[SheetRow | Fault], settings: Settings, engine: Engine, rates: Rates
) -> Estimate:
    """Reads every row's files and adds up what its tasks take. Raises what the engine raises."""
    found, frames = Estimate(), dict[str, tuple[Task, int]]()
    samples = list[tuple[SheetRow | Fault, Facts]]()
    for row, facts in read_facts(rows, settings, engine):
        found.rows += 1
        if not isinstance(facts, Facts):
            found.fail(row.number, facts)
            continue
        tasks = _tasks(row, facts, settings, found)
        if any(kind_of(t) not in frames and rates.find(t) is None for t in tasks):
            samples.append((row, facts))
        found.frames += facts.frames if tasks else 0
        for task in tasks:
            before = frames.get(kind_of(task), (task, 0))[1]
            frames[kind_of(task)] = task, before + task.frames
    for row, facts in samples:  # the engine is free only now
        _measure(row, facts, settings, engine, rates)
    for task, count in frames.values():
        _add(found, task, count, rates)
    return found


def read_facts(
    rows: Iterable[SheetRow | Fault], settings: Settings, engine: Engine
) -> Iterator[tuple[SheetRow, Facts] | tuple[SheetRow | Fault, str]]:
    """Each row with what is known of it, or the sentence that says why it cannot be made; in the
    order of the rows, whichever is read first."""
    order, known = collections.deque[int](), dict[int, _Known]()
    for found in _all_facts(rows, settings, engine, order):
        known[found[0].number] = found
        while order and order[0] in known:
            yield known.pop(order.popleft())


def _all_facts(
    rows: Iterable[SheetRow | Fault],
    settings: Settings,
    engine: Engine,
    order: collections.deque[int],
) -> Iterator[_Known]:
    """The same as they come. order: is told the number of each row that is begun."""
    under_way: dict[int, SheetRow] = {}
    for row in rows:
        order.append(row.number)
        try:
            if isinstance(row, Fault):
                raise row.error
            text = encode_task(first_task(row, settings), version_text(), settings.folder)
        except AffektError as error:
            yield row, str(error)
            continue
        if len(under_way) >= engine.slots:
            yield _read(under_way, engine)
        under_way[row.number] = row
        engine.submit(row.number, text)
    while under_way:
        yield _read(under_way, engine)


def _read(
    under_way: dict[int, SheetRow], engine: Engine
) -> tuple[SheetRow, Facts] | tuple[SheetRow, str]:
    number, text = engine.wait()
    row, answer = under_way.pop(number), decode_answer(text)
    if answer.error is not None:
        return row, " ".join(answer.error[1:])
    return row, Facts(**(answer.facts or {}))  # pyright: ignore[reportArgumentType]


def _tasks(row: SheetRow | Fault, facts: Facts, settings: Settings, found: Estimate) -> list[Task]:
    assert isinstance(row, SheetRow)
    try:
        stages = plan_row(row, facts, settings)
    except AffektError as error:
        found.fail(row.number, str(error))
        return []
    return [task for stage in stages for task in stage if task.frames]


def _add(found: Estimate, task: Task, frames: int, rates: Rates) -> None:
    """Adds so many frames of this kind of task."""
    rate = rates.find(task)
    if rate is None:
        found.unknown.add(kind_of(task))
        return
    found.seconds += rate[0] * frames
    found.bytes += rate[1] * frames


def _measure(
    row: SheetRow | Fault, facts: Facts, settings: Settings, engine: Engine, rates: Rates
) -> None:
    """Makes some frames of a row into a folder that goes again, and notes what they took. It lies
    in the batch's, where the row's inputs are."""
    assert isinstance(row, SheetRow)
    first = int(row.frames.split("-")[0]) if row.frames else 0
    count = min(SAMPLE, (facts.frames + 1) // 2)
    with tempfile.TemporaryDirectory(prefix=".affekt-sample-", dir=settings.folder) as name:
        for begin in (first, first + facts.frames - count):
            span = f"{begin}-{begin + count - 1}"
            sample = replace(row, frames=span, out=f"{Path(name).name}/{begin}")
            for step in run_rows([sample], settings, engine):
                if not isinstance(step, Done):
                    continue
                if step.task.kind == "look":
                    (settings.folder / step.task.files[0]).unlink(missing_ok=True)
                if begin != first:
                    rates.note(step.task, step.answer)
