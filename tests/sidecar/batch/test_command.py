# SPDX-License-Identifier: GPL-3.0-or-later
"""`affekt batch` with real workers: four rows, resumed, and on other engines; forty in the long
tier."""

import contextlib
import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from affekt.shared.take_files import encode_arkit
from affekt.sidecar import cli
from affekt.sidecar.batch.journal import read_journal
from fakes.engines import OPENJD
from fakes.link import wait_for
from fakes.takes import arkit_motion

ROOT = Path(__file__).resolve().parents[3]
EMOTIONS = ("happy", "sad 0.8", "angry", "fear", "disgust", "surprise", "neutral", "Held Anger")


def write_sheet(path: Path, takes: list[str], avatars: list[str], rows: int) -> Path:
    """Small rows: every emotion, every avatar, now and then other outputs."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        names = ("take", "emotions", "avatar", "outputs", "out", "frames", "size")
        writer.writerow(names)
        for n in range(rows):
            outputs = "exr, bake" if n % 10 == 5 else "png" if n % 4 else "png, arkit, mp4"
            take, avatar = takes[n % len(takes)], avatars[n % len(avatars)]
            cells = (take, EMOTIONS[n % len(EMOTIONS)], avatar, outputs, f"shot/{n:02d}", "0-2", 48)
            writer.writerow(cells)
    return path


def hashes(folder: Path) -> dict[int, str]:
    found = read_journal(folder / ".affekt_batch" / "rows.jsonl")
    return {row.number: row.sha256 for row in found if row.state != "failed"}


def states(folder: Path) -> list[str]:
    return [row.state for row in read_journal(folder / ".affekt_batch" / "rows.jsonl")]


def batch(sheet: Path, out: Path, *more: str) -> int:
    words = ["batch", str(sheet), "--out", str(out), "--no-make-way", "--exact", *more]
    return cli.run(words)


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheet")
    (folder / "a.json").write_bytes(encode_arkit(arkit_motion(5)))
    return write_sheet(folder / "s.csv", ["a.json"], ["open"], 4)


def test_four_rows_are_made_once(
    sheet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sheet.open("a") as file:
        file.write("none.json,sad,,bake,missing,,\n")
    assert batch(sheet, tmp_path / "out", "--workers", "1") == 2
    said = capsys.readouterr().err
    assert "row 5: There is no file at" in said  # before the start
    assert "1 row of 5 failed: row 5." in said
    assert states(tmp_path / "out") == ["done"] * 4 + ["failed"]
    first = hashes(tmp_path / "out")
    assert len(set(first.values())) == 4
    assert batch(sheet, tmp_path / "out", "--workers", "1") == 2
    assert states(tmp_path / "out") == ["kept"] * 4 + ["failed"]
    assert hashes(tmp_path / "out") == first
    assert "data:image/jpeg" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_what_is_wrong_with_a_batch_is_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.csv").write_text("take,emotoin,out\na,b,c\n")
    assert cli.run(["batch", str(tmp_path / "s.csv"), "--out", str(tmp_path / "o")]) == 2
    assert "Did you mean 'emotions'?" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    words = ["batch", str(tmp_path / "s.csv"), "--out", str(tmp_path / "o"), "--exact"]
    (tmp_path / "s.csv").write_text("take,out\na,c\n")
    assert cli.run([*words, "--device", "cuda"]) == 2
    assert "option.exact" in capsys.readouterr().err


# --- the long tier --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def forty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty rows of real takes and avatars."""
    data = Path(os.environ.get("AFFEKT_TEST_DATA", ""))
    if not os.environ.get("AFFEKT_TEST_DATA"):
        pytest.skip("AFFEKT_TEST_DATA names no folder of real takes")
    names = ("arkit/test_expression_1s.json", "field/animation_frames.csv")
    takes = [str(data / name) for name in (*names, "field/repeated_timecode.csv")]
    avatars = [
        "open-gaussians",
        *(str(data / f"lam_avatars/{n}.zip") for n in ("barbara", "statue")),
    ]
    return write_sheet(tmp_path_factory.mktemp("forty") / "forty.csv", takes, avatars, 40)


