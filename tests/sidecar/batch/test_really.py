# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in a night, for real: a disk that is full, a row that takes the memory, a cluster
of another version, processes that are killed; and rows whose files other tests only plan."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from affekt.shared.motion import cut_motion
from affekt.sidecar import cli
from affekt.sidecar.avatar.read import read_avatar
from affekt.sidecar.batch import pool
from affekt.sidecar.batch.journal import read_journal
from affekt.sidecar.batch.run import Outcome
from affekt.sidecar.motion.read import read_motion
from affekt.sidecar.motion.write import write_motion
from fakes.link import wait_for
from fakes.small_disk import small_disk

from ...addon.blenders import pythons

ROOT = Path(__file__).resolve().parents[3]
TAKE = ROOT / "sidecar" / "assets" / "demo" / "take.npz"
MIB = 2**20
AFFEKT = (sys.executable, "-m", "affekt.sidecar")
OWN = ".affekt_batch"
needs_kill = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """70 frames: two chunks."""
    path = tmp_path_factory.mktemp("take") / "take.npz"
    write_motion(cut_motion(read_motion(TAKE), 60, 130), path)
    return path


def write_sheet(path: Path, rows: Sequence[str]) -> Path:
    """Each row: take, out, emotions, avatar, outputs, frames, size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("take,out,emotions,avatar,outputs,frames,size", *rows)) + "\n")
    return path


def outcomes(folder: Path) -> list[Outcome]:
    return list(read_journal(folder / OWN / "rows.jsonl"))


def marks(folder: Path) -> dict[Path, bytes]:
    """What is done: an entry for each task."""
    return {path: path.read_bytes() for path in (folder / OWN / "done").glob("*/*.json")}


def files(folder: Path) -> dict[str, int]:
    """Results by their name, and which file it is on the disk."""
    found = (p for p in folder.rglob("*") if p.is_file() and OWN not in p.parts)
    return {p.relative_to(folder).as_posix(): p.stat().st_ino for p in found}


def run(sheet: Path, out: Path, *more: str, before: Sequence[str] = ()) -> tuple[int, str]:
    """Runs a batch as a process of its own: its exit code, and what it said."""
    words = [*before, *AFFEKT, "batch", str(sheet), "--out", str(out), "--no-make-way", *more]
    done = subprocess.run(words, capture_output=True, text=True, timeout=1000, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


# --- a full disk ----------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.timeout(1500)
def test_a_full_disk_in_the_middle_then_room(take: Path, tmp_path: Path) -> None:
    """The rows before are there, those that find no room say so, and the same line again makes
    them and nothing else."""
    rows = [f'{take},r{n},happy 0.{n},,"bake, cache",,' for n in range(1, 6)]
    sheet = write_sheet(tmp_path / "s.csv", rows)
    whole = tmp_path / "whole"
    assert run(sheet, whole, "--workers", "1")[0] == 0
    each = (whole / "r1" / "vertices.pc2").stat().st_size
    with small_disk(tmp_path / "disk", 8 * each) as disk:
        out = disk.folder / "night"
        disk.fill(int(3.5 * each))
        code, said = run(sheet, out, "--workers", "1", before=disk.before)
        assert code == 2
        assert "No space left on device" in said
        state = [row.state for row in outcomes(disk.view / "night")]
        assert state[:2] == ["done", "done"]
        assert state[-1] == "failed"
        failed = [row for row in outcomes(disk.view / "night") if row.state == "failed"]
        assert {row.error[0] for row in failed if row.error} == {"file.not_writable"}
        assert not [path for path in disk.files() if "partial" in path.name]
        kept = marks(disk.view / "night")
        disk.empty()
        assert run(sheet, out, "--workers", "1", before=disk.before)[0] == 0
        again = outcomes(disk.view / "night")
        assert [row.state for row in again].count("kept") == state.count("done")
        assert kept.items() <= marks(disk.view / "night").items()
    assert [row.sha256 for row in again] == [row.sha256 for row in outcomes(whole)]


# --- memory ---------------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.timeout(1500)
@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone limits a process's memory")
def test_a_row_that_takes_the_memory_is_said_and_the_others_are_made(
    take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_MEMORY_SHARE", 2.5e9 / psutil.virtual_memory().total)
    rows = [
        f"{take},a,,open-gaussians,png,0-1,48",
        f"{take},b,,open-gaussians,exr,0-1,5600",
        f"{take},c,,open-gaussians,png,2-3,48",
    ]
    out, sheet = tmp_path / "out", write_sheet(tmp_path / "s.csv", rows)
    sheet.write_text(
        sheet.read_text().replace("size\n", "size,passes\n").replace("5600", "5600,all")
    )
    words = ["batch", str(sheet), "--out", str(out), "--no-make-way", "--workers", "1"]
    assert cli.run(words) == 2
    made = outcomes(out)
    assert [row.state for row in made] == ["done", "failed", "done"]
    assert made[1].error is not None
    assert "memory" in made[1].error[1]
    assert not list((out / "b").glob("exr/*.exr"))


# --- killed processes -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn(take: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sheet of some rows with many pictures."""
    rows = [f"{take},r{n},sad 0.{n},open-gaussians,png,0-69,64" for n in range(1, 4)]
    return write_sheet(tmp_path_factory.mktemp("drawn") / "s.csv", rows)


