# SPDX-License-Identifier: GPL-3.0-or-later
"""What LAM's network costs at full size, with random weights that are written on the spot (1.2 GB,
and removed again): `python -m tests.bench lam`. Seconds are the processor's, over all threads,
which a busy machine disturbs least; the peak is the process's."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from affekt.sidecar.lam.checkpoint import find_precision, load_flame, open_checkpoint
from affekt.sidecar.lam.run import NEUTRAL, Means, Progress, Question, ask
from rich.console import Console
from rich.table import Table

from ..fakes.flame_twin import real_mesh_twin, remeshed_twin
from ..fakes.lam_checkpoint import write_checkpoint


def run_lam_bench() -> None:
    """Measures one photo in the precision that this machine would choose."""
    from affekt.sidecar.head.read import read_head

    basis = Path(os.environ.get("AFFEKT_TEST_DATA", "")) / "flame_open" / "flame_basis.npz"
    head = read_head("open")
    twin = real_mesh_twin(head, basis) if basis.is_file() else remeshed_twin(head)
    table = Table("stage", "processor s", "s", "peak MB so far")
    with tempfile.TemporaryDirectory() as name:
        os.environ["AFFEKT_CACHE_DIR"] = name
        path = write_checkpoint(Path(name) / "model.safetensors", twin.arrays, dtype=torch.bfloat16)
        del twin
        for stage, busy, wall in _timed(_stages(path)):
            table.add_row(stage, f"{busy:.1f}", f"{wall:.1f}", f"{_peak_mb():,.0f}")
    load = ", ".join(f"{one:.0f}" for one in os.getloadavg())
    Console(width=120).print(table, f"{torch.get_num_threads()} threads, load {load}")


def _stages(path: Path) -> Iterator[str]:
    """Tells each part of the work as it begins."""
    yield "hash, names and shapes"
    checkpoint = open_checkpoint(path)
    yield "FLAME"
    surface = load_flame(checkpoint).surface
    image = np.random.default_rng(0).random((3, 504, 504), dtype=np.float32)
    means = Means(checkpoint=checkpoint, surface=surface, precision=find_precision())
    question = Question(image=image, shape=np.zeros(300, np.float32))
    steps = ask(question, means, [NEUTRAL])
    yield from _grouped(steps)


def _grouped(steps: Iterator[Progress]) -> Iterator[str]:
    before = ""
    for step in steps:
        if step.stage != before:
            yield step.stage
        before = step.stage


def _timed(stages: Iterator[str]) -> Iterator[tuple[str, float, float]]:
    """Each stage with the processor's seconds and the clock's."""
    stage = next(stages)
    while True:
        busy, wall = time.process_time(), time.monotonic()
        following = next(stages, None)
        yield stage, time.process_time() - busy, time.monotonic() - wall
        if following is None:
            return
        stage = following


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
