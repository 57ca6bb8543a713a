# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt batch` and `affekt batch check`."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ...shared.errors import AffektError, InputError
from ...shared.wording import say_count

if TYPE_CHECKING:
    from ...shared.batch_sheet import SheetRow
    from ..batch.journal import Journal, Totals
    from ..batch.plan import Settings
    from ..batch.rates import Rates
    from ..batch.run import Engine, Outcome
    from ..batch.sheet import Fault, Sheet


@dataclass(frozen=True)
class Rows:
    """Which rows there are."""

    sheet: Annotated[Path, tyro.conf.Positional]
    """A CSV or TOML with a row for each line (docs/farm.md), or takes: their folder, or a pattern
    in quotes such as "takes/*.csv"."""
    set: tuple[str, ...] = ()
    """Cells for every row that leaves them empty, such as --set avatar=me.safetensors
    "emotions=happy 0.7"."""

    def read(self, target: Path | None) -> Sheet:
        """The sheet for a batch in that folder. Raises InputError `batch.column`."""
        from ...shared.batch_sheet import check_columns
        from ..batch.sheet import Sheet

        pairs = [text.partition("=") for text in self.set]
        for name, equals, _ in pairs:
            if not equals:
                raise InputError(
                    "batch.column",
                    f"'{name:.40}' sets no column.",
                    "Write --set COLUMN=CELL, in quotes where there are blanks.",
                )
        check_columns(name for name, _, _ in pairs)
        defaults = {name.strip().lower(): cell for name, _, cell in pairs}
        return Sheet(path=self.sheet, defaults=defaults, target=target)


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where the work is done."""

    workers: int | None = None
    """Processes on this machine; as many as it has processors, and memory for, if absent."""
    make_way: bool = True
    """Let Blender and all else on this machine go first; --no-make-way where nobody works."""
    dask: str | None = None
    """Address of a dask cluster's scheduler, such as tcp://HOST:8786, whose workers have this
    Affekt and see --out; with affekt[farm]."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where a worker draws Gaussians: on its card if it has one, its processor, or cards alone."""
    exact: bool = False
    """Draw on processors alone, so that a mixed cluster gives the same bits wherever a row is
    made."""
    blender: str = "blender"
    """Blender's program (5.3 or later), for the output blender."""

    def rows(self, sheet: Sheet, folder: Path) -> Iterator[SheetRow | Fault]:
        """The sheet's rows as the engine's workers find their files."""
        from ..batch.farm import portable_rows

        return sheet.rows() if self.dask is None else portable_rows(sheet.rows(), folder)

    def settings(self, folder: Path, *, is_farm: bool = False) -> Settings:
        """What holds for all rows. Raises InputError `option.exact`."""
        from ..batch.plan import Settings
        from ..batch.task import OUT, OWN

        if self.exact and self.device == "cuda":
            raise InputError(
                "option.exact",
                "No card draws the very bits of a processor.",
                "Leave out --exact or --device cuda.",
            )
        return Settings(
            folder=folder,
            device="cpu" if self.exact else self.device,
            cache=f"{OUT}{OWN}/chunks" if is_farm or self.dask is not None else "",
            blender=self.blender,
        )

    @contextmanager
    def engine(
        self, folder: Path, *, makes_way: bool = True
    ) -> Iterator[tuple[Engine, Callable[[], str]]]:
        """The engine, and what says what it was. makes_way: whether it may, where that is asked
        for."""
        from ..batch.cluster import Cluster
        from ..batch.pool import Pool, check_workers, default_workers
        from ..batch.task import OWN

        if self.dask is not None:
            with Cluster(self.dask, folder) as cluster:
                yield (
                    cluster,
                    lambda: f"{say_count(cluster.most_workers, 'worker')} of {self.dask}",
                )
            return
        workers = default_workers() if self.workers is None else self.workers
        check_workers(workers)
        logs = folder / OWN / "logs"
        makes_way = makes_way and self.make_way
        with Pool(workers, logs, cards=_cards(), makes_way=makes_way) as pool:
            yield pool, lambda: say_count(workers, "worker")


