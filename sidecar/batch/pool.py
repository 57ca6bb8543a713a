# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine on this machine: processes that do one task after the other, and that are started again
when they die. Each has the modules and the avatars of its last tasks in memory.

A thread for each worker writes a task to its standard input and waits for the answer's line.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from ...shared.errors import AffektError, InputError, JobError
from ...shared.wording import say_count
from .task import encode_answer, failed
from .work import too_little_memory
from .worker import MAKE_WAY_SETTING, MEMORY_SETTING, PARENT_SETTING

WORKER_COMMAND = (sys.executable, "-m", "affekt.sidecar.batch")
MOST_TRIES = 3
"""A task whose worker has died so often is given up: it may be the task."""
WORKER_BYTES = 2_000_000_000
"""What a worker takes that draws an avatar; fewer are started where there is less memory."""
LEAST_BYTES = 1_000_000_000
"""What a worker takes that has only loaded what it works with."""
_MEMORY_SHARE = 0.75
_KILLED = -9
_CARDS_SETTING = "CUDA_VISIBLE_DEVICES"
"""The cards that CUDA may use, apart by commas, where the user leaves us only some."""


def check_workers(workers: int) -> None:
    """Raises InputError `option.workers` for none, or for so many that each would have too little
    memory to begin."""
    most = max(1, int(_MEMORY_SHARE * psutil.virtual_memory().total // LEAST_BYTES))
    if not 1 <= workers <= most:
        raise InputError(
            "option.workers",
            f"{say_count(workers, 'worker')} cannot share this machine.",
            f"Start 1 to {most}: each needs {LEAST_BYTES / 1e9:g} GB of memory to begin with.",
        )


def default_workers() -> int:
    """As many as there are processors that we may use, as far as the memory goes."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    memory = int(_MEMORY_SHARE * psutil.virtual_memory().total // WORKER_BYTES)
    return max(1, min(cores, memory))


class Pool:
    """An `Engine`. Use it as a context: it ends its processes."""

    def __init__(self, workers: int, logs: Path, *, cards: int = 0, makes_way: bool = True) -> None:
        """logs: a folder for what workers print. cards: how many graphics cards are shared out
        among the workers, 0 to let each see them all. makes_way: whether all else on this machine
        goes first."""
        self.slots = 2 * workers
        self._tasks: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._is_closed = threading.Event()
        told = {PARENT_SETTING: str(os.getpid())}
        told |= {MAKE_WAY_SETTING: "1"} if makes_way else {}
        self._workers = [
            _Worker(logs / f"worker_{n}.log", told | _share(n, workers, cards))
            for n in range(workers)
        ]
        self._threads = [
            threading.Thread(target=self._serve, args=(worker,), daemon=True)
            for worker in self._workers
        ]

    def __enter__(self) -> Pool:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed.set()
        for worker in self._workers:
            self._tasks.put(None)
            worker.kill()
        for thread in self._threads:
            thread.join()

    def pids(self) -> list[int]:
        """The processes of the workers that live."""
        return [pid for worker in self._workers if (pid := worker.pid) is not None]

    def submit(self, number: int, text: str) -> None:
        """See `Engine`."""
        self._tasks.put((number, text))

    def wait(self) -> tuple[int, str]:
        """See `Engine`."""
        return self._answers.get()

    def _serve(self, worker: _Worker) -> None:
        while (given := self._tasks.get()) is not None and not self._is_closed.is_set():
            number, text = given
            self._answers.put((number, self._do(worker, text)))

    def _do(self, worker: _Worker, text: str) -> str:
        """The answer, from a new worker if need be; of one that nobody can do, its error."""
        code = None
        for _ in range(MOST_TRIES):
            try:
                answer = worker.ask(text)
            except OSError as error:
                return encode_answer(failed(_no_worker(str(error))))
            if answer is not None:
                return answer
            if self._is_closed.is_set():
                break
            code = worker.end()
        if code == _KILLED:
            return encode_answer(failed(too_little_memory()))
        return encode_answer(failed(_no_worker(f"it ended with the code {code}")))


def _no_worker(reason: str) -> AffektError:
    return JobError(
        "batch.worker",
        f"No worker could do this: {reason}.",
        f"The workers' logs are in .affekt_batch; {MOST_TRIES} workers were tried.",
    )


class _Worker:
    """One process after the other."""

    def __init__(self, log: Path, told: dict[str, str]) -> None:
        """told: by its environment."""
        self._log = log
        self._environment = {**os.environ, **told}
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._is_over = False

    @property
    def pid(self) -> int | None:
        """Of the process, if there is one."""
        process = self._process
        return None if process is None else process.pid

    def ask(self, text: str) -> str | None:
        """The answer's line; None if the process has died. Raises OSError if none can be
        started."""
        process = self._start()
        if process is None:
            return None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(text + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            return line if line.endswith("\n") else None  # half a line: it died as it wrote
        except (OSError, ValueError):
            return None

    def end(self) -> int | None:
        """Clears up behind a process that has died; its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        _kill(process)
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        return code

    def kill(self) -> None:
        """Ends the process, and starts none any more. What is done is kept, the rest is done
        again."""
        with self._lock:
            self._is_over = True
            process = self._process
        if process is not None:
            _kill(process)
            process.wait()
            self.end()

    def _start(self) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._is_over:
                return None
            if self._process is None:
                self._log.parent.mkdir(parents=True, exist_ok=True)
                with self._log.open("ab") as log:
                    self._process = _spawn(self._environment, log.fileno())
            return self._process


def _spawn(environment: dict[str, str], log: int) -> subprocess.Popen[str]:
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    # A session of its own: Ctrl-C is for the batch, and Linux shares a processor by sessions.
    return subprocess.Popen(
        WORKER_COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
        encoding="utf-8",
        creationflags=flags,
        start_new_session=True,
    )


def _kill(process: subprocess.Popen[str]) -> None:
    """Ends a worker, and a Blender that it has started."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            _kill_children(process.pid)
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)  # its session has its number


def _kill_children(pid: int) -> None:
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            child.kill()


def _share(number: int, of: int, cards: int) -> dict[str, str]:
    """What a worker is told of its share of the machine."""
    cores = max(1, (os.cpu_count() or 1) // of)
    told = {"OMP_NUM_THREADS": str(cores)}
    memory = int(_MEMORY_SHARE * psutil.virtual_memory().total / of)
    told[MEMORY_SETTING] = str(memory)
    given = os.environ.get(_CARDS_SETTING)
    listed = [str(n) for n in range(cards)] if given is None else given.split(",")
    if cards:
        told[_CARDS_SETTING] = listed[number % len(listed)].strip()
    return told
