# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPU bench runs through on a machine without a card, every row of it, with a stand-in."""

import pytest
import torch
from affekt.sidecar.raster.cuda import CudaRasteriser
from affekt.sidecar.raster.device import CpuRasteriser
from fakes.gsplat import rasterization
from rich.console import Console
from rich.table import Table

from . import gpu


@pytest.fixture
def tiny(monkeypatch) -> None:
    """A picture of few Gaussians in few pixels, once."""
    framed = gpu.default_camera
    monkeypatch.setattr(gpu, "default_camera", lambda avatar, *_: framed(avatar, 24, 24))
    monkeypatch.setattr(gpu, "cloud", lambda _: make_cloud(40))
    monkeypatch.setattr(gpu, "cloud_camera", lambda _: make_camera(24))
    monkeypatch.setattr(gpu, "RUNS", 1)


make_cloud, make_camera = gpu.cloud, gpu.cloud_camera


def text_of(table: Table) -> str:
    console = Console(width=150)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_both_columns(tiny):
    card = CudaRasteriser(rasterization=rasterization, torch_device=torch.device("cpu"), reason="")
    avatar, cpu = gpu.made_avatar(6, 9), CpuRasteriser(reason="")
    scenes = text_of(gpu.scene_table(gpu.scenes(avatar), cpu, card))
    assert scenes.count("/255") == 2 * 7 + 1
    assert scenes.count("0.00e+00") == 7
    throughput = text_of(gpu.throughput_table(avatar, cpu, card))
    assert throughput.count("frames/s") == 2


def test_without_a_card(tiny, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu, "some_avatars", lambda: [gpu.made_avatar(6, 9)])
    gpu.run_gpu_bench()
    printed = capsys.readouterr().out
    assert "No CUDA: " in printed
    assert "CPU" in printed
