# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch as files, for engines that start a program for each task: in the batch's folder,
`.affekt_batch/plan/` holds the tasks of each stage, a line each, the rows, and the rows that cannot
be made; `affekt batch task FOLDER STAGE NUMBER` does one, `affekt batch report FOLDER` is the last.

Tasks answer into `.affekt_batch/answers/`: one that fails ends with the code 0, so that those of
other rows go on, and the report fails in its place.
"""

from __future__ import annotations

import heapq
import itertools
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from ...shared.batch_sheet import SheetRow
from ...shared.errors import AffektError, InputError, not_writable
from ...shared.replacement import replacing
from ..files import write_whole
from .check import read_facts
from .journal import Journal
from .plan import Facts, Settings, plan_row
from .run import Done, Engine, Outcome, lost_row, outcome_of
from .sheet import Fault
from .task import OWN, Answer, Task, decode_answer, decode_task, encode_answer, encode_task
from .work import run_text, version_text

STAGES = ("bake", "make", "finish", "look")
"""The stages of `plan_row`, by name: each waits for the one before."""
GROUP, MOST_GROUPS = 8, 1000
"""Tasks of a stage that one start of the program does, since the start takes seconds; and how many
such groups an engine takes."""
_ROWS, _LOST = "rows.jsonl", "lost.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How many tasks each stage has, and the rows that cannot be made."""

    counts: Mapping[str, int]
    lost: tuple[Outcome, ...]


def write_plan(rows: Iterable[SheetRow | Fault], settings: Settings, engine: Engine) -> Written:
    """Reads every row's files with the engine, and writes what is to be done; the answers of an
    older plan go. Raises InputError `file.not_writable`, and what the engine raises."""
    folder = settings.folder / OWN / "plan"
    counts: dict[str, int] = dict.fromkeys(STAGES, 0)
    lost = list[Outcome]()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (answers := settings.folder / OWN / "answers").is_dir():
            shutil.rmtree(answers)
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(
                    stack.enter_context(replacing(folder / name)).open("w", encoding="utf-8")
                )
                for name in (*(f"{stage}.jsonl" for stage in STAGES), _ROWS, _LOST)
            }
            for row, facts in read_facts(rows, settings, engine):
                stages = _planned(row, facts, settings)
                if isinstance(stages, Outcome):
                    lost.append(stages)
                    files[_LOST].write(json.dumps(asdict(stages)) + "\n")
                    continue
                assert isinstance(facts, Facts)
                line = {"row": asdict(row), "frames": facts.frames}
                files[_ROWS].write(json.dumps(line) + "\n")
                for name, tasks in stages.items():
                    counts[name] += len(tasks)
                    for task in tasks:
                        files[f"{name}.jsonl"].write(encode_task(task, version_text(), ".") + "\n")
    except OSError as error:
        raise not_writable(folder, error) from error
    return Written(counts=counts, lost=tuple(lost))


