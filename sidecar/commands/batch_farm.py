# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt batch openjd`, `flamenco`, `task` and `report`: for engines that start programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ...shared.wording import say_count
from .batch import Rows, Where, finish_batch, say_faults

if TYPE_CHECKING:
    from ..batch.written import Written


@dataclass(frozen=True)
class Farm:
    """What both kinds of farm are told."""

    rows: tyro.conf.OmitArgPrefixes[Rows]
    out: Annotated[Path, tyro.conf.arg()]
    """Folder of the batch, which all workers see: the job, all that its tasks read, and all
    results."""
    where: tyro.conf.OmitArgPrefixes[Where] = field(default_factory=Where)

    def write(self, encode: Callable[[Mapping[str, int]], Mapping[str, bytes]]) -> str:
        """Writes the plan, and the files that are made of it (tasks of each stage -> the job's
        files); how many tasks there are. Raises InputError `option.dask` with --dask, which needs
        no templates, `batch.running`."""
        from ...shared.errors import InputError
        from ..batch.farm import portable_rows
        from ..batch.lock import FolderLock
        from ..batch.written import write_plan
        from ..files import check_outputs, write_whole

        if self.where.dask is not None:
            raise InputError(
                "option.dask", "A dask cluster needs no templates.", "Use `affekt batch --dask`."
            )
        folder = self.out.absolute()
        sheet = self.rows.read(folder)
        check_outputs(folder=folder, sources=(self.rows.sheet,))
        say_faults(sheet)
        with FolderLock(folder):
            with self.where.engine(folder, makes_way=False) as (engine, _):
                settings = self.where.settings(folder, is_farm=True)
                written = write_plan(portable_rows(sheet.rows(), folder), settings, engine)
            for name, data in encode(written.counts).items():
                write_whole(folder / name, data)
        return _said(written)


@dataclass(frozen=True)
class OpenJD(Farm):
    """Write a batch as an Open Job Description: a job template and all that its tasks read."""

    def run(self) -> None:
        from ..batch.openjd import NAME, encode_template

        path = self.out / NAME
        said = self.write(lambda counts: {NAME: encode_template(counts, self.rows.sheet.name)})
        print(f"{path}: {said}")
        print(f"  try it here: openjd run {path} -p Folder={self.out.absolute()}")


@dataclass(frozen=True)
class Flamenco(Farm):
    """Write a batch for Flamenco: its job type, and the settings to submit it with."""

    def run(self) -> None:
        from ..batch.flamenco import JOB, JOB_TYPE, encode_job, read_job_type

        name, folder = self.rows.sheet.name, self.out.absolute()
        said = self.write(
            lambda counts: {JOB_TYPE: read_job_type(), JOB: encode_job(counts, name, folder)}
        )
        print(f"{self.out / JOB}: {said}")
        print(f"  put {JOB_TYPE} into the manager's folder scripts, then post the job to it")


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
        from ..batch.lock import FolderLock
        from ..batch.written import check_plan, collect

        began, folder = time.time(), self.folder.absolute()
        check_plan(folder)
        with FolderLock(folder):
            journal = collect(folder)
            finish_batch(folder, journal, sheet=folder.name, began=began, engine="a farm")
