# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool's processes: they die, and are started again. What they do is a script of the test's."""

import os
import sys
from pathlib import Path

import pytest
from affekt.shared.alive import is_process_alive
from affekt.shared.errors import InputError
from affekt.sidecar.batch import pool
from affekt.sidecar.batch.pool import Pool, check_workers, default_workers
from affekt.sidecar.batch.task import decode_answer
from fakes.link import wait_for

WORKER = """
import os, signal, sys, pathlib
for line in iter(sys.stdin.readline, ""):
    word, _, place = line.strip().partition(" ")
    if word == "die" or (word == "once" and not pathlib.Path(place).exists()):
        pathlib.Path(place).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "hang":
        pathlib.Path(place).touch()
        import time; time.sleep(60)
    if word == "child":
        import subprocess, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path(place + ".part").write_text(str(child.pid))
        os.replace(place + ".part", place)
        time.sleep(60)
    if word == "half" and not pathlib.Path(place).exists():
        pathlib.Path(place).touch()
        print('{"notes": ["ha', end="", flush=True)
        sys.exit(3)
    if word == "card":
        word = os.environ["CUDA_VISIBLE_DEVICES"]
    if word == "leave":
        sys.exit(3)
    print('{"notes": ["%s %d"]}' % (word, os.getpid()), flush=True)
"""


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(pool, "WORKER_COMMAND", (sys.executable, "-c", WORKER))
    return tmp_path


def ask(of: Pool, *texts: str) -> dict[int, str]:
    for number, text in enumerate(texts):
        of.submit(number, text)
    return dict(of.wait() for _ in texts)


def test_tasks_are_shared_out_and_answered(workers: Path) -> None:
    with Pool(2, workers) as two:
        assert two.slots == 4
        answers = ask(two, *(f"t{n}" for n in range(20)))
    notes = [decode_answer(answers[n]).notes[0] for n in range(20)]
    assert [note.split()[0] for note in notes] == [f"t{n}" for n in range(20)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_worker_that_dies_costs_its_task_alone(workers: Path) -> None:
    with Pool(1, workers) as one:
        answers = ask(one, "first", f"once {workers / 'died'}", "last")
    first, again, last = (decode_answer(answers[n]).notes[0].split() for n in range(3))
    assert (again[0], again[1]) == ("once", last[1])
    assert first[1] != last[1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_task_that_kills_every_worker_is_given_up(workers: Path) -> None:
    with Pool(1, workers) as one:
        answers = ask(one, f"die {workers / 'x'}", "leave", "next")
    codes = [decode_answer(answers[n]).error for n in range(3)]
    assert codes[0] is not None
    assert codes[0][0] == "batch.memory"  # what the system kills has mostly taken too much
    assert codes[1] is not None
    assert codes[1][0] == "batch.worker"
    assert "code 3" in codes[1][1]
    assert codes[2] is None


def test_half_an_answer_is_none(workers: Path) -> None:
    with Pool(1, workers) as one:
        answers = ask(one, f"half {workers / 'half'}")
    assert decode_answer(answers[0]).notes[0].split()[0] == "half"


@pytest.mark.parametrize(("given", "seen"), [(None, "0"), ("3, 1", "3"), ("GPU-7", "GPU-7")])
def test_cards_are_shared_out_of_those_that_are_left_to_us(
    workers: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, seen: str
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    with Pool(1, workers, cards=4) as one:
        assert decode_answer(ask(one, "card")[0]).notes[0].split()[0] == seen


def test_its_end_is_that_of_its_workers(workers: Path) -> None:
    with Pool(1, workers) as one:
        one.submit(0, f"hang {workers / 'hangs'}")
        wait_for((workers / "hangs").exists, "the task")
        (pid,) = one.pids()
    assert not is_process_alive(pid)


def test_what_a_worker_has_started_ends_with_it(workers: Path) -> None:
    with Pool(1, workers) as one:
        one.submit(0, f"child {workers / 'pid'}")
        wait_for((workers / "pid").exists, "the child")
        child = int((workers / "pid").read_text())
        assert is_process_alive(child)
    wait_for(lambda: not is_process_alive(child), "its end")


@pytest.mark.parametrize("workers", [0, -1, 10**6])
def test_as_many_workers_as_there_is_memory_for(workers: int) -> None:
    check_workers(1)
    check_workers(default_workers())
    with pytest.raises(InputError) as caught:
        check_workers(workers)
    assert caught.value.code == "option.workers"


def test_no_more_workers_than_processors() -> None:
    assert 1 <= default_workers() <= (os.cpu_count() or 1)
