# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes train what one trains. The two here are real ones, on the loopback."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from affekt.shared.errors import InputError
from affekt.sidecar.files import read_kept
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.training.geometry import CHECKPOINT, train
from affekt.sidecar.lab.training.journal import read_records
from affekt.sidecar.lab.training.processes import Processes, choose_device, joined
from fakes.head import small_head
from fakes.training import BRIEF, write_config
from safetensors.torch import load

LONGEST_S = 150


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


def run_together(count: int, arguments: list[str]) -> str:
    """Output of `affekt`, started `count` times by torchrun; none of them outlives this."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        str(count),
        "--rdzv-backend",
        "c10d",
        "--rdzv-endpoint",
        "127.0.0.1:0",
        "--local-addr",
        "127.0.0.1",
        "-m",
        "affekt.sidecar",
        *arguments,
    ]
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=LONGEST_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert process.returncode == 0, output
    return output


@pytest.mark.skipif(sys.platform != "linux", reason="names Linux's loopback")
def test_two_processes_make_the_weights_of_one(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    settings = replace(BRIEF, stain_weight=1.0, probe_weight=0.1)
    train(settings, read_head(settings.head), one, lambda line: None)
    config = write_config(settings, tmp_path / "c.toml")
    output = run_together(2, ["train", "geometry", "--config", str(config), "--out", str(two)])
    expected, found = (load(read_kept(folder / CHECKPOINT)) for folder in (one, two))
    assert expected["network.residual.weight"].abs().max() > 1e-3  # it began at 0
    for name, tensor in expected.items():
        # Adam turns the rounding of a gradient near 0 into a step, so no single number is compared.
        difference = torch.linalg.vector_norm(found[name] - tensor)
        assert difference <= 3e-3 * torch.linalg.vector_norm(tensor) + 1e-6, name
    assert output.count("wrote ") == 1
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}
    for ours, theirs in zip(read_records(one), read_records(two), strict=True):
        assert ours["step"] == theirs["step"]
        assert ours.get("loss", 0) == pytest.approx(theirs.get("loss", 0), rel=1e-4)


class TestParts:
    @pytest.mark.parametrize("count", [1, 2, 4])
    def test_every_row_is_someones(self, count: int):
        rows = np.arange(8)
        parts = [rows[Processes(rank=r, count=count).part(8)] for r in range(count)]
        assert np.array_equal(np.concatenate(parts), rows)

    def test_a_batch_that_cannot_be_shared_out_is_refused(self, tmp_path: Path):
        folder = tmp_path / "out"
        with pytest.raises(InputError) as caught:
            train(BRIEF, small_head(), folder, processes=Processes(count=3))
        assert caught.value.code == "option.config"
        assert not folder.exists()

    def test_only_the_first_speaks(self):
        assert Processes().is_first
        assert not Processes(rank=1, count=2).is_first


class TestDevices:
    def test_alone_without_torchrun(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
        with joined("cpu") as processes:
            assert processes == Processes()

    def test_auto_without_cuda_is_the_cpu(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert choose_device("auto").type == "cpu"

    @pytest.mark.parametrize(("seen", "place"), [(0, 0), (1, 1)])
    def test_cuda_that_is_not_there_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, seen: int, place: int
    ):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
        with pytest.raises(InputError) as caught:
            choose_device("cuda", place)
        assert caught.value.code == "option.config"

    def test_auto_takes_the_processes_own_gpu(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        monkeypatch.setattr(torch.cuda, "set_device", lambda place: None)
        assert choose_device("auto", 1) == torch.device("cuda", 1)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
    def test_a_run_moves_between_cuda_and_the_cpu(self, tmp_path: Path):
        with joined("cuda") as processes:
            train(BRIEF, small_head(), tmp_path, lambda line: None, processes)
        lines: list[str] = []
        train(BRIEF, small_head(), tmp_path, lines.append)
        assert f"resumed at step {BRIEF.steps}" in lines
