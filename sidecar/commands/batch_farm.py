# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt batch openjd`, `flamenco`, `task` and `report`: for engines that start programs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ...shared.wording import say_count
from .batch import Rows, Where, finish_batch, say_faults

if TYPE_CHECKING:
    from ..batch.written import Written


@dataclass(frozen=True)
class OpenJD:
    """Write a batch as an Open Job Description: a job template and all that its tasks read."""

    rows: tyro.conf.OmitArgPrefixes[Rows]
    out: Annotated[Path, tyro.conf.arg()]
    """Folder of the batch, which all workers see: the template, inputs, and all results."""
    where: tyro.conf.OmitArgPrefixes[Where] = field(default_factory=Where)

    def run(self) -> None:
        from ..batch.openjd import NAME, encode_template
        from ..files import write_whole

        written = _write(self.rows, self.out, self.where)
        path = self.out / NAME
        write_whole(path, encode_template(written.counts, self.rows.sheet.name))
        print(f"{path}: {_said(written)}")
        print(f"  try it here: openjd run {path} -p Folder={self.out.absolute()}")


@dataclass(frozen=True)
class Flamenco:
    """Write a batch for Flamenco: its job type, and the settings to submit it with."""

    rows: tyro.conf.OmitArgPrefixes[Rows]
    out: Annotated[Path, tyro.conf.arg()]
    """Folder of the batch, which all workers see: inputs, and all results."""
    where: tyro.conf.OmitArgPrefixes[Where] = field(default_factory=Where)

    def run(self) -> None:
        from ..batch.flamenco import JOB, JOB_TYPE, encode_job, read_job_type
        from ..files import write_whole

        written = _write(self.rows, self.out, self.where)
        job = encode_job(written.counts, self.rows.sheet.name, self.out.absolute())
        write_whole(self.out / JOB_TYPE, read_job_type())
        write_whole(self.out / JOB, job)
        print(f"{self.out / JOB}: {_said(written)}")
        print(f"  put {JOB_TYPE} into the manager's folder scripts, then post the job to it")


def _write(rows: Rows, out: Path, where: Where) -> Written:
    """Writes the plan. Raises InputError `option.dask` with --dask, which needs no templates."""
    from ...shared.errors import InputError
    from ..batch.farm import portable_rows
    from ..batch.written import write_plan
    from ..files import check_outputs

    if where.dask is not None:
        raise InputError(
            "option.dask", "A dask cluster needs no templates.", "Use `affekt batch --dask`."
        )
    folder, sheet = out.absolute(), rows.read()
    check_outputs(folder=folder, sources=(rows.sheet,))
    say_faults(sheet)
    with where.engine(folder) as (engine, _):
        return write_plan(
            portable_rows(sheet.rows(), folder), where.settings(folder, is_farm=True), engine
        )


def _said(written: Written) -> str:
    tasks = say_count(sum(written.counts.values()), "task")
    lost = len(written.lost)
    return tasks + (f", without {say_count(lost, 'row')} that cannot be made" if lost else "")


@dataclass(frozen=True)
class Task:
    """Do tasks of a batch that was written for a farm: what its jobs call."""

    folder: Annotated[Path, tyro.conf.Positional]
    """The batch's folder."""
    stage: Annotated[Literal["bake", "make", "finish", "look"], tyro.conf.Positional]
    """Which stage."""
    first: Annotated[int, tyro.conf.Positional]
    """Which task of it, from 1 on."""
    count: Annotated[int, tyro.conf.Positional] = 1
    """How many from there on, as far as there are so many."""

    def run(self) -> None:
        from ...shared.errors import InputError
        from ..batch.written import run_written

        for number in range(self.first, self.first + self.count):
            began = time.perf_counter()
            try:
                task, answer = run_written(self.folder.absolute(), self.stage, number)
            except InputError as error:
                if error.code == "batch.task" and number > self.first:
                    return  # the last group is not full
                raise
            for note in answer.notes:
                print(note)
            seconds = time.perf_counter() - began
            said = "failed" if answer.error else "there from before" if answer.is_kept else "done"
            print(f"row {task.row}, {task.kind}: {said} after {seconds:.1f} s", flush=True)
            if answer.error is not None:
                print(f"  {answer.error[1]} {answer.error[2]} [{answer.error[0]}]")


@dataclass(frozen=True)
class Report:
    """Say how a batch that a farm has done went: report.html, and an exit code."""

    folder: Annotated[Path, tyro.conf.Positional]
    """The batch's folder."""

    def run(self) -> None:
        from ..batch.written import collect

        began, folder = time.time(), self.folder.absolute()
        journal = collect(folder)
        finish_batch(folder, journal, sheet=folder.name, began=began, engine="a farm")
