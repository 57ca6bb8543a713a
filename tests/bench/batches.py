# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch costs beside its work: a task's overhead on the pool and on dask, two workers
against one, the main process's memory, and a scheduler of up to 64 workers whose tasks sleep."""

from __future__ import annotations

import contextlib
import csv
import gc
import itertools
import os
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

from affekt.shared.batch_sheet import SheetRow, check_row
from affekt.shared.motion import cut_motion
from affekt.sidecar.batch.plan import Settings
from affekt.sidecar.batch.pool import Pool
from affekt.sidecar.batch.run import Done, Engine, Outcome, run_rows
from affekt.sidecar.batch.sheet import Sheet
from affekt.sidecar.batch.task import Answer, Task, decode_task, encode_answer, encode_task
from affekt.sidecar.batch.work import version_text
from affekt.sidecar.motion.write import write_motion
from rich.console import Console
from rich.table import Table

from .job import FRAMES, long_take

TASKS = 300
SLEEP_S = 0.1
ROWS, TURN = 200, 20


def run_batches_bench(rows: int = ROWS) -> None:
    """Prints the table. rows: baked by one worker and by two; 0 to leave that out."""
    table = Table("batches", "aim", "measured")
    before = os.getloadavg() if hasattr(os, "getloadavg") else ()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Pool(2, folder / "logs", makes_way=False) as pool:
            table.add_row(
                "overhead a task, pool of 2", "5 ms", f"{overhead_ms(pool, 2, folder):.2f} ms"
            )
        with contextlib.suppress(ImportError), small_cluster(folder) as cluster:
            table.add_row(
                "overhead a task, dask, 2", "20 ms", f"{overhead_ms(cluster, 2, folder):.2f} ms"
            )
        for workers in (1, 4, 16, 64):
            share = sleeping_share(workers, folder)
            said = f"{100 * share:.1f} % of the ideal"
            table.add_row(f"{workers} workers, tasks of {SLEEP_S:g} s", "", said)
        few, many = held_bytes(10, folder), held_bytes(10_000, folder)
        table.add_row(
            "main process, 10 to 10,000 rows", "flat", f"{few / 1e3:.0f} to {many / 1e3:.0f} kB"
        )
        if rows:
            one, two = bake_rates(folder / "bakes", rows)
            said = f"{one:.0f}, {two:.0f} frames/s: {50 * two / one:.0f} %"
            table.add_row(f"{rows} rows of {FRAMES} frames baked, by 1 and by 2", "90 % x 2", said)
    Console(width=120).print(table)
    loads = [*before, *(os.getloadavg() if hasattr(os, "getloadavg") else ())]
    print(f"{os.cpu_count()} cores, load {min(loads):.1f} to {max(loads):.1f}")


def overhead_ms(engine: Engine, workers: int, folder: Path) -> float:
    """Milliseconds of a task that does nothing, of an engine that is warm, times its workers."""
    text = encode_task(Task(row=1, kind="nothing", options={}), "another", folder)
    for number in range(engine.slots):
        engine.submit(number, text)
    for _ in range(engine.slots):
        engine.wait()
    began, given = time.perf_counter(), 0
    for _ in range(engine.slots):
        engine.submit(given, text)
        given += 1
    for _ in range(TASKS):
        engine.wait()
        if given < TASKS:
            engine.submit(given, text)
            given += 1
    return 1e3 * (time.perf_counter() - began) / TASKS * workers


@contextlib.contextmanager
def small_cluster(folder: Path) -> Iterator[Engine]:
    """Two worker processes of dask on this machine. Raises ImportError without it."""
    from affekt.sidecar.batch.cluster import Cluster
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local,
        Cluster(local.scheduler_address, folder) as cluster,
    ):
        yield cluster