def wait_for_the_middle(out: Path) -> None:
    """Until the second row is drawn."""
    wait_for(lambda: len(list(out.glob("r*/png/frame_*.png"))) > 80, "pictures", 900)


def check_resumed(sheet: Path, out: Path, before: dict, *more: str) -> None:
    """The same line again makes what was not done, and leaves the pictures that were."""
    pictures = {name: inode for name, inode in files(out).items() if name.endswith(".png")}
    code, said = run(sheet, out, *more)
    assert code == 0, said
    after = files(out)
    made_again = [name for name, inode in pictures.items() if after[name] != inode]
    assert not made_again, "a picture that is whole is not drawn again"
    assert before.items() <= marks(out).items()
    kept = sum(row.kept for row in outcomes(out))
    assert kept >= len(before) > 2
    assert not [name for name in after if "partial" in name]


@needs_kill
@pytest.mark.full
@pytest.mark.timeout(2500)
def test_a_killed_batch_goes_on_and_its_workers_end(drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [*AFFEKT, "batch", str(drawn), "--out", str(out), "--no-make-way", "--workers", "1"]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_the_middle(out)
    workers = psutil.Process(running.pid).children()
    running.kill()
    running.wait()
    before = marks(out)
    wait_for(lambda: not any(w.is_running() for w in workers), "the workers' end", 20)
    check_resumed(drawn, out, before, "--workers", "1")


@contextlib.contextmanager
def cluster(
    folder: Path, port: int, homes: Sequence[str | None]
) -> Iterator[tuple[subprocess.Popen, list[subprocess.Popen]]]:
    """A scheduler and a worker for each of `homes`: where it finds Affekt, None as here."""
    address, started = f"tcp://127.0.0.1:{port}", list[subprocess.Popen]()
    python, quiet = (sys.executable, "-m"), "--no-dashboard"
    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
    worker = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--memory-limit", "0")
    worker += ("--local-directory", str(folder), "--no-nanny")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "dask.log").open("ab") as log:
        for home, words in ((None, scheduler), *((home, worker) for home in homes)):
            told = os.environ if home is None else {**os.environ, "PYTHONPATH": home}
            command = (*python, *words, quiet)
            started.append(subprocess.Popen(command, stdout=log, stderr=log, env=dict(told)))
    try:
        yield started[0], started[1:]
    finally:
        for process in reversed(started):
            process.kill()
            process.wait(60)


