# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: one table of what the main job costs on this machine. Never a pass or a fail.
`python -m tests.bench gpu`: Gaussians on the CPU and on a CUDA card.

Best and median of several runs in this process, after one that is not counted (numba compiles
there). The last column pairs a job with the plainest way to do it, run in turns, so that a noisy
machine disturbs both alike.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from affekt.shared.camera import look_at
from affekt.shared.emotion import constant_track
from affekt.shared.head import HeadModel
from affekt.shared.motion import Motion
from affekt.sidecar.bake.bake import bake, collect_vertices
from affekt.sidecar.denormals import flushed_denormals
from affekt.sidecar.head.files import read_head
from affekt.sidecar.head.forward import CHUNK_FRAMES, HeadLayer
from affekt.sidecar.modulation.modulator import Modulator, load_modulator, modulate
from affekt.sidecar.modulation.windows import WINDOW, windows_of
from affekt.sidecar.motion.read import read_motion, write_motion
from affekt.sidecar.raster.gaussians import rasterise_gaussians
from affekt.sidecar.raster.mesh import rasterise_mesh
from affekt.sidecar.render.shade import draw_head
from rich.console import Console
from rich.table import Table

from ..fakes.head import small_head
from .gpu import run_gpu_bench

ROOT = Path(__file__).resolve().parents[2]
RUNS = 9
FRAMES = 300
FLAME_VERTICES = 5_023


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is timed; `units` of work in one run; `aim` is what we want on two cores of a quiet
    machine; `plain` is the slow way to the same."""

    name: str
    run: Callable[[], object]
    units: float
    unit: str
    aim: str = ""
    plain: Callable[[], object] | None = None


def main() -> None:
    """Times every job and prints the table."""
    table = Table("job", "aim", "best", "median", "best rate", "against the plain way")
    for job in make_jobs():
        job.run()
        fast, slow = [], []
        for _ in range(RUNS):
            fast.append(seconds(job.run))
            if job.plain is not None:
                slow.append(seconds(job.plain))
        ratio = f"{np.median(np.array(slow) / np.array(fast)):.1f} x faster" if slow else ""
        best, median = min(fast), float(np.median(fast))
        table.add_row(
            job.name, job.aim, f"{1e3 * best:.1f} ms", f"{1e3 * median:.1f} ms",
            f"{job.units / best:,.0f} {job.unit}/s", ratio,
        )  # fmt: skip
    Console(width=130).print(table)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, load {load:.1f}; {RUNS} runs"
    )


def seconds(run: Callable[[], object]) -> float:
    """Wall seconds of one run."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def make_jobs() -> list[Job]:
    """The jobs on what the package ships."""
    return [*motion_jobs(), *picture_jobs()]


def motion_jobs() -> list[Job]:
    """From a take to files, on the open head and on one of FLAME's size."""
    head, modulator, take = read_head("open"), load_modulator(), long_take()
    track = constant_track(FRAMES, take.fps, happy=1.0)

    def whole() -> object:
        return collect_vertices(bake(take, track, head, None, modulator))

    middle = range(FRAMES // 2, FRAMES // 2 + 1)

    def one_frame() -> object:
        return collect_vertices(bake(take, track, head, None, modulator, middle))

    return [
        Job(name=f"modulate {FRAMES} frames", run=lambda: modulate(take, track, modulator),
            units=FRAMES, unit="frames", aim="60 ms", plain=lambda: plain_windows(modulator)),
        forward_job(flame_sized_head(head), take, aim="12,000 frames/s"),
        forward_job(head, take),
        Job(name=f"bake {FRAMES} frames to files", run=lambda: bake_to_files(take),
            units=FRAMES, unit="frames", aim="500 ms"),
        Job(name="preview of one frame, its 103 numbers", units=1, unit="frames", aim="10 ms",
            run=lambda: modulate(take, track, modulator, middle)),
        Job(name="the same and its vertices", run=one_frame, units=1, unit="frames", plain=whole),
    ]  # fmt: skip


def picture_jobs() -> list[Job]:
    """One picture each."""
    head = read_head("open")
    camera = look_at(
        target=np.zeros(3), distance=0.85, yaw_rad=0.0, pitch_rad=0.0, width=512, height=512,
        fov_y_rad=0.335,
    )  # fmt: skip
    vertices = HeadLayer(head).vertices(long_take(), 0, 1)[0]
    cloud = random_gaussians(20_018)
    return [
        Job(name="mesh z-buffer, 512 x 512",
            run=lambda: rasterise_mesh(vertices, head.faces, camera), units=1, unit="frames"),
        Job(name="draw the head, 512 x 512, 9 samples",
            run=lambda: draw_head(vertices, head, camera), units=1, unit="frames"),
        Job(name="20,018 Gaussians, 512 x 512", run=lambda: rasterise_gaussians(*cloud, camera),
            units=1, unit="frames"),
    ]  # fmt: skip


def long_take() -> Motion:
    """The shipped take, begun again until it has `FRAMES` frames."""
    take = read_motion(ROOT / "sidecar/assets/demo/take.npz")
    again = np.arange(FRAMES) % len(take)
    arrays = {
        field.name: getattr(take, field.name)[again]
        for field in fields(take)
        if np.shape(getattr(take, field.name))[:1] == (len(take),)
    }
    return replace(take, **arrays)


def flame_sized_head(head: HeadModel) -> HeadModel:
    """100 expression and 36 pose components on FLAME's number of vertices, all random but for
    how many joints hold a vertex, which is as on `head`."""
    weights = head.skin_weights[:FLAME_VERTICES]
    return replace(small_head(FLAME_VERTICES), skin_weights=weights)


def forward_job(head: HeadModel, take: Motion, aim: str = "") -> Job:
    layer = HeadLayer(head)
    return Job(
        name=f"head forward, {FRAMES} frames of {len(head.template):,} vertices",
        run=lambda: layer.vertices(take, 0, FRAMES), units=FRAMES, unit="frames", aim=aim,
        plain=lambda: plain_forward(layer, take),
    )  # fmt: skip


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
        Bake(motion=folder / "take.npz", emotions=emotions, out=folder / "bake").run()


def random_gaussians(count: int) -> tuple[np.ndarray, ...]:
    """A head-sized shell of Gaussians, sized like a LAM avatar's."""
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(count, 3))
    means = 0.1 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    quaternions = rng.normal(size=(count, 4))
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    scales = np.exp(rng.normal(-6.3, 0.4, (count, 3)))
    return means, quaternions, scales, rng.uniform(0.3, 1, count), rng.random((count, 3))


if __name__ == "__main__":
    run_gpu_bench() if sys.argv[1:] == ["gpu"] else main()
