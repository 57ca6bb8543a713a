# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a batch on any engine: hands out the tasks of its rows, a few ahead, and tells what became
of each row. It holds only the rows under way, however many there are.
"""

from __future__ import annotations

import collections
import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ...shared.batch_sheet import SheetRow
from ...shared.errors import AffektError, InputError, JobError, refusal
from .plan import Facts, Settings, first_task, plan_row
from .sheet import Fault
from .task import OWN, Answer, Task, decode_answer, encode_task
from .work import version_text

MOST_NOTES = 12
"""So many notes of a row are told: a broken take could say one for each of its tasks."""


class Engine(Protocol):
    """What does tasks. slots: how many may be under way; more than it has workers, so that none
    waits for the next one. Both methods raise AffektError if the engine itself is lost."""

    @property
    def slots(self) -> int: ...
    def submit(self, number: int, text: str) -> None:
        """Does this task some time."""
        ...

    def wait(self) -> tuple[int, str]:
        """Waits for a task that is done: its number and its answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A task that is done."""

    task: Task
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a row. cells: those of its take, emotions, avatar and outputs. state: `kept`
    if nothing had to be done. seconds: of all its tasks together. sha256: of all its files, by name
    and content, but for report.json, which tells times. look: its picture, in the batch's
    folder."""

    number: int
    out: str
    cells: Mapping[str, str]
    state: Literal["done", "kept", "failed"]
    error: tuple[str, str, str] | None = None
    seconds: float = 0.0
    frames: int = 0
    tasks: int = 0
    kept: int = 0
    notes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    sha256: str = ""
    look: str = ""


def run_rows(
    rows: Iterable[SheetRow | Fault], settings: Settings, engine: Engine
) -> Iterator[Done | Outcome]:
    """Makes the rows; yields each task and each row once it is done. Raises what the engine
    raises."""
    runs, numbers = _Runs(rows, settings), itertools.count()
    under_way: dict[int, tuple[_Run, Task]] = {}
    while True:
        while len(under_way) < engine.slots:
            given = runs.take()
            yield from runs.ended()
            if given is None:
                break
            number = next(numbers)
            under_way[number] = given
            engine.submit(number, encode_task(given[1], version_text(), settings.folder))
        if not under_way:
            return
        number, text = engine.wait()
        run, task = under_way.pop(number)
        answer = decode_answer(text)
        runs.note(run, task, answer)
        yield Done(task=task, answer=answer)
        yield from runs.ended()


def run_tasks(tasks: Iterable[Task], folder: Path, engine: Engine) -> Iterator[tuple[Task, Answer]]:
    """Does tasks that wait for nothing, in any order, and yields each. folder: the batch's. Raises
    the first error of a task, and what the engine raises."""
    coming, under_way = enumerate(tasks), dict[int, Task]()
    while True:
        for number, task in itertools.islice(coming, max(engine.slots - len(under_way), 0)):
            under_way[number] = task
            engine.submit(number, encode_task(task, version_text(), folder))
        if not under_way:
            return
        number, text = engine.wait()
        task, answer = under_way.pop(number), decode_answer(text)
        if answer.error is not None:
            raise JobError(*answer.error)
        yield task, answer


@dataclass(slots=True, kw_only=True, eq=False)
class _Run:
    """A row under way. waiting: tasks of its stage. open: how many of them are under way."""

    row: SheetRow
    waiting: collections.deque[Task]
    later: collections.deque[tuple[Task, ...]] = field(default_factory=collections.deque)
    open: int = 0
    frames: int = 0
    seconds: float = 0.0
    tasks: int = 0
    kept: int = 0
    error: tuple[str, str, str] | None = None
    notes: dict[str, None] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    hashes: dict[str, str] = field(default_factory=dict)
    look: str = ""


