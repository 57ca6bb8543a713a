# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: one table of what the main job costs on this machine. Never a pass or a fail.
`python -m tests.bench gpu`: Gaussians on the CPU and on a CUDA card. `python -m tests.bench
pictures` has its pictures alone, `previews` what the worker shows at once, `words` what words for
a face cost, `link` the way between Blender and the sidecar, `blender` a long take in each
Blender, `bakes` short ones, `splats` avatars in its scene, `live` what sliders that are shown at
once cost, `lam` LAM's network at full size, with random weights. `--plot PATH` draws how
pictures' cost grows, `--zoom PATH` a head that becomes small.

Best and median of several runs in this process, after one that is not counted (numba compiles
there); "processor" is the best over all threads, which a busy machine disturbs least. The last
column pairs a job with the plainest way to do it, run in turns, so that a noisy machine disturbs
both alike.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from affekt.shared.emotion import constant_track
from affekt.shared.head import HeadModel
from affekt.shared.motion import Motion
from affekt.sidecar.denormals import flushed_denormals
from affekt.sidecar.head.forward import CHUNK_FRAMES, HeadLayer, layer_of
from affekt.sidecar.head.read import read_head
from affekt.sidecar.lab.evaluation.unit_pictures import held_units
from affekt.sidecar.modulation.modulator import (
    Modulator,
    answering,
    load_modulator,
    modulate,
    modulate_part,
)
from affekt.sidecar.modulation.windows import WINDOW, windows_of
from affekt.sidecar.motion.write import write_motion
from rich.console import Console
from rich.table import Table

from ..fakes.bakes import bake
from ..fakes.head import small_head
from .batches import run_batches_bench
from .blender import run_bakes_bench, run_blender_bench, run_live_bench
from .gpu import run_gpu_bench
from .job import FRAMES, ROOT, Job, long_take, seconds
from .lam import run_lam_bench
from .link import run_link_bench
from .pictures import picture_jobs, plot_growth
from .previews import preview_jobs
from .splats import run_splats_bench
from .words import word_jobs
from .zoom import make_zoom

RUNS = 9
PARTS = {"pictures": picture_jobs, "previews": preview_jobs, "words": word_jobs}
_BENCHES = ("gpu", "link", "blender", "bakes", "splats", "live", "lam", "batches")
CHOICES = ("all", *PARTS, *_BENCHES)
FLAME_VERTICES = 5_023


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("what", nargs="?", choices=CHOICES, default="all")
    parser.add_argument("--plot", type=Path, help="a PNG of how the cost of pictures grows")
    parser.add_argument("--zoom", type=Path, help="a PNG of a head that becomes small")
    asked = parser.parse_args()
    if asked.plot is not None:
        plot_growth(asked.plot)
    elif asked.zoom is not None:
        make_zoom(asked.zoom)
    elif asked.what == "gpu":
        run_gpu_bench()
    elif asked.what == "link":
        run_link_bench()
    elif asked.what == "blender":
        run_blender_bench()
    elif asked.what == "bakes":
        run_bakes_bench()
    elif asked.what == "splats":
        run_splats_bench()
    elif asked.what == "batches":
        run_batches_bench()
    elif asked.what == "live":
        run_live_bench()
    elif asked.what == "lam":
        run_lam_bench()
    else:
        time_jobs(PARTS.get(asked.what, make_jobs)())
        if asked.what == "all":
            run_link_bench()
            run_blender_bench()
            run_live_bench()
            run_splats_bench()
            run_batches_bench()


def time_jobs(jobs: list[Job]) -> None:
    """Times every job and prints the table."""
    table = Table("job", "aim", "best", "median", "processor", "best rate", "against the plain way")
    for job in jobs:
        job.run()
        fast, slow, busy = [], [], []
        for _ in range(RUNS):
            begin = time.process_time()
            fast.append(seconds(job.run))
            busy.append(time.process_time() - begin)
            if job.plain is not None:
                slow.append(seconds(job.plain))
        ratio = f"{np.median(np.array(slow) / np.array(fast)):.1f} x faster" if slow else ""
        best, median = min(fast), float(np.median(fast))
        table.add_row(
            job.name,
            job.aim,
            f"{1e3 * best:.1f} ms",
            f"{1e3 * median:.1f} ms",
            f"{1e3 * min(busy):.1f} ms",
            f"{job.units / best:,.0f} {job.unit}/s",
            ratio,
        )
    Console(width=130).print(table)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, load {load:.1f}; {RUNS} runs"
    )