@needs_kill
@pytest.mark.full
@pytest.mark.timeout(2500)
def test_a_killed_scheduler_is_said_and_the_batch_goes_on(drawn: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    out, port = tmp_path / "out", 18797
    dask = ("--dask", f"tcp://127.0.0.1:{port}")
    words = [*AFFEKT, "batch", str(drawn), "--out", str(out), *dask]
    with cluster(tmp_path / "one", port, [None]) as (scheduler, _):
        running = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        wait_for_the_middle(out)
        scheduler.kill()
        said = running.communicate(timeout=300)[1]
    assert running.returncode == 2
    assert "[batch.scheduler]" in said
    assert "Traceback" not in said
    before = marks(out)
    with cluster(tmp_path / "two", port, [None]):
        check_resumed(drawn, out, before, *dask)


@pytest.mark.full
@pytest.mark.timeout(2500)
def test_workers_of_another_version(take: Path, tmp_path: Path) -> None:
    """At once where they are there at the start; by row where one comes later."""
    pytest.importorskip("distributed")
    other = tmp_path / "other" / "affekt"
    for name in ("sidecar", "shared", "addon/splats"):
        shutil.copytree(ROOT / name, other / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "__init__.py", other / "__init__.py")
    with (other / "shared" / "wording.py").open("a") as file:
        file.write("\nOTHER = 1\n")
    out, port = tmp_path / "out", 18798
    sheet = write_sheet(tmp_path / "s.csv", [f"{take},a,happy,,bake,0-1,"])
    dask = ("--dask", f"tcp://127.0.0.1:{port}")
    with cluster(tmp_path / "dask", port, [None, str(other.parent)]):
        code, said = run(sheet, out, *dask)
    assert code == 2
    assert "1 worker of 2 have another Affekt" in said
    assert "[batch.version]" in said
    assert not (out / "a").exists()


# --- rows of every kind ---------------------------------------------------------------------------

SHIM = """#!/bin/sh
# Blender's program, of its module: -b --factory-startup --python-exit-code 1 --python SCRIPT -- JOB
exec {python} -c "
import runpy, sys
words = sys.argv[1:]
script = words[words.index('--python') + 1]
sys.argv = ['blender', *words]
runpy.run_path(script, run_name='__main__')
" "$@"
"""


@pytest.mark.full
@pytest.mark.timeout(1500)
@pytest.mark.skipif(
    sys.platform == "win32", reason="the stand-in for Blender's program is a script"
)
def test_splats_of_every_kind_and_blenders_own_picture(take: Path, tmp_path: Path) -> None:
    pytest.importorskip("pxr")
    found = [python for python in pythons() if "53" in str(python)]
    if not found or not found[-1].exists():
        pytest.skip("no Blender 5.3")
    blender = tmp_path / "blender"
    blender.write_text(SHIM.format(python=found[-1]))
    blender.chmod(0o755)
    camera = tmp_path / "camera.json"
    camera.write_text(moving_camera())
    rows = [
        f'{take},a,happy,open-gaussians,"usd, spz, compressed",0-2,',
        f'{take},b,happy,open-gaussians,"blender, png",0-2,96',
    ]
    sheet = write_sheet(tmp_path / "s.csv", rows)
    text = sheet.read_text().replace("size\n", "size,camera\n").replace(",96\n", f",96,{camera}\n")
    sheet.write_text(text)
    out = tmp_path / "out"
    code, said = run(sheet, out, "--workers", "2", "--blender", str(blender))
    assert code == 0, said
    assert (out / "a" / "avatar.usdc").stat().st_size > 10_000
    spz = read_avatar(out / "a" / "spz" / "frame_0002.spz")
    assert len(spz.opacities) > 1000
    middles = list[tuple[float, float]]()
    for number in (1, 2, 3):
        ours = alpha(out / "b" / "png" / f"frame_{number:04d}.png")
        theirs = alpha(out / "b" / "blender" / f"frame_{number:04d}.png")
        assert ours.shape == theirs.shape == (96, 128)
        assert np.mean((ours > 0.5) != (theirs > 0.5)) < 0.01
        rows_in, columns_in = np.nonzero(theirs > 0.5)
        middles.append((float(rows_in.mean()), float(columns_in.mean())))
    assert middles[2][1] - middles[0][1] > 10, "each frame has its own camera"
    assert run(sheet, out, "--workers", "2", "--blender", str(blender))[0] == 0
    assert [row.state for row in outcomes(out)] == ["kept", "kept"]


def alpha(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found is not None, path
    return found[..., 3] / 255.0


def moving_camera() -> str:
    """A camera that moves aside from frame to frame, as JSON, and not in the picture's middle."""
    entries = list[dict[str, object]]()
    for frame, aside in enumerate((-0.04, 0.0, 0.04)):
        moved = [[1, 0, 0, aside], [0, -1, 0, 0.03], [0, 0, -1, 0.7], [0, 0, 0, 1]]
        entries.append({"frame": frame, "camera_from_head": moved})
    lens = {"width": 128, "height": 96, "focal_px": [180, 180], "centre_px": [60, 52]}
    return json.dumps({**lens, "frames": entries})