def _cards() -> int:
    """How many cards torch would see; without torch, which the main process does without. 0, so
    that each worker sees them all, where that cannot be told."""
    return len(list(Path("/dev").glob("nvidia[0-9]*"))) if sys.platform == "linux" else 0


@dataclass(frozen=True)
class Batch:
    """Make every row of a sheet: takes, emotions and avatars to bakes, pictures and files. What is
    there from before is kept; a row that fails stops no other; report.html says how it went."""

    rows: tyro.conf.OmitArgPrefixes[Rows]
    out: Annotated[Path, tyro.conf.arg()]
    """Folder for all results; the rows' folders lie in it."""
    where: tyro.conf.OmitArgPrefixes[Where] = field(default_factory=Where)

    def run(self) -> None:
        from ..batch.lock import FolderLock
        from ..batch.rates import Rates
        from ..files import check_outputs

        folder, sheet = self.out.absolute(), self.rows.read(self.out.absolute())
        check_outputs(folder=folder, names=("report.html",), sources=(self.rows.sheet,))
        count = say_faults(sheet)
        rates, began = Rates(), time.time()
        with FolderLock(folder):
            journal, name = self._make(folder, sheet, count, rates)
            rates.keep()
            finish_batch(
                folder,
                journal,
                sheet=self.rows.sheet.name,
                began=began,
                engine=name,
                is_exact=self.where.exact,
            )

    def _make(self, folder: Path, sheet: Sheet, count: int, rates: Rates) -> tuple[Journal, str]:
        """Makes the rows; their journal, and what made them."""
        from ..batch.journal import Journal
        from ..batch.run import Outcome, run_rows

        settings, began = self.where.settings(folder), time.time()
        with self.where.engine(folder) as (engine, say), _Bar(count) as bar:
            journal = Journal(folder)
            try:
                for step in run_rows(self.where.rows(sheet, folder), settings, engine):
                    if isinstance(step, Outcome):
                        journal.add(step)
                        bar.say(step)
                    else:
                        rates.note(step.task, step.answer)
                        bar.move(step.task.frames, is_kept=step.answer.is_kept)
            except BaseException:
                self._report(folder, journal, began, say())
                raise
            return journal, say()

    def _report(self, folder: Path, journal: Journal, began: float, engine: str) -> None:
        """The report of a batch that was broken off."""
        with contextlib.suppress(AffektError):
            say_batch(folder, journal, sheet=self.rows.sheet.name, began=began, engine=engine)


def finish_batch(
    folder: Path, journal: Journal, *, sheet: str, began: float, engine: str, is_exact: bool = False
) -> None:
    """Writes the report. Raises InputError `batch.rows` if a row failed, `file.not_writable`."""
    say_batch(folder, journal, sheet=sheet, began=began, engine=engine, is_exact=is_exact)
    totals = journal.totals
    if journal.fault is not None:
        raise journal.fault
    if totals.failed:
        raise InputError(
            "batch.rows",
            f"{say_count(totals.failed, 'row')} of {totals.rows} failed: {_few(totals)}.",
            f"{folder / 'report.html'} says why; put it right and run the same line again.",
        )


def say_batch(
    folder: Path, journal: Journal, *, sheet: str, began: float, engine: str, is_exact: bool = False
) -> None:
    """Writes the report, and says where. Raises InputError `file.not_writable`."""
    from ..batch.report import About, say_clock, write_report
    from ..batch.work import version_text

    seconds, totals = time.time() - began, journal.totals
    about = About(
        sheet=sheet,
        seconds=seconds,
        engine=engine,
        began=time.strftime("%Y-%m-%d %H:%M", time.localtime(began)),
        version=version_text(),
        is_exact=is_exact,
    )
    path = write_report(folder, journal.path, totals, about)
    print(
        f"{path}: {say_count(totals.rows, 'row')} in {say_clock(seconds)}: {totals.done} done, "
        f"{totals.kept} there from before, {totals.failed} failed"
    )