def make_jobs() -> list[Job]:
    """The jobs on what the package ships."""
    return [*motion_jobs(), *picture_jobs()]


def motion_jobs() -> list[Job]:
    """From a take to files, on the open head and on one of FLAME's size."""
    head, modulator, take = read_head("open"), load_modulator(), long_take()
    # Other emotions in every run: windows that were asked for before are remembered.
    tracks = itertools.cycle(
        [constant_track(FRAMES, take.fps, happy=step / 100) for step in range(1, 100)]
    )

    def whole() -> object:
        return bake(take, next(tracks), head, None, modulator)

    units = held_units({"AU1": 1, "AU4": 0.3, "AU12_L": 0.6, "AU25": 0.5, "AU43": 0.2}, FRAMES, 30)
    by_units = replace(next(tracks), unit_names=units.unit_names, units=units.units)
    fitted = answering(modulator, take)
    middle, mover = range(FRAMES // 2, FRAMES // 2 + 1), layer_of(head).mover(take)

    def one_frame() -> object:
        return next(mover.blocks(modulate(take, next(tracks), modulator, middle), 0, 1))

    return [
        Job(
            name=f"modulate {FRAMES} frames",
            run=lambda: modulate(take, next(tracks), modulator),
            units=FRAMES,
            unit="frames",
            aim="60 ms",
            plain=lambda: plain_windows(modulator),
        ),
        Job(
            name=f"edit {FRAMES} frames by five action units",
            run=lambda: modulate_part(take, by_units, fitted),
            units=FRAMES,
            unit="frames",
            aim="60 ms",
        ),
        forward_job(flame_sized_head(head), take, aim="12,000 frames/s"),
        forward_job(head, take),
        Job(
            name=f"bake {FRAMES} frames to files",
            run=lambda: bake_to_files(take),
            units=FRAMES,
            unit="frames",
            aim="500 ms",
        ),
        Job(
            name="preview of one frame, its 103 numbers",
            units=1,
            unit="frames",
            aim="10 ms",
            run=lambda: modulate(take, next(tracks), modulator, middle),
        ),
        Job(name="the same and its vertices", run=one_frame, units=1, unit="frames", plain=whole),
    ]


def flame_sized_head(head: HeadModel) -> HeadModel:
    """100 expression and 36 pose components on FLAME's number of vertices, all random but for
    how many joints hold a vertex, which is as on `head`."""
    weights = head.skin_weights[:FLAME_VERTICES]
    return replace(small_head(FLAME_VERTICES), skin_weights=weights)


def forward_job(head: HeadModel, take: Motion, aim: str = "") -> Job:
    layer = HeadLayer(head)
    return Job(
        name=f"head forward, {FRAMES} frames of {len(head.template):,} vertices",
        run=lambda: layer.vertices(take, 0, FRAMES),
        units=FRAMES,
        unit="frames",
        aim=aim,
        plain=lambda: plain_forward(layer, take),
    )


@flushed_denormals()
def plain_forward(layer: HeadLayer, take: Motion) -> None:
    """torch's operations, which CUDA and gradients take."""
    eyes = take.eyes.reshape(-1, 2, 3)
    pose = np.concatenate([np.stack([take.rotation, take.neck, take.jaw], 1), eyes], 1)
    inputs = [torch.from_numpy(a) for a in (take.expression, pose, take.translation)]
    with torch.inference_mode():
        for start in range(0, FRAMES, CHUNK_FRAMES):
            layer(layer.template, *(a[start : start + CHUNK_FRAMES] for a in inputs))


@flushed_denormals()
def plain_windows(modulator: Modulator) -> None:
    """The network as it was trained, on as many windows."""
    frames, weights = torch.ones(1, WINDOW, 103), torch.ones(1, WINDOW, 6)
    with torch.inference_mode():
        for _ in windows_of(range(FRAMES)):
            modulator.network(frames, weights)


def bake_to_files(take: Motion) -> None:
    """The whole of `affekt bake`, without starting an interpreter."""
    from affekt.sidecar.commands.bake import Bake

    emotions = ROOT / "sidecar/assets/demo/emotions.json"
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()):
        folder = Path(name)
        write_motion(take, folder / "take.npz")
        folders = {"out": folder / "bake", "cache_dir": folder / "cache"}
        Bake(motion=folder / "take.npz", emotions=emotions, **folders).run()


if __name__ == "__main__":
    main()
