# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch will take, before it is begun: which rows cannot be made, how long it takes, how
much of the disk. Times come from measured rates (`rates.py`); what was never done here is tried
on a few frames and on some more, since a task costs something by itself."""

from __future__ import annotations

import collections
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from ...shared.batch_sheet import SheetRow
from ...shared.errors import AffektError
from .plan import SPAN, Facts, Settings, first_task, plan_row
from .rates import Rates, kind_of
from .run import Done, Engine, run_rows
from .sheet import Fault
from .task import OUT, Task, decode_answer, encode_task
from .work import version_text

_Known: TypeAlias = "tuple[SheetRow, Facts] | tuple[SheetRow | Fault, str]"
SHORT, LONG = 8, 8 + SPAN
"""Frames of the two samples: a chunk of a bake and two of them, a short drawing and a whole one."""
_TRIES = 3
"""So often is a sample made for each worker, whose first one loads what it needs."""


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


@dataclass(slots=True, kw_only=True)
class _Sum:
    """All tasks of a kind: the longest one, how many they are, their frames. row: the first that
    has the longest."""

    task: Task
    row: SheetRow
    facts: Facts
    tasks: int = 0
    frames: int = 0


def estimate(
    rows: Iterable[SheetRow | Fault],
    settings: Settings,
    engine: Engine,
    rates: Rates,
    say: Callable[[str], object] = lambda _: None,
) -> Estimate:
    """Reads every row's files and adds up what its tasks take. say: is told what is done. Raises
    what the engine raises."""
    found, sums = Estimate(), dict[str, _Sum]()
    say("Reading the rows' files")
    for row, facts in read_facts(rows, settings, engine):
        found.rows += 1
        if not isinstance(facts, Facts):
            found.fail(row.number, facts)
            continue
        assert isinstance(row, SheetRow)
        tasks = _tasks(row, facts, settings, found)
        found.frames += facts.frames if tasks else 0
        for task in tasks:
            total = sums.setdefault(kind_of(task), _Sum(task=task, row=row, facts=facts))
            total.tasks += 1
            total.frames += task.frames
            if task.frames > total.task.frames:
                total.task, total.row, total.facts = task, row, facts
    for total in sums.values():  # the engine is free only now
        if rates.find(total.task) is None:
            say(f"Trying what was never done here on a few frames: {kind_of(total.task)}")
            _measure(total, settings, engine, rates)
    for total in sums.values():
        _add(found, total, rates)
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


def _add(found: Estimate, total: _Sum, rates: Rates) -> None:
    """Adds all tasks of a kind."""
    rate = rates.find(total.task)
    if rate is None:
        found.unknown.add(kind_of(total.task))
        return
    found.seconds += rate.task * total.tasks + rate.frame * total.frames
    found.bytes += rate.size * total.frames


def _measure(total: _Sum, settings: Settings, engine: Engine, rates: Rates) -> None:
    """Makes some frames of a row and then some more into a folder that goes again, and notes what
    they took; as often as workers may need to load first. It lies in the batch's, where the row's
    inputs are, and has chunks of its own, since chunks that are kept cost nothing."""
    most = total.facts.frames
    counts = (min(LONG, most), max(min(SHORT, most // 4), 1))
    with tempfile.TemporaryDirectory(prefix=".affekt-sample-", dir=settings.folder) as name:
        for number, count in enumerate(counts * (_TRIES * max(engine.slots // 2, 1))):
            out = f"{Path(name).name}/{number}"
            own = replace(settings, cache=f"{OUT}{out}/chunks")
            is_noted = _sample(total.row, count, out, own, engine, rates)
            if not is_noted or (number % 2 and rates.find(total.task) is not None):
                return


def _sample(
    row: SheetRow, count: int, out: str, settings: Settings, engine: Engine, rates: Rates
) -> bool:
    """Makes so many of the row's first frames; whether that went well."""
    first = int(row.frames.split("-")[0]) if row.frames else 0
    some = replace(row, frames=f"{first}-{first + count - 1}", out=out)
    for step in run_rows([some], settings, engine):
        if not isinstance(step, Done):
            return step.error is None
        if step.task.kind == "look":
            (settings.folder / step.task.files[0]).unlink(missing_ok=True)
        rates.note(step.task, step.answer)
    return False
