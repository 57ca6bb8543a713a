# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: one table of what the main job costs on this machine. Never a pass or a fail.

Each figure is the best of several runs in this process, after one that is not counted (numba
compiles there). The last column pairs a job with the plainest way to do it, run in turns, so that
a noisy machine disturbs both alike.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affekt.shared.camera import look_at
from affekt.shared.emotion import constant_track
from affekt.shared.motion import Motion
from affekt.sidecar.head.files import read_head
from affekt.sidecar.head.forward import HeadLayer
from affekt.sidecar.modulation.modulator import load_modulator, modulate
from affekt.sidecar.motion.read import read_motion
from affekt.sidecar.render.gaussians import rasterise_gaussians
from affekt.sidecar.render.mesh import rasterise_mesh
from affekt.sidecar.render.shade import draw_head
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is timed; `units` of work in one run; `plain` is the slow way to the same."""

    name: str
    run: Callable[[], object]
    units: float
    unit: str
    plain: Callable[[], object] | None = None


def main() -> None:
    """Times every job and prints the table."""
    table = Table("job", "best", "rate", "against the plain way")
    for job in make_jobs():
        job.run()
        fast, slow = [], []
        for _ in range(RUNS):
            fast.append(seconds(job.run))
            if job.plain is not None:
                slow.append(seconds(job.plain))
        ratio = f"{np.median(np.array(slow) / np.array(fast)):.1f} x faster" if slow else ""
        best = min(fast)
        table.add_row(
            job.name, f"{1e3 * best:.1f} ms", f"{job.units / best:,.0f} {job.unit}/s", ratio
        )
    Console(width=110).print(table)
    print(f"{os.cpu_count()} cores; best of {RUNS}")


def seconds(run: Callable[[], object]) -> float:
    """Wall seconds of one run."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def make_jobs() -> list[Job]:
    """The jobs on what the package ships."""
    head, modulator = read_head("open"), load_modulator()
    take = read_motion(ROOT / "sidecar/assets/demo/take.npz")
    track = constant_track(len(take), take.fps, happy=1.0)
    layer = HeadLayer(head)
    camera = look_at(
        target=np.zeros(3), distance=0.85, yaw_rad=0.0, pitch_rad=0.0, width=512, height=512,
        fov_y_rad=0.335,
    )  # fmt: skip
    vertices = layer.vertices(take, 0, 1)[0]
    cloud = random_gaussians(20_018)
    faces = head.faces
    frames = len(take)
    return [
        Job(name=f"modulate {frames} frames", run=lambda: modulate(take, track, modulator),
            units=frames, unit="frames"),
        Job(name=f"head forward, {frames} frames of {len(vertices):,} vertices",
            run=lambda: layer.vertices(take, 0, frames), units=frames, unit="frames",
            plain=lambda: plain_forward(layer, take)),
        Job(name=f"bake {frames} frames to files", run=lambda: bake_to_files(take),
            units=frames, unit="frames"),
        Job(name="mesh z-buffer, 512 x 512",
            run=lambda: rasterise_mesh(vertices, faces, camera), units=1, unit="frames"),
        Job(name="draw the head, 512 x 512, 9 samples",
            run=lambda: draw_head(vertices, head, camera), units=1, unit="frames"),
        Job(name="20,018 Gaussians, 512 x 512", run=lambda: rasterise_gaussians(*cloud, camera),
            units=1, unit="frames"),
    ]  # fmt: skip


def plain_forward(layer: HeadLayer, take: Motion) -> None:
    """Every frame on its own, as a preview without blocks would."""
    for frame in range(len(take)):
        layer.vertices(take, frame, frame + 1)


def bake_to_files(take: Motion) -> None:
    """The whole of `affekt bake`, without starting an interpreter."""
    from affekt.sidecar.commands.bake import Bake

    assets = ROOT / "sidecar/assets/demo"
    with tempfile.TemporaryDirectory() as folder:
        Bake(
            motion=assets / "take.npz", emotions=assets / "emotions.json", out=Path(folder) / "bake"
        ).run()


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
    main()