def _few(totals: Totals) -> str:
    named = ", ".join(f"row {number}" for number in totals.lost)
    return named + (", ..." if totals.failed > len(totals.lost) else "")


def say_faults(sheet: Sheet) -> int:
    """Says what is wrong with the sheet's rows before anything is begun; how many rows there are.
    Raises InputError `batch.sheet`, `batch.column`."""
    from ..batch.sheet import Fault

    count = 0
    for row in sheet.rows():
        count += 1
        if isinstance(row, Fault):
            print(f"row {row.number}: {row.error}", file=sys.stderr)
    return count


class _Bar:
    """Shows how far a batch is where a person looks at the terminal, and says what fails."""

    def __init__(self, rows: int) -> None:
        self._rows, self._frames, self._failed = rows, 0, 0

    def __enter__(self) -> _Bar:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("rows"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=self._rows)
        self._bar.start()
        self._began = time.monotonic()
        return self

    def move(self, frames: int, *, is_kept: bool) -> None:
        """A task is done."""
        self._frames += 0 if is_kept else frames
        rate = self._frames / max(time.monotonic() - self._began, 1e-3)
        failed = f", {self._failed} failed" if self._failed else ""
        self._bar.update(self._task, description=f"{rate:.0f} frames/s{failed}")

    def say(self, outcome: Outcome) -> None:
        """A row is done."""
        self._bar.advance(self._task)
        if outcome.error is not None:
            self._failed += 1
            _, message, remedy = outcome.error
            self._bar.console.print(
                f"row {outcome.number} ({outcome.out}): {message} {remedy}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


@dataclass(frozen=True)
class Check:
    """Say before a batch is begun what is missing, how long it will take, and how much disk."""

    rows: tyro.conf.OmitArgPrefixes[Rows]
    out: Path | None = None
    """Folder for all results, as for `affekt batch`; the sheet's own if absent."""
    where: tyro.conf.OmitArgPrefixes[Where] = field(default_factory=Where)

    def run(self) -> None:
        import tempfile

        from ..batch.check import estimate
        from ..batch.rates import Rates

        sheet, rates = self.rows.read(self.out and self.out.absolute()), Rates()
        target = sheet.target or sheet.folder.absolute()
        with tempfile.TemporaryDirectory(prefix="affekt-check-") as name:
            # A cluster sees the batch's folder alone.
            folder = Path(name) if self.where.dask is None else target
            # A person waits for it, and a rate that was measured behind other programs is theirs.
            with self.where.engine(folder, makes_way=False) as (engine, say):
                rows = self.where.rows(sheet, folder)
                settings = self.where.settings(folder)
                found = estimate(rows, settings, engine, rates, _say_doing)
                workers, said = engine.slots // 2, say()
        rates.keep()
        for number, sentence in found.faults:
            print(f"row {number}: {sentence}")
        _say_needs(found.rows, found.frames, found.seconds / workers, found.bytes, said, target)
        for kind in sorted(found.unknown):
            print(f"  without {kind}, which could not be tried")
        if found.faults:
            raise InputError(
                "batch.rows",
                f"{say_count(len(found.faults), 'row')} of {found.rows} cannot be made.",
                "Mend the sheet; `affekt batch` would make the others.",
            )


def _say_doing(what: str) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)


def _say_needs(
    rows: int, frames: int, seconds: float, size: float, engine: str, target: Path
) -> None:
    from ..batch.report import say_clock

    there = next(path for path in (target, *target.parents) if path.exists())
    free = shutil.disk_usage(there).free
    print(
        f"{say_count(rows, 'row')}, {say_count(frames, 'frame')}: about {say_clock(seconds)} on "
        f"{engine}, {_gigabytes(size)} of disk, of which {_gigabytes(free)} are free"
    )
    if size > free:
        print("  That is more than is free: choose another disk, or fewer outputs.")


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