def group_size(count: int) -> int:
    """How many of so many tasks one start of the program does."""
    return max(GROUP, -(-count // MOST_GROUPS))


def _planned(
    row: SheetRow | Fault, facts: Facts | str, settings: Settings
) -> dict[str, tuple[Task, ...]] | Outcome:
    """The row's tasks by stage, or why there are none."""
    if isinstance(row, Fault):
        return lost_row(row, row.error)
    if not isinstance(facts, Facts):
        return lost_row(row, InputError("batch.rows", facts, ""))
    try:
        found = plan_row(row, facts, settings)
    except AffektError as error:
        return lost_row(row, error)
    named: dict[str, tuple[Task, ...]] = dict.fromkeys(STAGES, ())
    for tasks in found:
        named[_stage_of(tasks)] = tasks
    return named


def _stage_of(tasks: tuple[Task, ...]) -> str:
    kind = tasks[0].kind
    if kind in ("bake", "look"):
        return kind
    is_last = kind == "blender" or tasks[0].options.get("preview") is True
    return "finish" if is_last else "make"


def run_written(folder: Path, stage: str, number: int) -> tuple[Task, Answer]:
    """Does the task with this number, from 1 on, of a stage, and keeps its answer; of a row that
    another task has failed it is not tried, and has that one's answer. A task that is given out
    again is tried again. Raises InputError `batch.task` if there is none."""
    task = _read_task(folder, stage, number)
    own = _answer_path(folder, stage, number)
    broken = own.with_name(f"row_{task.row}.failed")
    failing = _failing_task(broken)
    other = None if failing in (None, own.stem) else _read_answer(own.with_name(f"{failing}.json"))
    is_earlier = failing is not None and failing.partition("_")[0] != stage
    if other is not None and other.error is not None and (is_earlier or not own.exists()):
        _write(own, encode_answer(other))
        return task, other
    answer = decode_answer(run_text(encode_task(task, version_text(), folder)))
    _write(own, encode_answer(answer))
    if answer.error is not None and other is None:
        _write(broken, own.stem)
    elif failing == own.stem:
        broken.unlink(missing_ok=True)
    return task, answer


def _failing_task(broken: Path) -> str | None:
    """The stage and number of the task that failed a row first, as its answer's file has them."""
    try:
        return broken.read_text("utf-8")
    except (OSError, ValueError):
        return None


def _read_answer(path: Path) -> Answer | None:
    try:
        return decode_answer(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise not_writable(path, error) from error


def _answer_path(folder: Path, stage: str, number: int) -> Path:
    return folder / OWN / "answers" / f"{stage}_{number}.json"


def _read_task(folder: Path, stage: str, number: int) -> Task:
    path = folder / OWN / "plan" / f"{stage}.jsonl"
    if stage in STAGES and number > 0 and path.is_file():
        with path.open(encoding="utf-8") as file:
            line = next(itertools.islice(file, number - 1, None), None)
        if line is not None:
            task, version, _ = decode_task(line)
            if version != version_text():
                raise InputError(
                    "batch.version",
                    f"This machine has Affekt {version_text()}, the batch is of {version}.",
                    "Install the same version, or write the batch anew.",
                )
            return task
    raise InputError(
        "batch.task",
        f"{folder} has no task {number} of the stage '{stage:.20}'.",
        "Write the batch anew with `affekt batch openjd` or `affekt batch flamenco`.",
    )


def check_plan(folder: Path) -> None:
    """Raises InputError `batch.task` for a folder for which no farm's batch was written."""
    if not (folder / OWN / "plan" / _ROWS).is_file():
        raise InputError("batch.task", f"{folder} holds no batch.", "Check the path.")


def collect(folder: Path) -> Journal:
    """The journal of what was done, row by row. Raises InputError `batch.task` without a plan."""
    check_plan(folder)
    plan = folder / OWN / "plan"
    journal = Journal(folder)
    with (plan / _LOST).open(encoding="utf-8") as file:
        for line in file:
            journal.add(Outcome(**json.loads(line)))
    with (plan / _ROWS).open(encoding="utf-8") as file, ExitStack() as stack:
        streams = [_done(folder, stage, stack) for stage in STAGES]
        merged = heapq.merge(*streams, key=lambda step: step.task.row)
        groups = itertools.groupby(merged, key=lambda step: step.task.row)
        for line, (_, steps) in zip(file, groups, strict=False):
            content = json.loads(line)
            cells = {name: _tuple(value) for name, value in content["row"].items()}
            row = SheetRow(**cells)  # pyright: ignore[reportArgumentType]
            journal.add(outcome_of(row, content["frames"], steps))
    return journal


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _done(folder: Path, stage: str, stack: ExitStack) -> Iterator[Done]:
    """The stage's tasks with their answers, in the order of their rows."""
    path = folder / OWN / "plan" / f"{stage}.jsonl"
    file = stack.enter_context(path.open(encoding="utf-8"))
    for number, line in enumerate(file, 1):
        task = decode_task(line)[0]
        answer = _read_answer(_answer_path(folder, stage, number))
        if answer is None:
            broken = ("batch.rows", "Not all of this row was done.", "Run the job again.")
            answer = Answer(error=broken)
        yield Done(task=task, answer=answer)