@pytest.fixture(scope="module")
def pooled(forty: Path) -> Path:
    assert batch(forty, forty.parent / "pool", "--workers", "2") == 0
    return forty.parent / "pool"


@contextlib.contextmanager
def cluster(folder: Path, port: int) -> Iterator[list[subprocess.Popen]]:
    """A scheduler and three workers, as processes of their own."""
    address, started = f"tcp://127.0.0.1:{port}", []
    python = (sys.executable, "-m")
    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
    worker = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--memory-limit", "0")
    local = ("--local-directory", str(folder))
    with (folder / "dask.log").open("wb") as log:
        for words in (scheduler, *[(*worker, *local)] * 3):
            command = (*python, *words, "--no-dashboard")
            started.append(subprocess.Popen(command, stdout=log, stderr=log))
    try:
        yield started[1:]
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(60)


@pytest.mark.full
@pytest.mark.timeout(3000)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_forty_rows_on_a_cluster_of_which_a_worker_is_killed(forty: Path, pooled: Path) -> None:
    pytest.importorskip("distributed")
    out = forty.parent / "dask"
    marks = out / ".affekt_batch" / "done"
    with cluster(forty.parent, 18786) as workers:
        words = ("--dask", "tcp://127.0.0.1:18786")
        command = [sys.executable, "-m", "affekt.sidecar", "batch", str(forty), "--out", str(out)]
        running = subprocess.Popen([*command, "--exact", *words])
        wait_for(lambda: len(list(marks.glob("*/*.json"))) > 20, "the first tasks", 1200)
        nannys = psutil.Process(workers[1].pid).children()
        doing = [p for p in nannys if "spawn_main" in " ".join(p.cmdline())]
        os.kill(doing[-1].pid, signal.SIGKILL)
        assert running.wait(1800) == 0
    assert hashes(out) == hashes(pooled)
    assert states(out) == ["done"] * 40


@pytest.mark.full
@pytest.mark.timeout(3000)
@pytest.mark.skipif(OPENJD is None, reason="openjd-cli is not installed")
def test_forty_rows_through_openjd(forty: Path, pooled: Path) -> None:
    out = forty.parent / "openjd"
    words = ["batch", "openjd", str(forty), "--out", str(out), "--workers", "1", "--exact"]
    assert cli.run(words) == 0
    affekt = forty.parent / "affekt.sh"
    affekt.write_text(f'#!/bin/sh\nexec {sys.executable} -m affekt.sidecar "$@"\n')
    affekt.chmod(0o755)
    told = ["-p", f"Folder={out}", "-p", f"Affekt={affekt}"]
    assert OPENJD is not None
    subprocess.run([OPENJD, "run", str(out / "affekt.openjd.json"), *told], check=True)
    assert hashes(out) == hashes(pooled)


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_batch_goes_on(sheet: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "affekt.sidecar", "batch", str(sheet), "--out", str(out)]
    running = subprocess.Popen([*command, "--exact", "--workers", "1", "--no-make-way"])
    marks = out / ".affekt_batch" / "done"
    wait_for(lambda: len(list(marks.glob("*/*.json"))) > 2, "the first tasks", 600)
    running.kill()
    running.wait()
    before = {path: path.read_bytes() for path in marks.glob("*/*.json")}
    batch(sheet, out, "--workers", "1")
    assert {path: path.read_bytes() for path in before} == before
    kept = sum(row.kept for row in read_journal(out / ".affekt_batch" / "rows.jsonl"))
    assert kept >= len(before)


def test_the_manual_names_every_column_and_output() -> None:
    from affekt.shared.batch_sheet import COLUMNS, OUTPUTS

    text = (ROOT / "docs" / "farm.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z0-9_]+)`", text))
    assert set(COLUMNS) | set(OUTPUTS) <= named
