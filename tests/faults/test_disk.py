# SPDX-License-Identifier: GPL-3.0-or-later
"""A cache that is full, read-only, gone or damaged, and memory that runs out: a typed error, and
once it is mended the same again works."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from affekt.shared.artefact import Artefact
from affekt.shared.errors import AffektError

from .harness import Sidecar, hashes, running_sidecar, take_frames, track_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")


@pytest.mark.parametrize(
    ("name", "code"),
    [("gpu-once", "job.gpu_memory"), ("memory-once", "job.memory"), ("disk-once", "job.disk")],
)
def test_memory_or_disk_runs_out(sidecar: Sidecar, name: str, code: str) -> None:
    """Injected into the worker; the second try goes well."""
    take = sidecar.upload(f"{name}.npz")
    track = track_of(take_frames(), 0.2)
    worker = sidecar.worker_pid
    assert sidecar.failure_of(sidecar.client.start_bake(take, track)) == code
    sidecar.finished(sidecar.client.start_bake(take, track))
    assert sidecar.worker_pid == worker


def test_a_full_disk(sidecar: Sidecar, take: Artefact) -> None:
    """The system refuses the worker files beyond 4 KiB."""
    track = track_of(take_frames(), 0.21)
    worker = sidecar.worker_pid
    before = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        assert sidecar.failure_of(sidecar.client.start_bake(take, track)) == "job.disk"
    finally:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, before)
    sidecar.finished(sidecar.client.start_bake(take, track))
    assert sidecar.worker_pid == worker
    assert not [p for p in sidecar.cache.rglob("*") if "partial" in p.name]


def test_an_upload_to_a_full_disk(sidecar: Sidecar) -> None:
    server = sidecar.server_pid
    before = resource.prlimit(server, resource.RLIMIT_FSIZE)
    data = os.urandom(2_000_000)
    resource.prlimit(server, resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(AffektError) as caught:
            sidecar.client.upload(data, "motion", "big.npz")
    finally:
        resource.prlimit(server, resource.RLIMIT_FSIZE, before)
    assert caught.value.code == "job.disk"
    sidecar.client.upload(data, "motion", "big.npz")


@pytest.mark.full
def test_a_damaged_cache(sidecar: Sidecar, take: Artefact) -> None:
    """A worker that did not write it itself does not believe it."""
    track = track_of(take_frames(), 0.22)
    whole = hashes(sidecar.finished(sidecar.client.start_bake(take, track)))
    damaged = [path for path in sidecar.cache.rglob("*") if path.is_file()]
    for path in damaged:
        if take.sha256 not in path.name:
            damage(path)
    os.kill(sidecar.worker_pid, signal.SIGKILL)
    assert hashes(sidecar.finished(sidecar.client.start_bake(take, track))) == whole


def damage(path: Path) -> None:
    """One byte in the middle."""
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 0x40
        path.write_bytes(content)


def test_a_cache_that_is_removed(sidecar: Sidecar, take: Artefact) -> None:
    """Then the take is gone too: an error says so, and with it handed over again all works."""
    track = track_of(take_frames(), 0.24)
    gone = (sidecar.folder / "cache").rename(sidecar.folder / "gone")
    shutil.rmtree(gone)
    job = sidecar.client.start_bake(take, track)
    assert sidecar.failure_of(job) in ("link.no_artefact", "job.disk")
    again = sidecar.upload()
    sidecar.finished(sidecar.client.start_bake(again, track))


@pytest.mark.full
def test_a_read_only_cache(tmp_path: Path) -> None:
    """Started without root's right to write everywhere."""
    before = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if is_root() else []
    if before and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to take that away")
    with running_sidecar(tmp_path, before=before) as sidecar:
        take, track = sidecar.upload(), track_of(take_frames(), 0.25)
        sidecar.wait_until_warm()
        folders = [sidecar.cache, *(p for p in sidecar.cache.rglob("*") if p.is_dir())]
        set_mode(folders, 0o500)
        try:
            assert sidecar.failure_of(sidecar.client.start_bake(take, track)) == "job.disk"
            with pytest.raises(AffektError) as caught:
                sidecar.client.upload(b"another", "motion", "a.npz")
            assert caught.value.code == "job.disk"
        finally:
            set_mode(folders, 0o700)
        sidecar.finished(sidecar.client.start_bake(take, track))


def is_root() -> bool:
    return os.getuid() == 0


def set_mode(folders: list[Path], mode: int) -> None:
    for folder in folders:
        folder.chmod(mode)


def test_the_read_only_trick_works(tmp_path: Path) -> None:
    """The control: what is started so really cannot write."""
    if not is_root() or shutil.which("setpriv") is None:
        pytest.skip("only root may write everywhere")
    tmp_path.chmod(0o500)
    command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "touch", "a"]
    try:
        assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode != 0
        assert subprocess.run(["touch", "a"], cwd=tmp_path).returncode == 0
    finally:
        tmp_path.chmod(0o700)