class _Runs:
    """The rows under way, and those to come."""

    def __init__(self, rows: Iterable[SheetRow | Fault], settings: Settings) -> None:
        self._coming = iter(rows)
        self._settings = settings
        self._active: list[_Run] = []
        self._ended: list[Outcome] = []

    def take(self) -> tuple[_Run, Task] | None:
        """The next task, of the row that was begun first; None if none can be begun now."""
        for run in self._active:
            if run.waiting:
                run.open += 1
                return run, run.waiting.popleft()
        for row in self._coming:
            try:
                if isinstance(row, Fault):
                    raise row.error
                run = _Run(row=row, waiting=collections.deque([_first(row, self._settings)]))
            except AffektError as error:
                self._ended.append(lost_row(row, error))
                continue
            self._active.append(run)
            return self.take()
        return None

    def ended(self) -> list[Outcome]:
        """The rows that have ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def note(self, run: _Run, task: Task, answer: Answer) -> None:
        """Notes what became of a task, and goes to the row's next stage behind the last one."""
        run.open -= 1
        _add(run, task, answer)
        if answer.error is not None:
            run.waiting = collections.deque(t for t in run.waiting if t.kind != task.kind)
        if task.kind == "facts" and answer.facts is not None:
            self._plan(run, Facts(**answer.facts))  # pyright: ignore[reportArgumentType]
        if not run.open and not run.waiting:
            self._go_on(run)

    def _plan(self, run: _Run, facts: Facts) -> None:
        run.frames = facts.frames
        try:
            run.later.extend(plan_row(run.row, facts, self._settings))
        except (AffektError, OSError) as error:
            run.error = _words(_of_disk(error))

    def _go_on(self, run: _Run) -> None:
        if run.error is None and run.later:
            run.waiting.extend(run.later.popleft())
            return
        self._active.remove(run)
        self._ended.append(_outcome(run))


def _add(run: _Run, task: Task, answer: Answer) -> None:
    run.tasks += 1
    run.kept += answer.is_kept
    run.seconds += answer.seconds
    run.notes.update(dict.fromkeys(answer.notes))
    run.devices |= {answer.device} - {""}
    run.error = run.error or answer.error
    if task.kind == "look" and answer.files:
        run.look = task.files[0]
    elif answer.files:
        run.hashes |= {name: entry[1] for name, entry in answer.files.items()}


def outcome_of(row: SheetRow, frames: int, done: Iterable[Done]) -> Outcome:
    """What became of a row whose tasks an engine of somebody else's has done."""
    run = _Run(row=row, waiting=collections.deque(), frames=frames)
    for step in done:
        _add(run, step.task, step.answer)
    run.tasks += 1  # what reads the take, as in `_Runs`
    return _outcome(run)


def _first(row: SheetRow, settings: Settings) -> Task:
    try:
        return first_task(row, settings)
    except OSError as error:
        raise _of_disk(error) from error


def _of_disk(error: Exception) -> AffektError:
    if isinstance(error, AffektError):
        return error
    reason, remedy = refusal(error)
    return InputError("file.not_writable", f"{OWN} cannot be written: {reason}.", remedy)


def _words(error: AffektError) -> tuple[str, str, str]:
    return error.code, error.message, error.remedy


_SHOWN = ("take", "emotions", "avatar", "outputs")


def lost_row(row: SheetRow | Fault, error: AffektError) -> Outcome:
    """The outcome of a row that could not be begun."""
    cells = row.cells if isinstance(row, Fault) else _cells(row)
    return Outcome(
        number=row.number,
        out=row.out if isinstance(row, SheetRow) else row.cells.get("out", ""),
        cells={name: cells.get(name, "") for name in _SHOWN},
        state="failed",
        error=_words(error),
    )


def _cells(row: SheetRow) -> dict[str, str]:
    return {
        "take": row.take,
        "emotions": row.emotions,
        "avatar": row.avatar,
        "outputs": ", ".join(row.outputs),
    }


def _outcome(run: _Run) -> Outcome:
    named = sorted((n, h) for n, h in run.hashes.items() if not n.endswith("/report.json"))
    digest = hashlib.sha256(os.fsencode("\n".join(f"{n} {h}" for n, h in named))).hexdigest()
    # What reads a take makes no file and so leaves no mark: it does not count.
    is_kept = run.kept == run.tasks - 1
    return Outcome(
        number=run.row.number,
        out=run.row.out,
        cells=_cells(run.row),
        state="failed" if run.error else "kept" if is_kept else "done",
        error=run.error,
        seconds=round(run.seconds, 3),
        frames=run.frames,
        tasks=run.tasks,
        kept=run.kept,
        notes=tuple(run.notes)[:MOST_NOTES],
        devices=tuple(sorted(run.devices)),
        sha256=digest if named else "",
        look=run.look,
    )
