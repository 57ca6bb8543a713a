# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is really full (ENOSPC): one sentence with a code, nothing half-written under a name
that counts, and once there is room the same again goes on where it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from affekt.shared.errors import AffektError
from affekt.shared.events import JobFailed
from affekt.sidecar.cache.parts import check_chunk
from affekt.sidecar.render.exr import read_combined
from fakes.small_disk import SmallDisk, small_disk

from .harness import TAKE, Sidecar, chunks_in, hashes, running_sidecar, take_frames, track_of

MIB = 2**20
FRAMES = "0-79"
"""Of two chunks, 64 frames and 16; the first one's vertices are 8.9 MB."""
KEYS = {"keys": [{"frame": 0, "happy": 1.0}, {"frame": 79, "sad": 0.5}]}
PICTURES = 6


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 48 * MIB) as disk:
        yield disk


def affekt(
    arguments: Sequence[object], before: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Runs `affekt` with these arguments, behind a program that starts it."""
    command = [*before, sys.executable, "-m", "affekt.sidecar", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def assert_refused(done: subprocess.CompletedProcess[str]) -> None:
    """One sentence for a person, that says what is wrong."""
    assert done.returncode == 2, done.stderr
    assert "No space left on device" in done.stderr
    assert done.stderr.rstrip().endswith("[file.not_writable]")
    assert "Traceback" not in done.stderr


# --- affekt bake ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "emotions.json"
    path.write_text(json.dumps(KEYS))
    return path


def bake(keys: Path, out: Path, cache: Path) -> list[object]:
    """The arguments of a bake."""
    options = {"motion": TAKE, "emotions": keys, "frames": FRAMES, "out": out, "cache-dir": cache}
    return ["bake", *(word for name, value in options.items() for word in (f"--{name}", value))]


def outputs(folder: Path) -> dict[str, str]:
    """The hashes that a bake's report tells."""
    return json.loads((folder / "report.json").read_text())["sha256"]["outputs"]


@pytest.fixture(scope="module")
def undisturbed(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = affekt(bake(keys, folder / "out", folder / "cache"))
    assert done.returncode == 0, done.stderr
    return outputs(folder / "out")


def test_a_bake_into_a_full_disk(
    disk: SmallDisk, keys: Path, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    arguments = bake(keys, disk.folder / "out", tmp_path / "cache")
    disk.fill(10 * MIB)  # the first chunk's vertices fit, the second one's do not
    assert_refused(affekt(arguments, disk.before))
    assert disk.files() == []
    disk.empty()
    done = affekt(arguments, disk.before)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 chunks were baked before" in done.stdout  # the cache had room
    assert outputs(disk.view / "out") == undisturbed


@pytest.mark.full
def test_a_bake_whose_cache_is_full(
    disk: SmallDisk, keys: Path, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    """The bake goes well: it keeps no chunks, and says so."""
    disk.fill(1 * MIB)
    done = affekt(bake(keys, tmp_path / "out", disk.folder / "cache"), disk.before)
    assert done.returncode == 0, done.stderr
    assert "The bake goes on, but keeps no chunks." in done.stderr
    assert outputs(tmp_path / "out") == undisturbed
    assert_whole(disk.view / "cache" / "users" / "local" / "chunks")


def assert_whole(chunks: Path) -> int:
    """Every file of the folder is a whole chunk; returns how many there are."""
    found = list(chunks.iterdir()) if chunks.is_dir() else []
    for path in found:
        with path.open("rb") as file:
            check_chunk(file)
    return len(found)


# --- affekt render --------------------------------------------------------------------------


def pictures_of(disk: SmallDisk) -> dict[str, int]:
    """Names of the pictures that are there and their inodes; each is read whole."""
    found: dict[str, int] = {}
    for path in disk.files():
        if path.suffix == ".png":
            assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED) is not None, path
        elif path.suffix == ".exr":
            assert np.isfinite(read_combined(path)).all()
        else:
            assert path.name == "preview.mp4", path
            continue
        found[path.name] = path.stat().st_ino
    return found


@pytest.mark.parametrize(
    ("options", "free", "each"),
    [
        pytest.param(["--no-preview"], 60_000, 2, id="png", marks=pytest.mark.full),
        pytest.param(
            ["--format", "exr", "--no-preview"], 200_000, 1, id="exr", marks=pytest.mark.full
        ),
    ],
)
def test_a_rendering_into_a_full_disk(
    disk: SmallDisk, options: list[str], free: int, each: int
) -> None:
    """Pictures that are whole stay and are not drawn again."""
    places = ["--avatar", "open", "--motion", TAKE, "--out", disk.folder / "out"]
    frames = ["--frames", f"0-{PICTURES - 1}", "--size", 128]
    arguments = ["render", *places, *frames, *options]
    disk.fill(free)
    done = affekt(arguments, disk.before)
    assert_refused(done)
    assert "was not saved" in done.stderr
    kept = pictures_of(disk)
    assert 0 < len(kept) < each * PICTURES
    disk.empty()
    done = affekt(arguments, disk.before)
    assert done.returncode == 0, done.stderr
    after = pictures_of(disk)
    assert len(after) == each * PICTURES
    frames_kept = {name[5:]: inode for name, inode in kept.items() if name.startswith("frame")}
    assert frames_kept == {number: after[f"frame{number}"] for number in frames_kept}
    assert f"{len(frames_kept)} of them kept from before" in done.stdout


@pytest.mark.full
def test_a_preview_that_finds_no_room(disk: SmallDisk) -> None:
    places = ["--avatar", "open", "--motion", TAKE, "--out", disk.folder / "out"]
    arguments = ["render", *places, "--frames", "0-40", "--size", 128, "--no-depth"]
    assert affekt([*arguments, "--no-preview"], disk.before).returncode == 0
    disk.fill(4096)
    assert_refused(affekt(arguments, disk.before))
    assert len(pictures_of(disk)) == len(disk.files()) == 41
    disk.empty()
    assert affekt(arguments, disk.before).returncode == 0
    assert len(disk.files()) == 42


# --- the sidecar ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Served:
    """A sidecar whose cache is the small disk; `cache` is the local user's part."""

    disk: SmallDisk
    sidecar: Sidecar

    @property
    def cache(self) -> Path:
        return self.disk.view / "users" / "local"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with (
        small_disk(folder / "cache", 48 * MIB) as disk,
        running_sidecar(folder, before=disk.before) as sidecar,
    ):
        yield Served(disk=disk, sidecar=sidecar)


def test_an_upload_to_a_full_disk(served: Served) -> None:
    data, disk = os.urandom(3 * MIB), served.disk
    disk.fill(2 * MIB)
    with pytest.raises(AffektError) as caught:
        served.sidecar.client.upload(data, "motion", "big.npz")
    assert caught.value.code == "job.disk"
    assert [path for path in disk.files() if path.stat().st_size >= len(data)] == []
    disk.empty()
    artefact = served.sidecar.client.upload(data, "motion", "big.npz")
    kept = served.cache / "artefacts" / artefact.sha256
    assert kept.read_bytes() == data
    kept.unlink()


def test_a_sidecar_whose_cache_is_full(served: Served) -> None:
    """A bake's first chunk is kept, an upload is refused; both go well once there is room."""
    track, disk, sidecar, cache = (
        track_of(take_frames(), 0.6),
        served.disk,
        served.sidecar,
        served.cache,
    )
    sidecar.wait_until_warm()
    take = sidecar.upload()
    disk.fill(10 * MIB)
    end = sidecar.end_of(sidecar.client.start_bake(take, track))
    assert isinstance(end, JobFailed)
    assert end.error.code == "job.disk"
    assert "No space left on device" in end.error.message
    kept = chunks_in(cache)
    assert assert_whole(cache / "chunks") == len(kept) > 0
    assert not [path for path in disk.files() if "partial" in path.name]
    disk.empty()
    baked = sidecar.finished(sidecar.client.start_bake(take, track))
    after = chunks_in(cache)
    assert {name: after.get(name) for name in kept} == kept
    for name in after:
        (cache / name).unlink()
    again = sidecar.finished(sidecar.client.start_bake(take, track))
    assert hashes(again) == hashes(baked)