class SleepingEngine:
    """So many workers whose tasks sleep: what is left is the scheduler's own cost."""

    def __init__(self, workers: int) -> None:
        self.slots = 2 * workers
        self._free = threading.Semaphore(workers)
        self._done: list[tuple[int, str]] = []
        self._has_done = threading.Condition()

    def submit(self, number: int, text: str) -> None:
        threading.Thread(target=self._do, args=(number, text)).start()

    def _do(self, number: int, text: str) -> None:
        with self._free:
            time.sleep(SLEEP_S)
        with self._has_done:
            self._done.append((number, encode_answer(answer(decode_task(text)[0]))))
            self._has_done.notify()

    def wait(self) -> tuple[int, str]:
        with self._has_done:
            self._has_done.wait_for(lambda: self._done)
            return self._done.pop()


def answer(task: Task) -> Answer:
    if task.kind == "facts":
        return Answer(facts={"frames": FRAMES, "fps": 30.0, "space": "open"})
    return Answer(files=dict.fromkeys(task.files, (1, "0" * 64)))


def coming(rows: int) -> Iterator[SheetRow]:
    cells = {"take": "a.npz", "avatar": "open", "emotions": "sad"}
    return (check_row({**cells, "out": f"line_{n}"}, n) for n in range(1, rows + 1))


def sleeping_share(workers: int, folder: Path) -> float:
    """How near a batch of sleeping tasks comes to so many workers that never wait."""
    began = time.perf_counter()
    steps = list(run_rows(coming(10 * workers), Settings(folder=folder), SleepingEngine(workers)))
    tasks = sum(isinstance(step, Done) for step in steps)
    return tasks * SLEEP_S / workers / (time.perf_counter() - began)


class InstantEngine:
    """Answers at once."""

    slots = 4

    def __init__(self) -> None:
        self._waiting: list[tuple[int, str]] = []

    def submit(self, number: int, text: str) -> None:
        self._waiting.append((number, encode_answer(answer(decode_task(text)[0]))))

    def wait(self) -> tuple[int, str]:
        return self._waiting.pop(0)


def held_bytes(rows: int, folder: Path) -> int:
    """Bytes that the main process holds near the end of a sheet of so many rows, read from a
    file."""
    sheet, held = folder / f"{rows}.csv", 0
    (folder / "a.npz").touch()
    with sheet.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("take", "out"))
        writer.writerows(("a.npz", f"line_{n}") for n in range(rows))
    tracemalloc.start()
    found = Sheet(path=sheet, defaults={}).rows()
    for step in run_rows(found, Settings(folder=folder), InstantEngine()):
        if isinstance(step, Outcome) and step.number == rows - 4:
            gc.collect()
            held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return held


def bake_rates(folder: Path, rows: int) -> tuple[float, float]:
    """Frames a second of so many bakes, each of another emotion, by one worker and by two, which
    take turns, so that both meet the same machine; behind a row for each worker that warms it
    up."""
    folder.mkdir(parents=True)
    write_motion(cut_motion(long_take(), 0, FRAMES), folder / "take.npz")
    version_text()
    settings, seconds = Settings(folder=folder, cache="out:.affekt_batch/chunks"), {1: 0.0, 2: 0.0}
    with contextlib.ExitStack() as stack:
        pools = {
            n: stack.enter_context(Pool(n, folder / f"logs{n}", makes_way=False)) for n in (1, 2)
        }
        numbers = itertools.count(1)
        for workers, pool in pools.items():
            bake_rows(itertools.islice(numbers, 4 * workers), settings, pool)
        for _ in range(0, rows, TURN):
            for workers, pool in pools.items():
                seconds[workers] += bake_rows(itertools.islice(numbers, TURN), settings, pool)
    return rows * FRAMES / seconds[1], rows * FRAMES / seconds[2]


def bake_rows(numbers: Iterable[int], settings: Settings, pool: Pool) -> float:
    """Seconds for rows with these numbers."""
    take = str(settings.folder / "take.npz")
    asked = [
        check_row({"take": take, "emotions": f"happy {n / 1000:g}", "out": f"line_{n}"}, n)
        for n in numbers
    ]
    began = time.perf_counter()
    for step in run_rows(asked, settings, pool):
        assert not isinstance(step, Done) or step.answer.error is None, step
    return time.perf_counter() - began
